"""Decodes an image to check it: in a process of its own, started by `image_decoder.py`, with little memory.

    python -m qctl.files.image_check

It reads images from standard input, each after its length in eight bytes, and answers each with a line of JSON:
`{"extension": "png"}` or `{"rejected": "the reason"}`. An image that takes too much processor time ends the process.
"""

from __future__ import annotations

import io
import json
import resource
import struct
import sys
import warnings
import zlib
from typing import Any

FORMATS = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "GIF": "gif", "WEBP": "webp"}
"""Image formats that every browser shows, with their file name extensions. MPO is JPEG with further pictures behind the
first, as most phones write it."""

MAX_PIXELS = 8192 * 6144
"""Maximum size of an image, that of phones with 50 megapixels. A few kilobytes may decode to gigabytes."""

MAX_METADATA_BYTES = 8 << 20
"""Size of one text or colour profile in a PNG: programs that make pictures store their whole project there."""

MAX_MEMORY_BYTES = 1 << 30
"""Address space of the process. The greediest format, WebP, takes 800 MB for the largest image."""

MAX_CPU_SECONDS = 10
"""Processor time for one image."""

LENGTH = struct.Struct(">Q")
"""Length of an image, before its bytes."""

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
"""Errors of decoders on broken images."""


class UnacceptableImageError(Exception):
    """The image is not accepted; the text says why."""


def check(data: bytes) -> str:
    """Check the header, then the size in pixels, then decode the first frame. Returns the file name extension.

    Raises UnacceptableImageError.
    """
    import PIL.Image as pil
    from PIL import PngImagePlugin, UnidentifiedImageError

    PngImagePlugin.MAX_TEXT_CHUNK = MAX_METADATA_BYTES
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pil.open(io.BytesIO(data), formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
                _check_size(*image.size)
                image.load()
                return FORMATS[str(image.format)]
    except UnidentifiedImageError:
        raise UnacceptableImageError("it is not a PNG, JPEG, GIF or WebP image") from None
    except MemoryError:
        raise UnacceptableImageError("it takes too much memory to decode") from None
    except (*_BROKEN, pil.DecompressionBombError) as error:
        raise UnacceptableImageError(f"the image is broken: {error}") from None


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnacceptableImageError(f"the image has {width} x {height} pixels; the maximum is {MAX_PIXELS}")


def _limit_processor() -> None:
    """Let the process end if the next image takes too long."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    seconds = int(usage.ru_utime + usage.ru_stime) + 1 + MAX_CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, hard))


def main() -> None:
    """Check images until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    images = sys.stdin.buffer
    while head := images.read(LENGTH.size):
        data = images.read(LENGTH.unpack(head)[0])
        _limit_processor()
        answer: dict[str, Any]
        try:
            answer = {"extension": check(data)}
        except UnacceptableImageError as error:
            answer = {"rejected": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
