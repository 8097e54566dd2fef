"""Where the command starts: `demo`, and `python -m demo`. What is imported stays, so no collection looks at it."""

import gc

gc.disable()

from demo.cli import main  # noqa: E402 - imported without collections, which would find nothing

gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
