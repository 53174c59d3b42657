"""Images are checked by their content."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from qctl.errors import RejectedError, SinkMisconfiguredError
from qctl.files.image_decoder import check_image


def picture(form: str, size: tuple[int, int] = (8, 8)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(("form", "end"), [("PNG", "png"), ("JPEG", "jpg"), ("GIF", "gif"), ("WEBP", "webp")])
def test_format_is_detected(form: str, end: str) -> None:
    assert check_image(picture(form)) == end


def test_pictures_of_phones_and_programs_are_accepted() -> None:
    several, workflow, large = io.BytesIO(), io.BytesIO(), io.BytesIO()
    picture_of_phone = Image.new("RGB", (32, 24), "teal")
    picture_of_phone.save(several, "MPO", save_all=True, append_images=[Image.new("RGB", (16, 12), "red")])
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "x" * 1_200_000, zip=True)
    picture_of_phone.save(workflow, "PNG", pnginfo=text)
    Image.new("L", (8192, 6144)).save(large, "JPEG", quality=20)
    assert [check_image(out.getvalue()) for out in (several, workflow, large)] == ["jpg", "png", "jpg"]


@pytest.mark.parametrize(
    "data",
    [b"", b"<svg onload='alert(1)'/>", b"%PDF-1.7", b"GIF89a", b"\x89PNG\r\n\x1a\n", picture("BMP"), picture("TIFF")],
    ids=["empty", "svg", "pdf", "gif", "png", "bmp", "tiff"],
)
def test_other_content_is_rejected(data: bytes) -> None:
    with pytest.raises(RejectedError):
        check_image(data)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_truncated_image_is_rejected(form: str) -> None:
    whole = picture(form, (200, 200))
    with pytest.raises(RejectedError):
        check_image(whole[: len(whole) // 2])


def test_image_with_too_many_pixels_is_rejected() -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    with pytest.raises(RejectedError):
        check_image(data)


@settings(deadline=None)
@given(st.integers(8, 100), st.binary(min_size=1, max_size=20), st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]))
def test_damaged_image_raises_only_rejected_error(at: int, junk: bytes, form: str) -> None:
    data = picture(form)
    with suppress(RejectedError):
        check_image(data[:at] + junk + data[at + len(junk) :])


def test_missing_library_has_an_install_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(SinkMisconfiguredError) as caught:
        check_image(b"")
    assert caught.value.hint == "pip install 'qctl[images]'"
