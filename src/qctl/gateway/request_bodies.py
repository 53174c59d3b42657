"""Bodies of requests that senders may compress."""

from __future__ import annotations

import zlib

from fastapi import Request
from starlette.exceptions import HTTPException

MAX_EXPANDED_BYTES = 4 << 20
"""Size of a body after gzip; a larger one is refused with 413."""


async def read_body(request: Request) -> bytes:
    """The body, expanded if its Content-Encoding is gzip. Raises HTTPException (400, 413, 415)."""
    body = await request.body()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise HTTPException(415, "Content-Encoding must be gzip or identity")
    return expand(body)


def expand(body: bytes) -> bytes:
    """Expand gzip, to MAX_EXPANDED_BYTES at most. Raises HTTPException (400, 413)."""
    decompressor = zlib.decompressobj(wbits=31)
    try:
        expanded = decompressor.decompress(body, MAX_EXPANDED_BYTES)
    except zlib.error:
        raise HTTPException(400, "Body is not gzip, although Content-Encoding says so") from None
    if decompressor.unconsumed_tail:
        raise HTTPException(413, "Request body too large")
    if not decompressor.eof:
        raise HTTPException(400, "Body is truncated gzip")
    return expanded
