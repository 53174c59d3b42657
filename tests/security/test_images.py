"""Images: the sender's limits and the header come first, and decoding happens in two processes with little memory."""

from __future__ import annotations

import io
import multiprocessing
import os
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from PIL import Image

from qctl.errors import RejectedError
from qctl.files import image_decoder
from qctl.files.image_check import MAX_MEMORY_BYTES
from qctl.files.image_decoder import MAX_DECODERS, ImageDecoder, check_image
from qctl.gateway.doors import IMAGE
from support.gateway import Gateway, Response
from support.waiting import PATIENCE_SECONDS

EDGE = "edge-of-a-part"


def picture(form: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA" if form == "PNG" else "RGB", size).save(out, form)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header names a size that its few bytes do not have."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1_000_000))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def send(gateway: Gateway, token: str, image: bytes) -> Response:
    """Send a message with an image."""
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    body = head.encode() + image + f"\r\n--{EDGE}--\r\n".encode()
    kind = f"multipart/form-data; boundary={EDGE}"
    return gateway.request("POST", "/api/messages/send/bob", body, token=token, Content_Type=kind)


def decoders(gateway: Gateway) -> list[psutil.Process]:
    """The decoders of a gateway."""
    children = psutil.Process(gateway.pid).children()
    return [child for child in children if "qctl.files.image_check" in child.cmdline()]


def test_a_sender_at_a_limit_has_nothing_decoded(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway()
    token = gateway.token("mallory")
    for n in range(5):
        assert gateway.request("POST", "/api/messages/send/bob", {"text": str(n)}, token=token).status == 202
    assert send(gateway, token, picture()).status == 429
    assert decoders(gateway) == []


def test_many_senders_have_two_decoders_apart_from_the_gateway(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway()
    tokens = [gateway.token(f"user-{n}") for n in range(10)]
    assert send(gateway, gateway.token("first"), picture()).status == 202
    large = picture(size=(4000, 4000))
    assert len(large) < 200_000
    before = psutil.Process(gateway.pid).memory_info().rss
    with ThreadPoolExecutor(len(tokens)) as pool:
        statuses = list(pool.map(lambda token: send(gateway, token, large).status, tokens))
    assert set(statuses) <= {202, 503}
    assert psutil.Process(gateway.pid).memory_info().rss - before < 50_000_000, "one decoded image has 64 MB"
    assert 1 <= len(decoders(gateway)) <= MAX_DECODERS
    for decoder in decoders(gateway):
        assert decoder.rlimit(psutil.RLIMIT_AS) == (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES)


def test_invalid_images_of_a_user_are_limited(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway()
    token = gateway.token("mallory")
    statuses = [send(gateway, token, picture()[:45]).status for _ in range(IMAGE.account_limit + 2)]
    assert statuses == [400] * IMAGE.account_limit + [429] * 2
    assert send(gateway, gateway.token("ada"), picture()).status == 202


def test_pixels_are_counted_before_they_are_decoded() -> None:
    decoder = ImageDecoder()
    check = decoder.check
    try:
        assert check(picture()) == "png"
        process = psutil.Process(decoder._process.pid) if decoder._process else pytest.fail("there is no process")
        before = process.memory_info().rss
        for size in ((60_000, 60_000), (50_000_001, 1), (2_000_000_000, 1)):
            with pytest.raises(RejectedError, match=r"pixels|broken"):
                check(bomb(*size))
        assert process.memory_info().rss - before < 50_000_000
    finally:
        decoder.end()


def test_a_decoder_that_is_killed_or_ends_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = ImageDecoder()
    try:
        assert decoder.check(picture()) == "png"
        assert decoder._process is not None
        decoder._process.kill()
        decoder._process.wait()
        assert decoder.check(picture("JPEG")) == "jpg"
        monkeypatch.setattr(image_decoder, "MAX_IMAGES", 1)
        assert [decoder.check(picture()) for _ in range(2)] == ["png", "png"]
        assert decoder._process is None
    finally:
        decoder.end()


def test_an_image_that_takes_too_much_ends_its_decoder_alone() -> None:
    """The largest WebP takes 800 MB; here the decoder has less."""
    decoder = ImageDecoder()
    try:
        assert decoder.check(picture()) == "png"
        assert decoder._process is not None
        psutil.Process(decoder._process.pid).rlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))
        with pytest.raises(RejectedError, match="too much memory"):
            decoder.check(picture("PNG", (7000, 7000)))
        assert decoder.check(picture()) == "png"
    finally:
        decoder.end()


def test_the_first_frame_alone_is_decoded() -> None:
    out = io.BytesIO()
    frames = [Image.effect_noise((64, 64), 50) for _ in range(3)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    assert check_image(out.getvalue()[: len(out.getvalue()) // 2]) == "gif", "a later frame is not looked at"


def _check_in_child() -> str:
    return check_image(picture("WEBP"))


def check_in_forks() -> None:
    """Check images before a fork, in its children, and after it."""
    assert check_image(picture()) == "png"
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert [pool.apply(_check_in_child) for _ in range(4)] == ["webp"] * 4
    assert check_image(picture("JPEG")) == "jpg"


def test_a_forked_process_has_decoders_of_its_own() -> None:
    """In a process of its own: a fork of this one copies locks that threads of other tests hold."""
    code = "from security.test_images import check_in_forks; check_in_forks()"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert ran.returncode == 0, ran.stderr
