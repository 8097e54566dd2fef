"""`python -m demo` is the command `demo`."""

from demo.cli import main

main()
