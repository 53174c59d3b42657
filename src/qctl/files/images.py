"""Images, known by their content: what a name or a header says of one is not believed."""

from __future__ import annotations

import base64
import binascii
import io
import struct
import warnings
import zlib
from importlib import import_module
from typing import Any

from qctl.errors import RejectedError, SinkMisconfiguredError

FORMATS = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp"}
"""What every browser shows, and the ends of their names."""

MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
"""What browsers are told of a file with such an end."""

_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
"""What decoders of broken images raise; not the error by which RQ ends a job that takes too long."""

MOST_PIXELS = 50_000_000
"""Of an image: a few kilobytes may unpack to gigabytes."""


def extension(data: bytes) -> str:
    """The end of the name that a file with this image has: png, jpg, gif or webp.

    Raises RejectedError where it is none of these, broken, or has too many pixels, and SinkMisconfiguredError where
    the library is not installed.
    """
    pil = _library()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pil.open(io.BytesIO(data), formats=tuple(FORMATS)) as image:
                _check_size(*image.size)
                image.load()
                return FORMATS[image.format]
    except pil.UnidentifiedImageError as error:
        raise RejectedError("it is no image: PNG, JPEG, GIF and WebP are taken") from error
    except (*_BROKEN, pil.DecompressionBombError) as error:
        raise RejectedError(f"the image is broken: {error}") from error


def inline(url: str, most: int) -> bytes:
    """The bytes of a `data:` URL. Raises RejectedError where they are not in base64, or more than `most`."""
    head, _, encoded = url.partition(",")
    if not head.startswith("data:") or not head.endswith(";base64") or len(encoded) > most * 4 // 3 + 4:
        raise RejectedError("an image in a data: URL is in base64, and not larger than MAX_FILE_SIZE")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise RejectedError("the image is not base64") from None


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise RejectedError(f"the image has {width} x {height} pixels, more than {MOST_PIXELS}")


def _library() -> Any:
    """The library, loaded when it is needed: it is large, and may not be installed."""
    try:
        return import_module("PIL.Image")
    except ImportError as error:
        raise SinkMisconfiguredError(
            f"a message has an image and Pillow is not installed: {error}", hint="pip install qctl[images]"
        ) from error
