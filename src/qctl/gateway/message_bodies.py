"""Bodies of chat messages: JSON with an image as `data:` URL, which may be much larger than other JSON, or forms with
an image or a file. The middleware counts the bytes of a form while they arrive, and takes no more than MAX_FILE_SIZE.

The image goes to a temporary file while the body arrives; only the rest of the body is held and parsed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, cast

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from qctl.catalog.builtin import MAX_TEXT_CHARS
from qctl.gateway import json_requests
from qctl.gateway.middleware import MAX_BODY_BYTES
from qctl.gateway.schemas import Text

FORM = "multipart/form-data"

MAX_HELD_BYTES = 1 << 18
"""Bytes of an image that are held before they are written to its file."""

MAX_HEAD_BYTES = 200
"""Longest beginning of a `data:` URL, up to the base64."""

NOT_AN_IMAGE = "an image must be a data: URL in base64, once in a message"
TOO_LARGE = "the image is larger than MAX_FILE_SIZE"
FILE_TOO_LARGE = "the file is larger than MAX_FILE_SIZE"

MAX_TEXTS = 1000
"""Names and texts in a body, which needs four."""

_TEXT = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_IMAGE_HEAD = re.compile(rb"data:[a-zA-Z0-9.+/;=\\-]*;base64,")
_IMAGE_KEY = re.compile(rb'(?<!\\)"image"\s*:\s*\Z')


class NewMessage(BaseModel):
    """A message in a JSON body."""

    text: Annotated[Text | None, Field(max_length=MAX_TEXT_CHARS)] = None
    image: Text | None = None
    file: Any = None


@dataclass(frozen=True)
class ReceivedFile:
    """A file as it arrived. `name` is the client's, `content` a temporary file without a name."""

    name: str
    size: int
    content: BinaryIO


@dataclass(frozen=True)
class ReceivedMessage:
    """A message as it arrived. `image` is a temporary file."""

    text: str | None
    image: BinaryIO | None
    file: ReceivedFile | None = None


class ImageExtractor:
    """Separates the base64 of the top-level `image` from the rest of a JSON document that arrives in pieces.

    `rest` is the document in which the image is the text `data:`. Raises HTTPException if the rest is larger than
    MAX_BODY_BYTES, the image larger than `max_bytes`, or not in base64.
    """

    PLACEHOLDER = b"data:"

    def __init__(self, max_bytes: int, write: Callable[[bytes], object]) -> None:
        self.rest = bytearray()
        self.found = False
        self._write = write
        self._bytes_left = max_bytes
        self._consume: Callable[[bytes, int], int] = self._outside
        self._pending = b""
        self._texts = 0
        self._depth = 0
        self._is_padded = False

    def feed(self, data: bytes) -> None:
        """Take the next piece of the document."""
        data, self._pending, at = self._pending + data, b"", 0
        while at < len(data):
            at = self._consume(data, at)
        if len(self.rest) > MAX_BODY_BYTES:
            raise HTTPException(413, "Request body too large")

    def _outside(self, data: bytes, at: int) -> int:
        """Keep what is outside of a text, up to the quote that begins one."""
        quote = data.find(b'"', at)
        end = len(data) if quote < 0 else quote
        for bracket, step in ((b"{", 1), (b"[", 1), (b"}", -1), (b"]", -1)):
            self._depth += step * data.count(bracket, at, end)
        if quote < 0:
            self.rest += data[at:]
            return end
        is_image = self._depth == 1 and _IMAGE_KEY.search(self.rest[-MAX_HEAD_BYTES:] + data[at:end])
        self.rest += data[at : end + 1]
        self._texts += 1
        if self._texts > MAX_TEXTS:
            raise HTTPException(400, "the body has too many values")
        self._consume = self._image_head if is_image else self._inside
        return end + 1

    def _inside(self, data: bytes, at: int) -> int:
        """Keep a text, up to the quote that ends it."""
        end = cast("re.Match[bytes]", _TEXT.match(data, at)).end()
        self.rest += data[at:end]
        if end == len(data):
            return end
        if data[end : end + 1] == b'"':
            self.rest += b'"'
            self._consume = self._outside
            return end + 1
        self._pending = data[end:]  # a backslash: what it escapes has not arrived
        return len(data)

    def _image_head(self, data: bytes, at: int) -> int:
        """Look for `data:...;base64,` at the beginning of the image's text; without it, the text is like any other."""
        if match := _IMAGE_HEAD.match(data, at):
            if self.found:
                raise HTTPException(400, NOT_AN_IMAGE)
            self.found = True
            self.rest += self.PLACEHOLDER
            self._consume = self._image
            return match.end()
        if len(data) - at < MAX_HEAD_BYTES and data.find(b'"', at) < 0:
            self._pending = data[at:]
            return len(data)
        self._consume = self._inside
        return at

    def _image(self, data: bytes, at: int) -> int:
        """Decode the image's base64, up to the quote that ends it."""
        quote = data.find(b'"', at)
        encoded = data[at : len(data) if quote < 0 else quote]
        half_escape = b"\\" if quote < 0 and encoded.endswith(b"\\") else b""
        encoded = encoded.removesuffix(half_escape).replace(b"\\/", b"/")  # some encoders escape it
        if quote >= 0:
            self._decode(encoded)
            self.rest += b'"'
            self._consume = self._outside
            return quote + 1
        complete = len(encoded) - len(encoded) % 4
        self._decode(encoded[:complete])
        self._pending = encoded[complete:] + half_escape
        return len(data)

    def _decode(self, encoded: bytes) -> None:
        try:
            decoded = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise HTTPException(400, "the image is not in base64") from None
        if encoded and self._is_padded:
            raise HTTPException(400, "the image is not in base64")
        self._is_padded = encoded.endswith(b"=")
        self._bytes_left -= len(decoded)
        if self._bytes_left < 0:
            raise HTTPException(413, TOO_LARGE)
        self._write(decoded)


@asynccontextmanager
async def received(request: Request, max_file_bytes: int) -> AsyncIterator[ReceivedMessage]:
    """The message in the body of a request; its image or file exists until the block ends. Raises HTTPException."""
    if request.headers.get("content-type", "").startswith(FORM):
        async with request.form(max_files=1, max_fields=4, max_part_size=4 * MAX_TEXT_CHARS) as form:
            yield _in_form(form, max_file_bytes)
        return
    with SpooledTemporaryFile(max_size=MAX_HELD_BYTES) as file:
        held = bytearray()
        extractor = ImageExtractor(max_file_bytes, held.extend)
        pieces = request.stream()
        try:
            async for data in pieces:
                for at in range(0, len(data), MAX_HELD_BYTES):
                    extractor.feed(data[at : at + MAX_HELD_BYTES])
                    if len(held) >= MAX_HELD_BYTES:
                        await run_in_threadpool(file.write, bytes(held))
                        held.clear()
        except HTTPException:
            async for _ in pieces:  # a client that still sends misses a response
                pass
            raise
        file.write(held)
        text = _parse(bytes(extractor.rest), has_image=extractor.found)
        yield ReceivedMessage(text, cast("BinaryIO", file) if extractor.found else None)


def _in_form(form: FormData, max_file_bytes: int) -> ReceivedMessage:
    """The message of a form. Raises HTTPException."""
    text, image, file = form.get("text"), form.get("image"), form.get("file")
    if isinstance(text, UploadFile) or isinstance(image, str) or isinstance(file, str):
        raise HTTPException(400, "`text` must be text, `image` and `file` must be files")
    if text is not None and len(text) > MAX_TEXT_CHARS:
        raise HTTPException(400, f"text: at most {MAX_TEXT_CHARS} characters")
    if image is not None and (image.size or 0) > max_file_bytes:
        raise HTTPException(413, TOO_LARGE)
    if file is not None and (file.size or 0) > max_file_bytes:
        raise HTTPException(413, FILE_TOO_LARGE)
    if file is not None and not file.filename and not file.size:
        file = None  # what a page sends if no file was chosen
    return ReceivedMessage(
        text,
        None if image is None else image.file,
        None if file is None else ReceivedFile(file.filename or "", file.size or 0, file.file),
    )


def _parse(document: bytes, *, has_image: bool) -> str | None:
    """The text of a message without its image. Raises HTTPException and RequestValidationError."""
    try:
        message = NewMessage.model_validate(json_requests.parse(document))
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_context=False)]
        raise RequestValidationError(problems) from None
    except (json.JSONDecodeError, ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    if (message.image or "") != (ImageExtractor.PLACEHOLDER.decode() if has_image else ""):
        raise HTTPException(400, NOT_AN_IMAGE)
    if message.file:
        raise HTTPException(400, "a file is sent in a form (multipart/form-data), not as JSON")
    return message.text
