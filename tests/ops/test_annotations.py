"""Marks on plots and causes, notes, and acknowledged causes."""

from __future__ import annotations

import json
import time

import pytest
from redis import Redis

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.redis import annotation_keys, keys
from qctl.errors import NotFoundError, UsageError
from qctl.models import Finding, Note
from qctl.ops import Ops, cause_checks
from support import stock

PARTS = {"function": "app.send", "exception": "ValueError", "message": "no such host", "frame": ""}
CAUSE = dead_letter_index.fingerprint(PARTS)


def die_of_cause(connection: Redis, queue: str, ids: list[str], at: float) -> None:
    """Put dead letters of one cause into a queue and the index, as qctl's workers do."""
    connection.sadd(keys.QUEUES, keys.queue(queue))
    connection.hset(keys.causes(queue), CAUSE, json.dumps(PARTS))
    for id_ in ids:
        connection.hset(keys.job(id_), mapping={"status": "failed", "origin": queue, "qctl_fingerprint": CAUSE})
        connection.zadd(keys.failed(queue), {id_: 9e9})
        connection.zadd(keys.cause(queue, CAUSE), {id_: at * 1000})


def findings(connection: Redis) -> list[Finding]:
    """Run the checks of the alert rule of causes."""
    return list(cause_checks.check(connection, ["mail"], time.time()))


def test_a_cause_names_the_last_mark_before_it(ops: Ops, connection: Redis) -> None:
    ops.marks.add("v1.3", time.time() - 500)
    ops.marks.add("v1.4", time.time() - 300)
    die_of_cause(connection, "mail", ["a"], time.time() - 200)
    ops.marks.add("v1.5", time.time() - 100)
    (cause,) = ops.dead_letters.groups().causes
    assert cause.since_mark == "v1.4"
    (finding,) = findings(connection)
    assert "sample a" in finding.reason
    assert "last mark before it: v1.4" in finding.reason
    series = ops.metrics.series(seconds=3600, step=60)
    assert [mark.text for mark in series.marks] == ["v1.3", "v1.4", "v1.5"]


def test_marks_are_bounded_and_can_be_deleted(ops: Ops, connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qctl.broker.bookkeeping.marks.MAX_MARKS", 2)
    for text in ("a", "b", "b"):
        ops.marks.add(text)
        time.sleep(0.002)
    assert [mark.text for mark in ops.marks.list()] == ["b", "b"]
    assert ops.marks.delete("b") == 2
    with pytest.raises(NotFoundError, match="mark 'b'"):
        ops.marks.delete("b")
    for text in (" ", "x" * 61, "a\nb", "a\x1b[2J"):
        with pytest.raises(UsageError):
            ops.marks.add(text)
    with pytest.raises(UsageError, match="future"):
        ops.marks.add("v2", time.time() + 3600)
    connection.zadd(annotation_keys.MARKS, {b"\xff{": 5, "[]": 6, '{"text": "kept"}': 7})
    assert [mark.text for mark in ops.marks.list()] == ["kept"]


def test_an_acknowledged_cause_is_quiet_until_it_has_grown(ops: Ops, connection: Redis) -> None:
    die_of_cause(connection, "mail", [f"a{n}" for n in range(30)], time.time() - 10)
    assert [finding.check for finding in findings(connection)] == ["new cause"]
    note = ops.notes.put("cause", CAUSE, "mended in v1.5", acknowledge=True)
    assert (note.letters, note.is_acknowledged) == (30, True)
    assert findings(connection) == []
    assert ops.dead_letters.groups().causes[0].note == note
    later = note.at.timestamp() + 0.01
    die_of_cause(connection, "mail", [f"b{n}" for n in range(29)], later)
    assert findings(connection) == []
    die_of_cause(connection, "mail", ["c"], later)
    assert [finding.check for finding in findings(connection)] == ["new cause"]


def test_acknowledged_letters_are_no_problem_of_health(ops: Ops, connection: Redis) -> None:
    die_of_cause(connection, "mail", [f"a{n}" for n in range(1200)], time.time() - 7200)
    assert "dead letters" in [finding.check for finding in ops.health.check().problems]
    ops.notes.put("cause", CAUSE, "", acknowledge=True)
    assert "dead letters" not in [finding.check for finding in ops.health.check().problems]
    ops.notes.delete("cause", CAUSE)
    assert "dead letters" in [finding.check for finding in ops.health.check().problems]


def test_notes_show_where_their_subject_shows(ops: Ops, connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "dead", json=True))
    ops.queues.pause("mail", reason="deploy")
    ops.schedules.add("nightly", "stock-check", every=3600)
    ops.notes.put("letter", "dead", "ask ada")
    ops.notes.put("pause", "mail", "until noon")
    ops.notes.put("schedule", "nightly", "moves to 3 am", acknowledge=True)
    shown = ops.dead_letters.show("dead").note
    assert isinstance(shown, Note)
    assert (shown.text, bool(shown.by)) == ("ask ada", True)
    (pause,) = (finding for finding in ops.health.check().problems if finding.check == "paused")
    assert "until noon" in pause.reason
    ops.notes.put("pause", "mail", "until noon", acknowledge=True)
    assert "paused" not in [finding.check for finding in ops.health.check().problems]
    (timer,) = (row for row in ops.schedules.list().rows if row.name == "nightly")
    assert timer.note is not None
    assert timer.note.text == "moves to 3 am"
    assert {note.kind for note in ops.notes.list()} == {"letter", "pause", "schedule"}


def test_notes_on_nothing_are_refused(ops: Ops, connection: Redis) -> None:
    for kind in ("cause", "pause", "schedule", "letter"):
        with pytest.raises(NotFoundError):
            ops.notes.put(kind, "x", "text")  # type: ignore[arg-type]  # one of the kinds
        with pytest.raises(NotFoundError):
            ops.notes.delete(kind, "x")  # type: ignore[arg-type]  # one of the kinds
    with pytest.raises(UsageError, match="text"):
        ops.notes.put("pause", "mail", " ")
    assert not connection.exists(annotation_keys.NOTES)


def test_marks_and_notes_survive_a_backup(ops: Ops, connection: Redis) -> None:
    ops.marks.add("v1.4", time.time() - 100)
    stock.die(connection, stock.enqueue(connection, "mail", "dead", json=True))
    ops.notes.put("letter", "dead", "ask ada", acknowledge=True)
    before = ops.marks.list(), ops.notes.list()
    lines: list[str] = []
    counts = ops.backup.write(lines.append).counts
    assert (counts["mark"], counts["note"]) == (1, 1)
    connection.delete(annotation_keys.MARKS, annotation_keys.NOTES)
    stored = "".join(lines).encode().splitlines()
    assert ops.backup.restore(stored).counts == {"mark": 1, "note": 1}
    assert (ops.marks.list(), ops.notes.list()) == before
    assert ops.backup.restore(stored).existing == 3
    hostile = {"schema": "qctl.backup.line/1", "kind": "note", "name": "cause:x", "note": "[1]"}
    assert ops.backup.restore([json.dumps(hostile).encode()]).refused == 1
