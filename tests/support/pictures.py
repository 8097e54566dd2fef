"""Small real images, made here: each has the size that was asked for."""

import struct
import zlib

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 320">'
    b'<rect width="640" height="320" fill="#35d0ba"/></svg>'
)


def png(width: int, height: int, extra: bytes = b"") -> bytes:
    """Return a PNG of one colour; `extra` are bytes in a chunk that browsers skip, to make it larger."""
    row = b"\0" + b"\x35\xd0\xba" * width
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _chunk(b"tEXt", b"Comment\0" + extra),
            _chunk(b"IDAT", zlib.compress(row * height)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg(width: int, height: int, orientation: int = 1) -> bytes:
    """Return what a JPEG begins with: its size, and how a camera was held."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + struct.pack(">HH", orientation, 0) + b"\0\0\0\0"
    return b"".join(
        (
            b"\xff\xd8",
            b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif,
            b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\0",
            b"\xff\xd9",
        )
    )


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0;"


def webp(width: int, height: int) -> bytes:
    """Return the head of an extended WebP."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + size


def avif(width: int, height: int) -> bytes:
    """Return the boxes of an AVIF that tell its size."""
    ispe = _box(b"ispe", b"\0\0\0\0" + struct.pack(">II", width, height))
    ipma = _box(b"ipma", b"\0\0\0\0" + struct.pack(">IHBB", 1, 1, 1, 1))
    iprp = _box(b"iprp", _box(b"ipco", ispe) + ipma)
    pitm = _box(b"pitm", b"\0\0\0\0" + struct.pack(">H", 1))
    infe = _box(b"infe", b"\x02\0\0\0" + struct.pack(">HH", 1, 0) + b"av01\0")
    iinf = _box(b"iinf", b"\0\0\0\0" + struct.pack(">H", 1) + infe)
    return _box(b"ftyp", b"avif\0\0\0\0avifmif1") + _box(b"meta", b"\0\0\0\0" + pitm + iinf + iprp)


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data) + 8) + kind + data
