"""Photographs are stored without the place where they were taken."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from qctl.files.image_location import without_location

GPS, ORIENTATION, CAMERA = 0x8825, 0x0112, 0x0110
XMP = b'<x:x><r:D exif:GPSLatitude="52,22.5N"/><exif:GPSLongitude>4,53.0E</exif:GPSLongitude></x:x>'


def photograph(kind: str, **options: Any) -> bytes:
    """A picture with orientation, camera and GPS data."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[CAMERA] = 6, "Phone 7"
    exif[GPS] = {1: "N", 2: (52.0, 22.0, 30.5), 3: "E", 4: (4.0, 53.0, 2.25)}
    out = io.BytesIO()
    Image.new("RGB", (32, 24), "teal").save(out, kind, exif=exif, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "MPO"])
def test_gps_data_is_removed_and_everything_else_kept(kind: str) -> None:
    more = {"save_all": True, "append_images": [Image.new("RGB", (16, 12), "red")]} if kind == "MPO" else {}
    before = photograph(kind, **more)
    after = without_location(before)
    assert len(after) == len(before)
    with Image.open(io.BytesIO(before)) as was, Image.open(io.BytesIO(after)) as image:
        assert was.getexif().get_ifd(GPS)
        assert not image.getexif().get_ifd(GPS)
        assert (image.getexif()[ORIENTATION], image.getexif()[CAMERA]) == (6, "Phone 7")
        assert image.tobytes() == was.tobytes()
        assert getattr(image, "n_frames", 1) == getattr(was, "n_frames", 1)


def test_gps_data_in_xmp_is_removed() -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", xmp=XMP)
    after = without_location(out.getvalue())
    assert b"52,22.5N" not in after
    assert b"4,53.0E" not in after
    Image.open(io.BytesIO(after)).load()


def test_an_image_without_a_place_is_not_changed() -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    assert without_location(out.getvalue()) == out.getvalue()


@given(st.binary(max_size=200))
def test_any_bytes_are_taken(data: bytes) -> None:
    for head in (b"", b"Exif\0\0II*\0", b"\x89PNG\r\n\x1a\n\0\0\0\x20eXIfMM\0*", b"RIFF\0\0\0\0WEBPEXIF"):
        assert len(without_location(head + data)) == len(head + data)
