"""Jobs of the queue `socket-data`: write messages of Socket.IO clients to MySQL, MongoDB or SQLite."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from qctl.databases.mysql import MysqlServer
from qctl.errors import RejectedError
from qctl.jobs import batches
from qctl.settings import Settings
from qctl.sinks.base import Sink
from qctl.sinks.mongodb import MongoSink
from qctl.sinks.mysql import MysqlSink
from qctl.sinks.sqlite import MESSAGES, SqliteSink
from qctl.sources.message_parser import parse


def write_messages(items: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Write a batch. Returns and raises as `batches.write_batch` does."""
    return batches.write_batch("messages", sink, items)


def ingest_message(event_json: str, user: str | None, received_ns: int) -> dict[str, int]:
    """Retry an event that could not be parsed when it arrived. `user`: the only user that it may write for.

    Raises RejectedError if it still cannot be parsed or is rejected, and SinkError as `write_messages` does.
    """
    try:
        event = json.loads(event_json)
    except (ValueError, TypeError, RecursionError):
        raise RejectedError("the event of this dead letter is not JSON") from None
    return write_messages([parse(event, user, received_ns, batches.settings().max_payload)])


def sink(settings: Settings) -> Sink:
    """The sink that the settings select, not yet open."""
    if settings.messages_target == "mysql":
        return MysqlSink(MysqlServer.from_settings(settings))
    if settings.messages_target == "mongodb":
        return MongoSink(settings.mongodb_uri or "")
    return SqliteSink(settings.database, MESSAGES)
