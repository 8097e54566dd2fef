"""JSONPath of tolerances: RFC 9535, as in show files."""

from typing import Any

from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathError


def values_at(path: str, data: Any) -> list[Any]:
    """Return all values at a path. Raises `ValueError` if it is not a valid JSONPath."""
    try:
        return [node.value for node in JSONPathEnvironment().find(path, data)]
    except (JSONPathError, RecursionError) as error:
        # Later releases of the library draw the place below the sentence.
        raise ValueError(f"{path!r} is not a valid JSONPath: {str(error).split(chr(10))[0]}") from None
