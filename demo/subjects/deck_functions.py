"""Functions that a show file names as `python: package.module:function`: how they are found, checked and called."""

import asyncio
import importlib
import inspect
import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

from demo.errors import DemoError, SubjectError, log_unexpected
from demo.subjects.blocking_stage import BlockingStage
from demo.subjects.user_code import describe_error, nearest
from demo.threads.worker_thread import run_in_thread
from demo.types import Stage

logger = logging.getLogger(__name__)

Function = Callable[..., Any]
"""Takes the stage, and the show's subject too if it has a second parameter. It may be async."""


def find_function(place: str) -> Function:
    """Return the function at `package.module:function`. Raises `SubjectError` that says what is missing."""
    module_name, separator, name = place.partition(":")
    if not separator or not module_name or not name:
        raise SubjectError(f"{place!r} is not a function: write package.module:function")
    module = _import_module(place, module_name)
    if not hasattr(module, name):
        functions = [known for known, value in vars(module).items() if inspect.isfunction(value)]
        raise SubjectError(f"{place}: the module {module_name} has no {name!r}{nearest(name, functions)}")
    found = getattr(module, name)
    if not callable(found):
        raise SubjectError(f"{place} is not a function: {name} is {_describe(found)}")
    if not _takes(found, 1) and not _takes(found, 2):
        raise SubjectError(f"{place} must take the stage, or the stage and the subject, as in: async def {name}(stage)")
    return cast("Function", found)


async def call_function(place: str, stage: Stage, subject: object) -> None:
    """Call a function of a deck and wait for its end. One that is not async runs in a thread, where calls block.

    Raises `SubjectError` for whatever it raises, with file and line; an error of ours passes unchanged.
    """
    function = find_function(place)
    # With a default for its second parameter, it is still given the subject.
    arguments = (stage, subject) if _takes(function, 2) else (stage,)
    try:
        if inspect.iscoroutinefunction(inspect.unwrap(function)):
            await function(*arguments)
        else:
            await _call_in_thread(function, arguments, place)
    except DemoError:
        raise
    except Exception as error:
        log_unexpected(logger, place, error)
        raise SubjectError(describe_error(error)) from error


async def _call_in_thread(function: Function, arguments: tuple[Any, ...], place: str) -> None:
    """Run a plain function. A thread cannot be stopped: once nobody waits for it, its stage refuses every call."""
    stage = BlockingStage(arguments[0], asyncio.get_running_loop())

    def call() -> Any:
        try:
            return function(stage, *arguments[1:])
        except SystemExit as error:  # from a future it would end the server
            raise SubjectError(f"{place} called sys.exit") from error

    try:
        result = await asyncio.wrap_future(run_in_thread(call, place))
    finally:
        stage.close()
    if inspect.isawaitable(result):  # a plain function that only hands out a coroutine
        await result


def _import_module(place: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise SubjectError(
                f"{place}: there is no module {error.name!r} beside the show file, in the working directory or on "
                "Python's path"
            ) from None
        raise SubjectError(f"{place}: {describe_error(error)}") from error
    except Exception as error:
        log_unexpected(logger, f"importing {name}", error)
        raise SubjectError(f"{place}: {describe_error(error)}") from error


def _takes(function: Function, count: int) -> bool:
    """Return whether a function can be called with so many arguments. One made in C does not say."""
    try:
        inspect.signature(function).bind(*(None,) * count)
    except TypeError:
        return False
    except ValueError:
        return count == 1
    return True


def _describe(thing: object) -> str:
    return "None" if thing is None else f"a {type(thing).__name__}"
