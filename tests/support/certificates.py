"""A certificate of the test's own for localhost."""

import subprocess
from pathlib import Path


def self_signed(place: Path) -> tuple[Path, Path]:
    """Certificate and key, valid for two days."""
    cert, key = place / "cert.pem", place / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(make, check=True, capture_output=True)
    return cert, key
