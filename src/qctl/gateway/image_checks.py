"""Checks of uploaded images: two at the same time, in processes and threads of their own, so that no route waits."""

from __future__ import annotations

from typing import BinaryIO

from anyio import CapacityLimiter, fail_after, to_thread

from qctl.errors import BackpressureError
from qctl.files import image_decoder
from qctl.files.image_decoder import MAX_DECODERS

MAX_WAIT_SECONDS = 2.0
"""Time (s) that a request waits for a decoder; then it is refused."""


class ImageChecks:
    """The places of a gateway at its decoders."""

    def __init__(self) -> None:
        self._places = CapacityLimiter(MAX_DECODERS)
        self._threads = CapacityLimiter(MAX_DECODERS)

    async def extension(self, image: BinaryIO) -> str:
        """The file name extension for an image, which is read when a decoder is free: few are held at the same time.

        Raises RejectedError, BackpressureError and UnusableError.
        """
        place = object()
        try:
            with fail_after(MAX_WAIT_SECONDS):
                await self._places.acquire_on_behalf_of(place)
        except TimeoutError:
            raise BackpressureError("too many images at the same time") from None
        try:
            return await to_thread.run_sync(_check, image, limiter=self._threads)
        finally:
            self._places.release_on_behalf_of(place)


def _check(image: BinaryIO) -> str:
    image.seek(0)
    return image_decoder.check_image(image.read())
