"""`qctl ingest`: pipelines, topics, arrivals and rejects."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from cli.conftest import Ran
from cli.fake import FakeOps
from cli.fake_ingest import ARRIVED, DETAIL
from qctl.models import Arrivals, ImportResult, RejectDetail, RejectedLine, Selector

Qctl = Callable[..., Ran]


def set_stdin(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))


def test_status_shows_the_pause_of_a_pipeline(qctl: Qctl) -> None:
    shown = qctl("ingest", "status", "-o", "table").out
    assert "readings" in shown
    assert "950/1000" in shown
    assert "InfluxDB does not answer" in shown
    assert re.search(r"the broker lost 2 sessions, last \S+ ago", shown)


def test_uncounted_topics_share_a_row(qctl: Qctl) -> None:
    assert "(others)" in qctl("ingest", "topics", "-o", "table").out
    found = qctl("ingest", "topics", "--json").json
    assert [topic["topic"] for topic in found["topics"]] == ["sensors/hall", None]
    assert found["topics"][0]["lag_seconds"] == 0.25


def test_topics_pass_their_options(qctl: Qctl) -> None:
    ops = FakeOps()
    assert qctl("ingest", "topics", "hall*", "--sort", "lag", "--limit", "5", ops=ops).code == 0
    assert ops.calls_of("ingest__topics") == [(("hall*",), {"sort": "lag", "limit": 5})]
    assert qctl("ingest", "topics", "--sort", "beauty").code == 2


def test_tail_counts_omitted_items(qctl: Qctl) -> None:
    ran = qctl("ingest", "tail", "-o", "table")
    assert 'sensors/hall {"temperature": 21.5}' in ran.out
    assert "and 2 more at the same time" in ran.err
    (row,) = [json.loads(line) for line in qctl("ingest", "tail", "--json").out.splitlines()[-1:]]
    assert json.loads(row["content"]) == {"temperature": 21.5}


def test_tail_escapes_hostile_text(qctl: Qctl) -> None:
    hostile = replace(ARRIVED, source="a\x1b[2J", content={"\x1b]0;x\x07": "\u202eevil"})
    ran = qctl("ingest", "tail", "-o", "table", ops=FakeOps(ingest__tail=[Arrivals([hostile], 1)]))
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out


def test_push_reads_stdin_and_lists_rejected_lines(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    set_stdin(monkeypatch, b"{}\nnonsense\n{}\n")
    received: list[bytes] = []

    def push(_pipeline: str, lines: Iterable[bytes], **_: object) -> ImportResult:
        received.extend(lines)
        return ImportResult(2, 1, [RejectedLine(2, "it is not JSON")])

    ops = FakeOps(ingest__push=push)
    ran = qctl("ingest", "push", "readings", "--topic", "sensors/attic", ops=ops)
    assert (ran.code, ran.out.splitlines()) == (5, ["2 items ingested", "  line 2: it is not JSON"])
    ((_, options),) = ops.calls_of("ingest__push")
    assert options == {"topic": "sensors/attic"}
    assert received == [b"{}\n", b"nonsense\n", b"{}\n"]


def test_push_of_a_missing_file_exits_3(qctl: Qctl) -> None:
    ran = qctl("ingest", "push", "readings", "no.jsonl")
    assert (ran.code, ran.err) == (3, "qctl: file 'no.jsonl' not found\n")


def test_flush_reports_remaining_items(qctl: Qctl) -> None:
    assert qctl("ingest", "flush").out.splitlines() == [
        "readings: 40 items to sensor-data",
        "messages: 0 items to q; 5 remain in the buffer: q is full",
    ]


@pytest.mark.parametrize(
    ("options", "queues"), [((), "sensor-data,socket-data"), (("--pipeline", "messages"), "socket-data")]
)
def test_rejects_are_limited_to_pipelines(qctl: Qctl, options: tuple[str, ...], queues: str) -> None:
    ops = FakeOps()
    qctl("ingest", "rejects", "list", "--error", "JSON", *options, ops=ops)
    qctl("ingest", "rejects", "retry", "--all", "--yes", *options, ops=ops)
    qctl("ingest", "rejects", "discard", "--all", "--yes", *options, ops=ops)
    ((listed,), _) = ops.calls_of("dead_letters__list")[0]
    assert (listed.queue, listed.error) == (queues, "JSON")
    assert [call[0] for call in ops.calls_of("jobs__choose")] == [
        ("retry", Selector(queue=queues)),
        ("discard", Selector(queue=queues)),
    ]


def test_unknown_pipeline_exits_3(qctl: Qctl) -> None:
    ran = qctl("ingest", "rejects", "list", "--pipeline", "reading")
    assert (ran.code, ran.err) == (3, "qctl: pipeline 'reading' not found; did you mean 'readings'?\n")


def test_reject_is_shown_with_its_source_and_content(qctl: Qctl) -> None:
    shown = qctl("ingest", "rejects", "show", "reject-1").out
    assert "source    sensors/hall" in shown
    assert "content\nnope" in shown
    batch = FakeOps(ingest__reject=RejectDetail(DETAIL, "readings", None, None))
    assert "a batch" in qctl("ingest", "rejects", "show", "reject-1", ops=batch).out


def test_reject_content_is_redacted_without_reveal(qctl: Qctl) -> None:
    ops = FakeOps(ingest__reject=RejectDetail(DETAIL, "readings", None, '{"password": "hunter2"}'))
    assert "hunter2" not in qctl("ingest", "rejects", "show", "reject-1", "--json", ops=ops).out
    assert "hunter2" in qctl("ingest", "rejects", "show", "reject-1", "--json", "--reveal", ops=ops).out
