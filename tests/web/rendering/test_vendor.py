"""The vendored scripts are the published ones, byte for byte, with their licence beside them."""

import hashlib
from importlib import resources

import pytest

# Of `dist/` and LICENSE in the npm package htmx.org 4.0.1.
CHECKSUMS = {
    "htmx-4.0.1.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "hx-sse-4.0.1.min.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
    "LICENSE.htmx.txt": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
}

VENDOR = resources.files("demo") / "static" / "vendor"


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_vendored_file_is_unmodified(name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == CHECKSUMS[name]


def test_nothing_else_is_vendored() -> None:
    assert {path.name for path in VENDOR.iterdir()} == set(CHECKSUMS)
