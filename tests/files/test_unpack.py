"""Archives are unpacked within limits, whatever sizes they declare."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from qctl.errors import RejectedError
from qctl.files.unpack import MAX_ENTRIES, open_content

MAX_BYTES = 8 << 20


def read(packed: bytes, max_bytes: int = MAX_BYTES) -> bytes:
    with open_content(io.BytesIO(packed), max_bytes) as file:
        return file.read()


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    "data", [b"", b"sku,quantity\n", b"x" * 100_000, bytes(range(256))], ids=["", "csv", "x", "all"]
)
def test_content_is_unchanged(data: bytes) -> None:
    assert read(data) == read(gzip.compress(data)) == read(zipped(a=data)) == data


def test_folder_in_an_archive_is_ignored() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.mkdir("in") if hasattr(archive, "mkdir") else archive.writestr("in/", "")
        archive.writestr("in/a.csv", "x")
    assert read(out.getvalue()) == b"x"


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped(a=data)], ids=["gzip", "zip"])
def test_zip_bombs_are_rejected(pack: object) -> None:
    bomb = pack(b"\0" * (64 << 20))  # type: ignore[operator]
    assert len(bomb) < 100_000
    with pytest.raises(RejectedError, match="bomb"):
        read(bomb)
    with pytest.raises(RejectedError, match="MAX_FILE_SIZE"):
        read(pack(Path(__file__).read_bytes() * 40), 10_000)  # type: ignore[operator]


def test_wrong_size_in_an_archive_is_not_trusted() -> None:
    data = b"\0" * (32 << 20)
    archive = bytearray(zipped(a=data))
    size = struct.pack("<L", len(data))
    while (place := archive.find(size)) >= 0:
        archive[place : place + 4] = struct.pack("<L", 10)
    with pytest.raises(RejectedError):
        read(bytes(archive))


def test_nested_archive_is_rejected() -> None:
    for inner in (gzip.compress(b"x"), zipped(a=b"x")):
        for outer in (gzip.compress(inner), zipped(a=inner)):
            with pytest.raises(RejectedError, match="more than once"):
                read(outer)


def test_archive_must_contain_one_file() -> None:
    with pytest.raises(RejectedError, match="2 files"):
        read(zipped(a=b"x", b=b"y"))
    with pytest.raises(RejectedError, match="0 files"):
        read(b"PK\x03\x04" + zipped())


def test_too_many_entries_are_rejected() -> None:
    with pytest.raises(RejectedError, match=f"more than {MAX_ENTRIES}"):
        read(zipped(**{f"{n}/": b"" for n in range(MAX_ENTRIES + 1)}))


def test_link_in_an_archive_is_rejected() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("a.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(RejectedError, match="link"):
        read(out.getvalue())


def test_encrypted_and_broken_archives_are_rejected() -> None:
    whole = bytearray(zipped(a=b"some text"))
    for header in (b"PK\x03\x04", b"PK\x01\x02"):
        flag = whole.find(header) + (6 if header[2] == 3 else 8)
        whole[flag] |= 1
    with pytest.raises(RejectedError, match="encrypted"):
        read(bytes(whole))
    good = gzip.compress(b"some text" * 100)
    for broken in (good[:-5], good[:20], good[:12] + b"\xff" * 20, zipped(a=b"x" * 100)[:60], b"PK\x03\x04nothing"):
        with pytest.raises(RejectedError, match="broken"):
            read(broken)
