"""Formats of stdout and stderr, and the escaping of hostile text."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.conftest import Ran
from cli.fake import LETTER, NOW, FakeOps, pause_of, stats_of
from qctl.cli.documents import Document
from qctl.cli.output import Format, Output
from qctl.errors import NotFoundError, QctlError
from qctl.models import BulkResult, DeadLetters, Health, Outcome, QueueStats

Qctl = Callable[..., Ran]

HOSTILE = "\x1b]0;owned\x07\x9b31m\x7f\u202e\r\n\t[/b]\udcff"
UNSAFE_CHARACTERS = set("\x1b\x07\x9b\x7f\u202e\r\udcff")


def hostile_ops() -> FakeOps:
    letter = replace(LETTER, id=HOSTILE, queue=HOSTILE, function=HOSTILE, error=HOSTILE, fingerprint=HOSTILE)
    return FakeOps(
        stats__read=stats_of(QueueStats(HOSTILE, error=HOSTILE), QueueStats("q", paused=pause_of(HOSTILE).pause)),
        dead_letters__list=DeadLetters([letter], 1),
        jobs__retry=BulkResult.of([Outcome(HOSTILE, HOSTILE, False, HOSTILE)]),
        queues__pause=lambda name, **_: pause_of(name, deaf_workers=[HOSTILE]),
        workers__list=QctlError(HOSTILE, HOSTILE),
        health__ping=ValueError,
    )


@pytest.mark.parametrize("form", ["", *Format], ids=lambda form: form or "pipe")
@pytest.mark.parametrize(
    "line", [("stats",), ("dlq", "list"), ("retry", "x"), ("pause", HOSTILE), ("worker", "list"), ("stats", HOSTILE)]
)
def test_hostile_text_is_escaped_in_every_format(line: tuple[str, ...], form: str, qctl: Qctl) -> None:
    ran = qctl(*line, *(["-o", Format(form).value] if form else []), ops=hostile_ops())
    assert not UNSAFE_CHARACTERS & set(ran.out + ran.err)
    assert "owned" in ran.out + ran.err


def test_hostile_text_round_trips_through_json(qctl: Qctl) -> None:
    assert qctl("stats", "--json", ops=hostile_ops()).json["queues"][0]["name"] == HOSTILE


def test_pipe_gets_a_header_and_tab_separated_rows(qctl: Qctl) -> None:
    header, email, _ = (line.split("\t") for line in qctl("stats").out.splitlines())
    row = dict(zip(header, email, strict=True))
    assert (row["name"], row["waiting"], row["oldest_age_seconds"]) == ("email", "4", "300.0")
    assert (row["paused_by"], row["paused_reason"], row["in_rate"]) == ("ops@host", "deploy", "")


def test_pipe_gets_only_the_header_without_rows(qctl: Qctl) -> None:
    ran = qctl("dlq", "list", ops=FakeOps(dead_letters__list=DeadLetters([], 0)))
    assert ran.out.startswith("id\tqueue\t")
    assert ran.out.count("\n") == 1


def test_empty_table_prints_a_message_to_stderr(qctl: Qctl) -> None:
    ran = qctl("dlq", "list", "-o", "table", ops=FakeOps(dead_letters__list=DeadLetters([], 0)))
    assert (ran.out, ran.err) == ("", "No dead letters: jobs that have failed for good are kept here.\n")


def test_names_are_one_per_line(qctl: Qctl) -> None:
    assert qctl("stats", "-o", "name").out == "email\nsensor-data\n"


def test_jsonl_is_one_row_per_line(qctl: Qctl) -> None:
    rows = [json.loads(line) for line in qctl("stats", "-o", "jsonl").out.splitlines()]
    assert [row["name"] for row in rows] == ["email", "sensor-data"]


def test_json_times_are_utc_and_durations_are_seconds(qctl: Qctl) -> None:
    document = qctl("stats", "--json").json
    assert document["at"] == f"{NOW:%Y-%m-%dT%H:%M:%S}.{NOW.microsecond // 1000:03}Z"
    assert document["queues"][0]["oldest_age_seconds"] == 300.0
    assert document["queues"][0]["paused"]["until"].endswith("Z")


def render(document: Document, form: Format) -> str:
    """Return what `Output` prints for a document."""
    out = Output()
    out.format = form
    before, sys.stdout = sys.stdout, io.StringIO()
    try:
        out.report(document, [])
        return sys.stdout.getvalue()
    finally:
        sys.stdout = before


FORMULA_PREFIXES = tuple("=+-@\t\r\0\uff1d\uff0b\uff0d\uff20")
"""First characters of cells that spreadsheets evaluate, including full-width forms."""


@given(st.text(st.characters(codec=None)))
def test_csv_cell_never_becomes_a_formula_or_two_cells(text: str) -> None:
    document = Document("x/1", "name", ("name", "number"), {"name": text, "number": -5})
    rows = list(csv.reader(io.StringIO(render(document, Format.CSV))))
    assert rows[0] == ["name", "number"]
    assert [row[1] for row in rows[1:]] == ["-5"]
    assert not rows[1][0].startswith(FORMULA_PREFIXES)


@given(st.text(st.characters(codec=None)))
def test_json_is_printable_ascii_and_round_trips(text: str) -> None:
    shown = render(Document("x/1", "name", ("name",), {"name": text}), Format.JSONL)
    assert all(32 <= ord(character) < 127 for character in shown.rstrip("\n"))
    assert json.loads(shown) == {"name": text}


def test_json_rejects_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        render(Document("x/1", "name", ("name",), {"name": float("nan")}), Format.JSON)


def test_an_error_is_one_line_with_the_next_command(qctl: Qctl) -> None:
    ran = qctl("workers", ops=FakeOps())
    assert ran.err == "qctl: No such command 'workers'. Did you mean 'worker'?; see `qctl --help`\n"
    ran = qctl("dlq", "show", "x", ops=FakeOps(dead_letters__show=NotFoundError("no such job.", hint="qctl dlq list")))
    assert (ran.code, ran.out, ran.err) == (3, "", "qctl: no such job; qctl dlq list\n")


def test_internal_error_is_one_line_and_a_traceback_with_debug(qctl: Qctl) -> None:
    def fault(**_: object) -> Health:
        raise ZeroDivisionError("boom \x1b[31m")

    ops = FakeOps(health__check=fault)
    ran = qctl("health", ops=ops)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert ran.err == "qctl: internal error: ZeroDivisionError: boom \\x1b[31m; show the traceback with --debug\n"
    err = qctl("health", "--debug", ops=ops).err
    assert "Traceback" in err
    assert "in fault" in err
    assert "\x1b" not in err


def test_ctrl_c_is_one_line(qctl: Qctl) -> None:
    ran = qctl("stats", ops=FakeOps(stats__read=KeyboardInterrupt()))
    assert (ran.code, ran.out, ran.err) == (130, "", "qctl: interrupted\n")


def test_interrupted_bulk_action_reports_its_progress(qctl: Qctl) -> None:
    ran = qctl("clear", "email", "--confirm", "email", ops=FakeOps(queues__clear=KeyboardInterrupt()))
    assert ran.code == 130
    assert ran.err.splitlines()[0] == "clearing email: stopped after about 1; run the command again to continue"
