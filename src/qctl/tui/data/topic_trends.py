"""Messages a minute of each topic in the last minutes, as far as the screen was open: nothing records them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qctl.models import TopicStatus
from qctl.tui.data.minute_values import MinuteValues

MINUTES = 12

MAX_TOPICS = 500
"""Topics whose trend is kept; beyond that, those that were not read last are dropped."""


class TopicTrends:
    """The highest rate of each topic in each minute."""

    def __init__(self) -> None:
        self._rates: dict[tuple[str, str | None], MinuteValues] = {}

    def record(self, topics: Sequence[TopicStatus], at: datetime) -> None:
        """Record the rates that were just read."""
        for topic in topics:
            self._rates.setdefault(_key(topic), MinuteValues(MINUTES)).record(at, per_minute(topic))
        if len(self._rates) > MAX_TOPICS:
            self._rates = {key: self._rates[key] for key in map(_key, topics)}

    def of(self, topic: TopicStatus) -> list[float | None]:
        """The messages a minute of a topic, oldest first; None where it was not seen."""
        rates = self._rates.get(_key(topic))
        return rates.values if rates else []


def per_minute(topic: TopicStatus) -> float:
    """Messages a minute, over about the last one."""
    return 60 * topic.rate


def _key(topic: TopicStatus) -> tuple[str, str | None]:
    return topic.pipeline, topic.topic
