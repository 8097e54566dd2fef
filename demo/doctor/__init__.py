"""`demo doctor`: looks at what a show needs on this machine. Starts no system, pulls nothing, changes nothing.

Imported when it is first used: no other command waits for it.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo.doctor.examination import examine
else:

    def __getattr__(name):
        if name != "examine":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return importlib.import_module("demo.doctor.examination").examine


__all__ = ["examine"]
