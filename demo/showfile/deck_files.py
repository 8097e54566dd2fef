"""The files beside a show file: parts, code and images, all below the show file's folder."""

import posixpath
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from demo.errors import InvalidValue
from demo.narration import MAX_IMAGES_BYTES, DeckImage, make_image
from demo.narration.page_style import make_font
from demo.showfile.file_text import read_bytes, read_text
from demo.showfile.problems import shorten

MAX_PATH = 1000
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|//")
_DRIVE = re.compile(r"[A-Za-z]:")


class DeckFiles:
    """Finds and reads files below `folder`; or in `given`, the stored texts of a show whose disk is not asked.

    Paths are relative to the folder, with `/`. `read` has every text that was asked for.
    """

    def __init__(self, folder: Path | None, given: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.given = given
        self.read: dict[str, str] = {}
        self.named: set[str] = set()
        """Every file that was asked for, also one that does not exist."""
        self._sizes: dict[str, int] = {}
        self._images: dict[str, DeckImage] = {}
        self._checked: set[str] = set()

    def resolve(self, written: str, beside: str = "") -> str:
        """Return the path of a file that the file `beside` names. Raises `InvalidValue` if it may not be used."""
        if not written or "\x00" in written or len(written) > MAX_PATH:
            raise InvalidValue("no file is named here")
        if written.startswith(("/", "\\", "~")) or _DRIVE.match(written[:2]):
            raise InvalidValue(f"{shorten(written)} is an absolute path: files of a show lie below its own folder")
        if _ADDRESS.match(written):
            raise InvalidValue(f"{shorten(written)} is an address: copy the file into the show's folder, and name it")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(beside), written))
        if path == ".." or path.startswith("../"):
            raise InvalidValue(f"{shorten(written)} leads out of the show's folder: files of a show lie below it")
        if self.given is None and path not in self._checked:
            self._check_real(written, path)
            self._checked.add(path)
        return path

    def _check_real(self, written: str, path: str) -> None:
        if self.folder is None:
            raise InvalidValue(f"{shorten(written)} cannot be read: this show has no folder")
        try:
            root = self.folder.resolve()
            real = (root / path).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise InvalidValue(f"{shorten(written)} cannot be followed: {shorten(str(error))}") from error
        if not real.is_relative_to(root):
            raise InvalidValue(f"{shorten(written)} is a link that leads out of the show's folder")

    def text(self, path: str, max_bytes: int) -> str:
        """Return the text of a file by its resolved path. Raises `InvalidValue`."""
        self.named.add(path)
        if path in self.read:
            return self.read[path]
        if self.given is not None:
            if path not in self.given:
                raise InvalidValue(f"{shorten(path)} is not stored with this show")
            text = self.given[path]
        elif self.folder is None:
            raise InvalidValue(f"{shorten(path)} cannot be read: this show has no folder")
        else:
            try:
                text = read_text(self.folder / path, max_bytes)
            except InvalidValue as error:
                raise type(error)(f"{shorten(path)}: {error}", *_place(error)) from error
        self.read[path] = text
        return text

    def image(self, path: str) -> DeckImage | None:
        """Return an image by its resolved path; None where the disk is not asked, and beyond all that is allowed.

        Raises `InvalidValue` if it is none.
        """
        self.size(path)
        if self.given is not None or self.folder is None or self.image_bytes > MAX_IMAGES_BYTES:
            return None
        return self._made(path, make_image)

    def font(self, path: str) -> DeckImage | None:
        """Return a font as `image` does an image."""
        self.size(path)
        if self.given is not None or self.folder is None or self.image_bytes > MAX_IMAGES_BYTES:
            return None
        return self._made(path, make_font)

    def _made(self, path: str, make: Callable[[bytes], DeckImage]) -> DeckImage:
        if path not in self._images:
            folder = self.folder or Path()
            try:
                self._images[path] = make(read_bytes(folder / path, MAX_IMAGES_BYTES))
            except InvalidValue as error:
                raise InvalidValue(f"{shorten(path)}: {error}") from error
        return self._images[path]

    @property
    def image_bytes(self) -> int:
        """The bytes of all images that were asked for."""
        return sum(self._sizes.values())

    def size(self, path: str) -> int:
        """Return the bytes of a file by its resolved path; 0 where the disk is not asked. Raises `InvalidValue`."""
        self.named.add(path)
        if self.given is not None or self.folder is None:
            return 0
        if path not in self._sizes:
            try:
                found = (self.folder / path).stat()
            except (OSError, ValueError) as error:
                said = "there is no such file" if isinstance(error, FileNotFoundError) else shorten(str(error))
                raise InvalidValue(f"{shorten(path)}: {said}") from error
            if not stat.S_ISREG(found.st_mode):
                raise InvalidValue(f"{shorten(path)} is not a file")
            self._sizes[path] = found.st_size
        return self._sizes[path]


def _place(error: InvalidValue) -> tuple[object, ...]:
    position = getattr(error, "position", None)
    return () if position is None else (position,)
