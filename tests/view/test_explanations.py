"""An explanation as text: what blocks comes out as bad, hostile names are inert."""

from __future__ import annotations

from datetime import datetime, timezone

from qctl.models import Explanation, Reason
from qctl.view import Cell, explanation

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_a_blocked_job_shows_each_reason_with_its_command() -> None:
    reason = Reason("paused", "queue mail is paused by ada", "qctl resume mail", blocks=True)
    assert explanation(Explanation("mail", "a", "queued", [reason]), NOW) == [
        Cell("job a of queue mail: queued", "warn"),
        Cell("- queue mail is paused by ada", "bad"),
        Cell("  qctl resume mail", "dim"),
    ]


def test_a_job_that_will_start_tells_when() -> None:
    ahead = Reason("ahead", "2 jobs are ahead of it in queue mail")
    assert explanation(Explanation("mail", "a", "queued", [ahead], starts_in=90.0), NOW)[0].text.endswith(
        "queued, starts in about 1m30s"
    )


def test_hostile_names_are_inert() -> None:
    lines = explanation(Explanation("q\x1b[2J", "a\n", "queued", [Reason("ahead", "x\x1b[2J", "y\x07")]), NOW)
    assert all(text.isprintable() for text in (line.text for line in lines))
