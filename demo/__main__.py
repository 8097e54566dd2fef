"""Where the command starts: `demo`, and `python -m demo`. What is imported stays, so no collection looks at it."""

import gc
import os
import sys

MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}


def hold_places() -> None:
    """Open /dev/null for a standard stream that was closed (`>&-`): nothing else that is opened may take its number."""
    for number, (name, mode) in enumerate(MODES.items()):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


hold_places()
gc.disable()

try:
    from demo.cli.main import main
except KeyboardInterrupt:
    sys.exit(130)

gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
