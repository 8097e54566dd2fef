"""A script that runs between parent and child: it ties the child's life to its parent's, then becomes the child.

With the arguments `PARENT PROGRAM ARGS…` it executes a program, with `PARENT -m MODULE ROOT` it runs a Python module.
It imports nothing of this package, so that it costs only milliseconds.
"""

import ctypes
import gc
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1

NO_CERTIFICATES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""Our modules serve and ask plain HTTP on loopback. aiohttp reads the machine's certificates when it is imported, which
takes 0.1 s of CPU, a fifth of the start of a node."""


def tie_to(parent: int) -> None:
    """Ask the kernel to send us SIGKILL when the thread that spawned us ends. Survives `exec`; Linux only.

    Exits at once if the parent has died before that.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent process has terminated")


def main() -> None:
    parent, program, *rest = sys.argv[1:]
    tie_to(int(parent))
    if program != "-m":
        os.execv(program, [program, *rest])  # noqa: S606 - no shell is the point
    module, root = rest
    if root not in sys.path:
        sys.path.append(root)
    sys.argv = [module]
    os.environ.update(NO_CERTIFICATES)
    gc.disable()  # what is imported stays: `demo.processes.service` turns it on again
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
