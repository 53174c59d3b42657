"""Trends of topics: each has its own minutes, and a crowd of topics does not fill the memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from cli.fake import NOW
from cli.fake_ingest import HALL
from qctl.tui.data.topic_trends import MAX_TOPICS, MINUTES, TopicTrends


def test_each_topic_has_its_own_minutes() -> None:
    trends, attic = TopicTrends(), replace(HALL, topic="sensors/attic")
    trends.record([HALL], NOW)
    trends.record([replace(HALL, rate=0.5), attic], NOW + timedelta(minutes=2))
    assert trends.of(HALL) == [*[None] * (MINUTES - 3), 120.0, None, 30.0]
    assert trends.of(attic) == [*[None] * (MINUTES - 1), 120.0]
    assert trends.of(replace(HALL, pipeline="messages")) == []


def test_topics_that_are_no_longer_read_are_dropped_before_there_are_too_many() -> None:
    trends = TopicTrends()
    trends.record([replace(HALL, topic=f"old/{number}") for number in range(MAX_TOPICS)], NOW)
    trends.record([HALL], NOW)
    assert len(trends._rates) == 1
    assert trends.of(HALL)[-1] == 120.0
