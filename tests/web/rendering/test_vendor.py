"""The vendored scripts are the published ones, byte for byte, the font is what `scripts/font` makes; with licences."""

import hashlib
from importlib import resources
from pathlib import Path

import pytest

MAX_FONT_BYTES = 50_000

# Of `dist/` and LICENSE in the npm package htmx.org 4.0.1, and of @fontsource-variable/inter 5.3.0.
CHECKSUMS = {
    "htmx-4.0.1.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "hx-sse-4.0.1.min.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
    "inter-5.3.0.woff2": "eb48fe87125377f4273308812a48521d6f50e773133f1e16b1801ac1174b2b8a",
    "LICENSE.inter.txt": "3b0a5fca3d17942cde889069889dedbbbd075e9b599968c82a95f4d944e9b345",
    "LICENSE.htmx.txt": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
}

VENDOR = resources.files("demo") / "static" / "vendor"


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_vendored_file_is_unmodified(name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == CHECKSUMS[name]


def test_nothing_else_is_vendored() -> None:
    assert {path.name for path in VENDOR.iterdir()} == set(CHECKSUMS)


def test_the_font_is_small() -> None:
    assert sum(path.stat().st_size for path in Path(str(VENDOR)).glob("*.woff2")) <= MAX_FONT_BYTES
