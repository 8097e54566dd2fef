"""A cache of compiled templates in the user's cache directory: compiling them takes a good part of a start.

When it cannot be read or written, the templates are compiled again.
"""

import contextlib
import pickle
from pathlib import Path

import jinja2.compiler
from jinja2.bccache import Bucket, FileSystemBytecodeCache

from demo import __version__
from demo.paths import cache_directory


class TemplateCache(FileSystemBytecodeCache):
    """Caches a template under its text, the environment's settings, and the versions of Jinja and of this package."""

    def __init__(self, settings: str) -> None:
        super().__init__(str(cache_directory() / "templates"), "%s.jinja")
        compiler = Path(jinja2.compiler.__file__).stat()
        self._compiled_with = f"{__version__} {compiler.st_size} {compiler.st_mtime_ns} {settings}"

    def get_source_checksum(self, source: str) -> str:
        return super().get_source_checksum(f"{self._compiled_with}\n{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except (OSError, pickle.UnpicklingError, EOFError, ValueError, TypeError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            Path(self.directory).mkdir(mode=0o700, parents=True, exist_ok=True)
            super().dump_bytecode(bucket)
