"""Packing of commands: the same bytes for every connection of qctl."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import DataError

from qctl.broker.redis import protocol
from qctl.broker.redis.connection import connect
from qctl.settings import Settings

arguments = st.one_of(st.binary(max_size=40), st.text(st.characters(exclude_categories=["Cs"])), st.integers())


@given(st.lists(arguments, min_size=1, max_size=5))
def test_packed_commands_are_read_back(command: list[str | bytes | int]) -> None:
    reader = protocol.Reader()
    reader.feed(protocol.pack(command))
    parts = [part.encode() if isinstance(part, str) else part for part in command]
    assert reader.gets() == [part if isinstance(part, bytes) else str(part).encode() for part in parts]


@given(st.binary(max_size=40))
def test_bytes_decoded_with_surrogateescape_are_packed_as_they_were(raw: bytes) -> None:
    reader = protocol.Reader()
    reader.feed(protocol.pack([raw.decode(errors="surrogateescape")]))
    assert reader.gets() == [raw]


@given(st.floats())
def test_floats_keep_every_digit(number: float) -> None:
    reader = protocol.Reader()
    reader.feed(protocol.pack([number]))
    assert reader.gets() == [repr(number).encode()]


def test_connections_send_names_of_two_words_and_refuse_other_types(connection: Redis, settings: Settings) -> None:
    client = connect(settings)
    client.config_set("maxmemory-policy", "noeviction")
    client.set("number", 2**60)
    assert client.get("number") == str(2**60).encode()
    with pytest.raises(DataError):
        client.set("key", None)  # type: ignore[arg-type]
