"""The tables of the page Ingest: pipelines, topics with their trend, rejects by cause, and sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from qctl import view
from qctl.models import Cause, State, TopicStatus
from qctl.ops.quiet_topics import is_quiet
from qctl.tui.data.topic_trends import MINUTES, TopicTrends, per_minute
from qctl.tui.pages.dead_letters import CAUSES
from qctl.tui.widgets.grid import GridSpec
from qctl.view import Cell, Column
from qctl.view.sparklines import filled_graph

LINKS: Mapping[str, tuple[str, tuple[State, ...]]] = {"BATCHES": ("3", ("queued",)), "REJECTS": ("4", ())}
"""Targets of a pipeline's numbers: a page, and the states of the jobs shown there."""

PIPELINES = GridSpec(
    view.pipeline_columns,
    lambda pipeline: pipeline.name,
    view.NO_PIPELINE,
    {
        "RATE/S": lambda pipeline: pipeline.rate,
        "BUFFER": lambda pipeline: pipeline.depth,
        "OLDEST": lambda pipeline: pipeline.oldest_age,
        "LAG": lambda pipeline: pipeline.lag,
        "REJECTS": lambda pipeline: pipeline.dead,
    },
    frozenset({"RATE/S", "BUFFER", "OLDEST", "LAG", "REJECTS"}),
    frozenset(LINKS),
)

SOURCES = GridSpec(
    view.source_columns,
    lambda source: source.name,
    "No sources: qctl-mqtt-bridge, qctl-socket-batcher and qctl-scheduler report here while they run.",
    {
        "SOURCE": lambda source: source.name,
        "STATE": lambda source: source.state,
        "FOR": lambda source: source.since,
        "SEEN": lambda source: source.age,
    },
)

REJECT_COLUMNS: Mapping[str, int] = {"ERROR": 60, "COUNT": 0, "ONLY COUNTED": 0, "NEW/MIN": 0, "LAST": 0, "QUEUES": 8}
"""The columns of causes that rejects have, with the least width of those that may be cut. Dead letters have all."""


def reject_columns(now: datetime) -> list[Column[Cause]]:
    """Return the columns of rejects by cause: fewer than of dead letters, so that the error has room."""
    columns = (column for column in CAUSES.columns(now) if column.title in REJECT_COLUMNS)
    return [replace(column, min_width=REJECT_COLUMNS[column.title]) for column in columns]


REJECTS = replace(
    CAUSES,
    columns=reject_columns,
    empty="No rejects: messages that cannot be read or stored would be here, by cause.",
)

GRAPH_WIDTH = MINUTES // 2
"""Characters of a trend, which has two minutes in each."""

WORTH = {"USUAL": 2, "REJECTED": 3, "LAG": 4, "RECEIVED": 5, "IGNORED": 6}
"""Ranks of columns of topics: those that are left out first where there is little room."""


def topic_spec(trends: TopicTrends) -> GridSpec:
    """The table of topics, with messages a minute and their trend."""

    def columns(now: datetime) -> list[Column[TopicStatus]]:
        rates: list[Column[TopicStatus]] = [
            Column("MSG/MIN", lambda topic: Cell(view.rate(per_minute(topic))), right=True),
            Column(f"TREND {MINUTES} MIN", lambda topic: Cell(_trend(trends.of(topic))), drop=1),
        ]
        known = {
            column.title: replace(column, drop=WORTH.get(column.title, column.drop))
            for column in view.topic_columns(now)
        }
        seen = known["SEEN"]
        known["SEEN"] = replace(seen, cell=lambda topic: Cell(seen.cell(topic).text, "warn" if is_quiet(topic) else ""))
        order = ("SEEN", "USUAL", "LAG", "REJECTED", "RECEIVED", "IGNORED", "LEFT OUT")
        return [known["TOPIC"], *rates, *(known[title] for title in order)]

    return GridSpec(
        columns,
        lambda topic: view.OTHER_TOPICS if topic.topic is None else topic.topic,
        "No topics: qctl-mqtt-bridge counts messages by topic.",
        {
            "TOPIC": lambda topic: topic.topic or "",
            "MSG/MIN": lambda topic: topic.rate,
            "SEEN": lambda topic: topic.silence,
            "LAG": lambda topic: topic.lag,
            "REJECTED": lambda topic: topic.rejected,
        },
        frozenset({"MSG/MIN", "SEEN", "LAG", "REJECTED"}),
    )


def _trend(rates: list[float | None]) -> str:
    """A graph of the rates, and the rate that its highest dot stands for."""
    highest = max((rate for rate in rates if rate is not None), default=0.0)
    if not highest:
        return ""
    return f"{filled_graph(rates, GRAPH_WIDTH, 1)[0]} to {view.rate(highest)}"
