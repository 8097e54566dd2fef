"""Reads a QR symbol by the standard alone: versions 2 to 6, levels L and M, bytes; errors are found by nobody here."""

from collections.abc import Iterator, Sequence

Matrix = Sequence[Sequence[bool]]

BLOCKS = {
    0b00: {2: (1, 28), 3: (1, 44), 4: (2, 32), 5: (2, 43), 6: (4, 27)},
    0b01: {2: (1, 34), 3: (1, 55), 4: (1, 80), 5: (1, 108), 6: (2, 68)},
}
"""Levels M and L, by version: blocks, and data codewords in each."""

MASKS = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, x: y % 2 == 0,
    lambda y, x: x % 3 == 0,
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
)


def read(matrix: Matrix) -> str:
    """The text of a symbol without its quiet zone."""
    version = (len(matrix) - 17) // 4
    level, mask = _format(matrix)
    bits = [matrix[y][x] ^ MASKS[mask](y, x) for y, x in _walk(version)]
    blocks, length = BLOCKS[level][version]
    words = [_number(bits[at : at + 8]) for at in range(0, blocks * length * 8, 8)]
    data = [words[block + blocks * index] for block in range(blocks) for index in range(length)]
    flat = [bool(word >> shift & 1) for word in data for shift in range(7, -1, -1)]
    assert _number(flat[:4]) == 0b0100, "bytes"
    count = _number(flat[4:12])
    return bytes(_number(flat[at : at + 8]) for at in range(12, 12 + 8 * count, 8)).decode()


def without_quiet(matrix: Matrix, quiet: int) -> Matrix:
    """The symbol inside; what lies around it must be light."""
    inside = [row[quiet:-quiet] for row in matrix[quiet:-quiet]]
    assert sum(map(sum, matrix)) == sum(map(sum, inside)), "a quiet zone is quiet"
    return inside


def _format(matrix: Matrix) -> tuple[int, int]:
    cells = [(8, x) for x in range(6)] + [(8, 7), (8, 8), (7, 8)] + [(y, 8) for y in range(5, -1, -1)]
    bits = _number([matrix[y][x] for y, x in cells]) ^ 0b101010000010010
    return bits >> 13, bits >> 10 & 0b111


def _number(bits: Sequence[bool]) -> int:
    found = 0
    for bit in bits:
        found = found << 1 | bit
    return found


def _walk(version: int) -> Iterator[tuple[int, int]]:
    """The data modules, two columns at a time, up and down from the right."""
    size, upwards = 17 + 4 * version, True
    for right in (*range(size - 1, 6, -2), 5, 3, 1):
        for step in range(size):
            y = size - 1 - step if upwards else step
            for x in (right, right - 1):
                if not _is_function(version, size, y, x):
                    yield y, x
        upwards = not upwards


def _is_function(version: int, size: int, y: int, x: int) -> bool:
    """Finders with what is beside them, timing, alignment."""
    corner = (y < 9 and (x < 9 or x >= size - 8)) or (y >= size - 8 and x < 9)
    centre = 4 * version + 10
    return corner or 6 in (y, x) or (abs(y - centre) <= 2 and abs(x - centre) <= 2)
