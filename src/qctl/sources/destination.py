"""Destination of a source's items: a buffer in Redis with all that belongs to it, or the sink itself."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from qctl.broker.bookkeeping.heartbeats import Heartbeats
from qctl.broker.ingest.buffer import Buffer
from qctl.broker.ingest.mqtt_session import MqttSession
from qctl.broker.ingest.topics import TopicCounters
from qctl.broker.redis.connection import connect
from qctl.catalog.specs import PipelineSpec
from qctl.settings import Settings
from qctl.sources.batch_cutter import BatchCutter
from qctl.sources.direct_writer import DirectWriter


@dataclass(frozen=True)
class Destination:
    """The parts that a source uses. `connection` is open as long as it runs."""

    buffer: Buffer | DirectWriter
    session: MqttSession | DirectWriter
    topics: TopicCounters | DirectWriter
    cutter: BatchCutter | DirectWriter
    connection: AbstractContextManager[object]
    heartbeats: Heartbeats | DirectWriter

    @classmethod
    def buffered(
        cls, settings: Settings, pipeline: PipelineSpec, name: str, identity: str | None = None
    ) -> Destination:
        """A buffer in Redis. `name` is the daemon's, for CLIENT LIST. `identity` tells it from others of its kind and
        is the same after a restart; by default it is the process."""
        connection = connect(settings, name=name)
        daemon = name.removeprefix("qctl-")
        heartbeats = (
            Heartbeats(connection, daemon, identity, pipeline.name)
            if identity
            else Heartbeats.of_process(connection, daemon, pipeline.name)
        )
        return cls(
            Buffer(connection, pipeline, settings),
            MqttSession(connection, settings.mqtt_client_id, pipeline.name),
            TopicCounters(connection, pipeline.name),
            BatchCutter(settings, pipeline, settings.flush_interval(pipeline.name)),
            connection,
            heartbeats,
        )

    @classmethod
    def direct(cls, writer: DirectWriter) -> Destination:
        """The sink, without a queue."""
        return cls(writer, writer, writer, writer, writer, writer)
