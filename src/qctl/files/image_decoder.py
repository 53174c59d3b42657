"""Processes that decode images, at most two in each process of qctl.

A decoder that reads hostile bytes may take all memory, or be broken into. So it runs apart, with limits of its own
(`image_check.py`), and ends with this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from queue import LifoQueue
from typing import Any

from qctl import extras
from qctl.errors import RejectedError
from qctl.files.image_check import LENGTH

MAX_DECODERS = 2
"""Images decoded at the same time; more wait."""

MAX_IMAGES = 100
"""Images after which a decoder is replaced."""

ENDED = "it takes too much memory or time to decode"


class ImageDecoder:
    """One process, started with its first image."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._checked = 0

    def check(self, data: bytes) -> str:
        """Decode an image. Returns its file name extension. Raises RejectedError."""
        try:
            answer = self._ask(data)
            if answer is None and self._checked:  # it may have been killed while it waited
                self.end()
                answer = self._ask(data)
        except BaseException:  # a job that is stopped, too: the answer would be taken for the next image's
            self.end()
            raise
        self._checked += 1
        if answer is None or self._checked >= MAX_IMAGES:
            self.end()
        if answer is None:
            raise RejectedError(ENDED)
        if "extension" not in answer:
            raise RejectedError(str(answer.get("rejected")))
        return str(answer["extension"])

    def end(self) -> None:
        """End the process."""
        process, self._process, self._checked = self._process, None, 0
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # what it did not read
                    if pipe is not None:
                        pipe.close()

    def _ask(self, data: bytes) -> dict[str, Any] | None:
        """The decoder's answer, None if it has ended."""
        process = self._process = self._process or _start()
        if process.stdin is None or process.stdout is None:
            return None
        try:
            process.stdin.write(LENGTH.pack(len(data)) + data)
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            return None
        answer: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return answer


class ImageDecoders:
    """The decoders of this process. Thread-safe."""

    def __init__(self) -> None:
        self._free: LifoQueue[ImageDecoder] = LifoQueue()
        for _ in range(MAX_DECODERS):
            self._free.put(ImageDecoder())

    def check(self, data: bytes) -> str:
        """Decode an image when a decoder is free. Returns its file name extension. Raises RejectedError."""
        decoder = self._free.get()
        try:
            return decoder.check(data)
        finally:
            self._free.put(decoder)


_decoders = ImageDecoders()


def _reset() -> None:
    """Use decoders of its own in a forked process: pipes cannot be shared."""
    global _decoders
    _decoders = ImageDecoders()


os.register_at_fork(after_in_child=_reset)


def check_image(data: bytes) -> str:
    """Decode an image in a decoder of this process. Returns its file name extension: png, jpg, gif or webp.

    Raises RejectedError if it has another format, is broken, or has too many pixels, and UnusableError if Pillow is not
    installed.
    """
    extras.load("PIL.Image", extra="images", needed_by="an image of a message")
    return _decoders.check(data)


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-m", "qctl.files.image_check"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
