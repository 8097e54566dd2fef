"""The show in a terminal: keys become commands, states become a picture, or plain lines in a pipe.

Imported when it is first used: a server without a terminal starts without prompt_toolkit and Rich.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo.runner import DemoRunner
else:

    def __getattr__(name):
        if name != "DemoRunner":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return importlib.import_module("demo.runner").DemoRunner


__all__ = ["DemoRunner"]
