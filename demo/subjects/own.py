"""Loads a user's own subject: what is wrong with it is reported with their file, line and words."""

import ast
import importlib
import importlib.util
import inspect
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from demo.errors import DemoError, InvalidValue, SubjectError, UsageError
from demo.subjects.user_code import describe_error, nearest, place_of, place_of_code
from demo.types import Chapter

T = TypeVar("T")

SUBJECT = ("name", "title", "description", "poller", "faults", "chapters", "check", "start", "heal", "stop")
DRIVER = ("config", "target", "observable", "plan", "inject", "heal", "is_healed", "is_seen")
POLLER = ("run", "get_health", "stop")


def find_class(module: str, attribute: str) -> Callable[..., object]:
    """Return a class of the user's, from the working directory or wherever Python finds it. Raises `UsageError`."""
    _refuse_file_name(f"{module}:{attribute}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found = getattr(_import_module(module), attribute, None)
    if found is None:
        classes = _classes(module)
        known = f": it has {', '.join(classes)}" if classes else ""
        raise UsageError(f"the module {module!r} has no {attribute!r}{known}{nearest(attribute, classes)}")
    if not callable(found):
        raise UsageError(f"{module}:{attribute} is not a class or a function that makes a subject")
    return cast("Callable[..., object]", found)


def _import_module(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise UsageError(
                f"cannot import {module!r}: there is no module {error.name!r} in {Path.cwd()} or on Python's path"
            ) from None
        raise UsageError(f"cannot import {module!r}: {describe_error(error)}") from error
    except Exception as error:
        raise UsageError(f"cannot import {module!r}: {describe_error(error)}") from error


def unknown_subject(name: str, known: Iterable[str]) -> NoReturn:
    """Raise `UsageError` for a name that is not a subject's, saying what to type for a file or a module."""
    _refuse_file_name(name)
    known = tuple(known)
    if Path(f"{name}.md").is_file():
        raise UsageError(
            f"there is no subject {name!r}; for your show file type `demo serve {shlex.quote(f'{name}.md')}`"
        )
    if name.isidentifier() and Path(f"{name}.py").is_file():
        raise UsageError(f"there is no subject {name!r}; for your own file type {_command_for(Path(f'{name}.py'))}")
    raise UsageError(
        f"there is no subject {name!r}; known: {', '.join(known)}, "
        f"or your own as my-show.md or module:Class{nearest(name, known)}"
    )


def _refuse_file_name(name: str) -> None:
    """Raise `UsageError` if a file is named where a module is wanted."""
    file, _, attribute = name.partition(":")
    path = Path(file)
    if path.suffix != ".py" and "/" not in file:
        return
    if path.suffix == ".py" and path.is_file():
        raise UsageError(
            f"{name!r} names a file; a subject is named by module and class: type {_command_for(path, attribute)}"
        )
    raise UsageError(
        f"{name!r} is not a file here; name a subject of your own by module and class, as in demo serve lamp:Lamp"
    )


def _command_for(path: Path, attribute: str = "") -> str:
    """Return what to type for the subject in a file: the folder to be in, the module, and its class."""
    classes = _classes_in(path)
    chosen = attribute or (classes[0] if classes else "Class")
    folder = "" if path.absolute().parent == Path.cwd() else f"cd {path.parent} && "
    return f"`{folder}demo serve {path.stem}:{chosen}`"


def _classes(module: str) -> list[str]:
    spec = importlib.util.find_spec(module)
    return _classes_in(Path(spec.origin)) if spec is not None and spec.origin else []


def _classes_in(file: Path) -> list[str]:
    """Return the classes in a file that have a `chapters`, without running the file."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return [node.name for node in classes if any(getattr(part, "name", "") == "chapters" for part in node.body)]


def call(what: str, work: Callable[[], T]) -> T:
    """Run a step of the user's own code and return its result.

    Raises `SubjectError` with file, line and their words for whatever it raises; an error of ours that it raised on
    purpose passes unchanged.
    """
    try:
        return work()
    except InvalidValue as error:
        place = place_of(error)
        if not place:
            raise
        raise SubjectError(f"{place}: {error}") from error
    except DemoError:
        raise
    except Exception as error:
        if not place_of(error) and not _was_raised_by_the_call(error):
            raise
        raise SubjectError(f"{describe_error(error)} (in {what})") from error


def _was_raised_by_the_call(error: Exception) -> bool:
    """Return whether the call itself failed before their code ran: an argument is missing, or there are too many."""
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    return Path(innermost.filename).parent == Path(__file__).parent


def check_parts(name: str, subject: object) -> None:
    """Check that it is a subject, with a poller and faults that are such; say what is lacking.

    Raises `UsageError`, and `SubjectError` where the user's own code fails.
    """
    _check_has(name, "a subject", subject, SUBJECT)
    poller = call(f"{name}.poller", lambda: getattr(subject, "poller"))  # noqa: B009 - `subject` is no Subject yet
    if poller is not None:
        _check_has(f"the poller of {name}", "a poller", poller, POLLER)
    faults = call(f"{name}.faults", lambda: tuple(getattr(subject, "faults")))  # noqa: B009
    for driver in faults:
        _check_has(f"a fault of {name}", "a fault driver", driver, DRIVER)


def _check_has(what: str, kind: str, thing: object, parts: Sequence[str]) -> None:
    # Not `hasattr`: a property of theirs that raises AttributeError is there, and broken.
    has = set(dir(thing)) | set(getattr(thing, "__dict__", ()))
    lacking = [part for part in parts if part not in has and not _has_dynamic(thing, part)]
    if not lacking:
        return
    close = "".join(dict.fromkeys(nearest(part, has - set(parts)) for part in lacking))
    raise UsageError(f"{_place_of_class(thing)}{what} is not {kind}: it lacks {', '.join(lacking)}{close}")


def _has_dynamic(thing: object, part: str) -> bool:
    """Return whether its own `__getattr__` provides this attribute."""
    return hasattr(type(thing), "__getattr__") and hasattr(thing, part)


def _place_of_class(thing: object) -> str:
    try:
        lines, first = inspect.getsourcelines(type(thing))
        file = inspect.getsourcefile(type(thing))
    except (OSError, TypeError):
        return ""
    return f"{Path(file).name}:{first}: " if file and lines else ""


def checked_deck(name: str, chapters: Callable[..., Any], given: object) -> tuple[Chapter, ...]:
    """Return what a subject gave as its chapters. Raises `SubjectError` naming the function for anything else."""
    code = getattr(chapters, "__code__", None)
    place = f"{place_of_code(code)}: " if code is not None else ""
    if not isinstance(given, Iterable) or isinstance(given, str):
        hint = "; is its `return` missing?" if given is None else ""
        raise SubjectError(f"{place}{name}.chapters returned {_describe(given)}, not a list of Chapter{hint}")
    deck = tuple(given)
    for number, chapter in enumerate(deck, 1):
        if not isinstance(chapter, Chapter):
            raise SubjectError(f"{place}{name}.chapters: number {number} is {_describe(chapter)}, not a Chapter")
    if not deck:
        raise SubjectError(f"{place}{name}.chapters returned no chapter; a show needs at least one")
    return deck


def _describe(thing: object) -> str:
    return "None" if thing is None else f"a {type(thing).__name__}"
