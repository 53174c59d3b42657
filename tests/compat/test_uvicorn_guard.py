"""Writes of HTTP responses: the head leaves with the begin of the body, everything else at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import h11
import pytest

from qctl.compat.uvicorn_guard import HTTP_NAMES, _ResponseTransport

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"


def test_private_names_of_http_connections_exist() -> None:
    assert HTTP_NAMES.changed() is None


@pytest.fixture
def connection() -> h11.Connection:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(REQUEST)
    assert isinstance(connection.next_event(), h11.Request)
    return connection


def response_of(connection: h11.Connection, *headers: tuple[str, str], body: tuple[bytes, ...]) -> list[bytes]:
    """The writes for a response whose body comes in such parts."""
    written: list[bytes] = []
    transport = _ResponseTransport(cast("Any", SimpleNamespace(write=written.append)), connection)
    events = [h11.InformationalResponse(status_code=100, headers=[]), h11.Response(status_code=200, headers=headers)]
    for event in (*events, *(h11.Data(data=part) for part in body), h11.EndOfMessage()):
        transport.write(cast("bytes", connection.send(event)))
    return [data for data in written if data]


def test_head_and_body_are_one_write(connection: h11.Connection) -> None:
    interim, response = response_of(connection, ("content-length", "5"), body=(b"hello",))
    assert interim.startswith(b"HTTP/1.1 100 ")
    assert response.startswith(b"HTTP/1.1 200 ")
    assert response.endswith(b"\r\n\r\nhello")


def test_further_parts_are_written_as_they_come(connection: h11.Connection) -> None:
    _, first, second, end = response_of(connection, body=(b"hello", b"world"))
    assert first.endswith(b"\r\n\r\n5\r\nhello\r\n")
    assert (second, end) == (b"5\r\nworld\r\n", b"0\r\n\r\n")


def test_head_of_a_response_without_a_body_is_written(connection: h11.Connection) -> None:
    _, response = response_of(connection, ("content-length", "0"), body=(b"",))
    assert response.endswith(b"\r\n\r\n")
