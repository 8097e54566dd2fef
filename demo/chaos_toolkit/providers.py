"""Runs one activity in this process, for `demo.chaos_toolkit.activity`: a request, a program, or a Python function.

Unlike in the Chaos Toolkit, a coroutine is awaited, and a program that fails or a request that is refused has failed.
"""

import asyncio
import importlib
import inspect
import json
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

MAX_ANSWER = 1_000_000
NO_TOOLKIT = (
    "this activity is a Python function of the Chaos Toolkit, which is not installed: pip install "
    "'chaos-stage[chaostoolkit]', and the extension that has the function"
)


class ActivityError(Exception):
    """An activity that could not be run; the text says why."""


class _KeepErrors(urllib.request.HTTPErrorProcessor):
    """Answers with any status are answers."""

    def http_response(self, request: Any, response: Any) -> Any:
        if response.status in (301, 302, 303, 307, 308):
            return super().http_response(request, response)
        return response

    https_response = http_response


def run_provider(
    provider: Mapping[str, Any],
    timeout: float | None,
    configuration: Mapping[str, Any],
    secrets: Mapping[str, Any],
) -> Any:
    """Return the result of an activity. `secrets` by their target. Raises `ActivityError`."""
    kind = provider.get("type")
    if kind == "http":
        return _request(provider, timeout)
    if kind == "process":
        return _run(provider, timeout)
    return _call(provider, configuration, secrets)


def _request(provider: Mapping[str, Any], timeout: float | None) -> Any:
    headers = {str(key): str(value) for key, value in (provider.get("headers") or {}).items()}
    method, url = str(provider.get("method") or "GET").upper(), str(provider["url"])
    url, data = encode_arguments(method, url, headers, provider.get("arguments"))
    context = ssl.create_default_context()
    if provider.get("verify_tls") is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if not url.startswith(("http://", "https://")):
        raise ActivityError("its URL must begin with http:// or https://")
    opener = urllib.request.build_opener(_KeepErrors, urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the scheme was looked at
    try:
        with opener.open(request, timeout=timeout) as answer:
            raw = answer.read(MAX_ANSWER)
            text = raw.decode(answer.headers.get_content_charset() or "utf-8", errors="replace")
            is_json = answer.headers.get("Content-Type") == "application/json"
            return {"status": answer.status, "headers": dict(answer.headers), "body": _json(text) if is_json else text}
    except TimeoutError:
        raise ActivityError(f"no answer within {timeout:g} s") from None
    except (OSError, ValueError, LookupError) as error:
        reason = getattr(error, "reason", error)
        raise ActivityError(f"no answer: {getattr(reason, 'strerror', None) or type(reason).__name__}") from None


def encode_arguments(method: str, url: str, headers: dict[str, str], arguments: Any) -> tuple[str, bytes | None]:
    """Return URL and body of a request with these arguments; a header that the body needs is added."""
    if not arguments:
        return url, None
    if method == "GET":
        text = arguments if isinstance(arguments, str) else urllib.parse.urlencode(arguments, doseq=True)
        return f"{url}{'&' if '?' in url else '?'}{text}", None
    if headers.get("Content-Type") == "application/json":
        return url, json.dumps(arguments).encode()
    if isinstance(arguments, str):
        return url, arguments.encode()
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return url, urllib.parse.urlencode(arguments, doseq=True).encode()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def command_of(path: str, arguments: Any) -> list[str]:
    """Return the command of a process activity: a text of arguments goes through a shell, as in the Chaos Toolkit."""
    if isinstance(arguments, str):
        return ["sh", "-c", f"{path} {arguments}"]
    if isinstance(arguments, Mapping):
        arguments = [part for pair in arguments.items() for part in pair]
    given: Sequence[Any] = arguments if isinstance(arguments, list) else []
    return [path, *(str(part) for part in given if part not in (None, ""))]


def _run(provider: Mapping[str, Any], timeout: float | None) -> Any:
    argv = command_of(str(provider["path"]), provider.get("arguments"))
    try:
        done = subprocess.run(argv, capture_output=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise ActivityError(f"{argv[0]} did not end within {timeout:g} s") from None
    except (OSError, ValueError) as error:
        raise ActivityError(f"{argv[0]} could not be started: {getattr(error, 'strerror', None) or error}") from None
    printed, errors = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    return {"status": done.returncode, "stdout": printed, "stderr": errors}


def _call(provider: Mapping[str, Any], configuration: Mapping[str, Any], secrets: Mapping[str, Any]) -> Any:
    try:
        toolkit = importlib.import_module("chaoslib.provider.python")
    except ImportError:
        raise ActivityError(NO_TOOLKIT) from None
    place = f"{provider.get('module')}.{provider.get('func')}"
    try:
        result = toolkit.run_python_activity({"name": place, "provider": dict(provider)}, configuration, secrets)
        if inspect.isawaitable(result):
            return asyncio.run(_finish(result))
    except ModuleNotFoundError as error:
        raise ActivityError(f"there is no Python module {error.name!r}: install the package that has it") from None
    except AttributeError as error:
        raise ActivityError(f"{place}: {error}") from None
    except Exception as error:
        raise ActivityError(f"{place}: {str(error) or type(error).__name__}") from error
    if inspect.isgenerator(result) or inspect.isasyncgen(result):
        raise ActivityError(f"{place} returned a generator: nothing of it has run")
    return result


async def _finish(result: Any) -> Any:
    return await result
