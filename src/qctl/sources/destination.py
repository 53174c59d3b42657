"""Where a source keeps what came: in Redis, with all that goes with it, or in the sink itself."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from qctl.broker.ingest.buffer import Buffer
from qctl.broker.ingest.mqtt_session import MqttSession
from qctl.broker.ingest.topics import TopicCounters
from qctl.broker.redis.connection import connect
from qctl.catalog.specs import PipelineSpec
from qctl.settings import Settings
from qctl.sources.batch_cutter import Cutter
from qctl.sources.queueless import Direct


@dataclass(frozen=True)
class Destination:
    """The parts of it. `connection` is open as long as a source runs."""

    buffer: Buffer | Direct
    session: MqttSession | Direct
    topics: TopicCounters | Direct
    cutter: Cutter | Direct
    connection: AbstractContextManager[object]

    @classmethod
    def buffered(cls, settings: Settings, pipeline: PipelineSpec, name: str) -> Destination:
        """In Redis. `name` is that of the daemon, for CLIENT LIST."""
        connection = connect(settings, name=name)
        return cls(
            Buffer(connection, pipeline, settings),
            MqttSession(connection, settings.mqtt_client_id),
            TopicCounters(connection, pipeline.name),
            Cutter(settings, pipeline, settings.flush_interval(pipeline.name)),
            connection,
        )

    @classmethod
    def direct(cls, writer: Direct) -> Destination:
        """In the sink, without a queue."""
        return cls(writer, writer, writer, writer, writer)
