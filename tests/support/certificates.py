"""Certificates of an authority that nobody else trusts, made with openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path


def certified(folder: Path) -> Path:
    """Makes a certificate authority, and `server.pem` and `server.key` for 127.0.0.1. Returns the authority's file."""
    authority, extension = folder / "ca.pem", folder / "extension"
    extension.write_text("subjectAltName=IP:127.0.0.1\n")
    new = ("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-batch")
    for command in (
        (*new, "-x509", "-days", "2", "-subj", "/CN=us", "-keyout", folder / "ca.key", "-out", authority),
        (*new, "-subj", "/CN=127.0.0.1", "-keyout", folder / "server.key", "-out", folder / "server.csr"),
        (
            *("openssl", "x509", "-req", "-days", "2", "-in", folder / "server.csr", "-out", folder / "server.pem"),
            *("-CA", authority, "-CAkey", folder / "ca.key", "-CAcreateserial", "-extfile", extension),
        ),
    ):
        subprocess.run(command, check=True, capture_output=True)
    (folder / "server.key").chmod(0o644)  # mosquitto gives up root before it reads it
    return authority
