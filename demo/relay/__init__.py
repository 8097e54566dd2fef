"""`demo relay`: an audience server that follows a show on Redis.

Imported when it is first used: no other command waits for it.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo.relay.main import RelayOptions, relay
else:

    def __getattr__(name):
        if name not in ("RelayOptions", "relay"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module("demo.relay.main"), name)


__all__ = ["RelayOptions", "relay"]
