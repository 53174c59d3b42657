"""The operator: holds and lets go, schedules, tidies up, all by the command line."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

from demo.rounds import Round
from demo.site import Site

log = logging.getLogger(__name__)

PATIENCE = 30
"""Seconds that a command may take on a busy machine."""

SCHEDULES = (
    ("prices", "sync-external", "--every=20s", "businessId=7", "externalSystem=supplier"),
    ("month-end", "generate-report", "--cron=0 6 1 * *", "--timezone=Europe/Berlin", "businessId=7",
     "reportType=sales-analysis"),
    ("catalogue", "draw-catalogue", "--every=2m", "season=spring"),
    ("spring-mail", "welcome-email", "--cron=0 9 * * mon", "userEmail=all@shop.example", "userName=all"),
)  # fmt: skip


class Operator:
    """Somebody with a terminal."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def rounds(self) -> list[Round]:
        """Their rounds: the day's work in the first minute, then again every few minutes."""
        return [
            Round(3600, self.schedule),
            Round(180, self.hold_reports, after=8),
            Round(180, self.hold_the_newsletter, after=9),
            Round(150, self.throw_away, after=14),
            Round(90, self.try_again, after=20),
            Round(3600, self.silence, after=6),
            Round(300, self.tidy_up, after=300),
        ]

    def schedule(self) -> None:
        """Add schedules; pause one."""
        for name, job, *how in SCHEDULES:
            self.qctl("schedule", "add", name, job, *how, "--replace")
        self.qctl("schedule", "pause", "spring-mail")

    def hold_reports(self) -> None:
        """Reports wait for a while, and are let go on by the clock."""
        self.qctl("pause", "report", "--for=90s", "--reason=the month is being closed")

    def hold_the_newsletter(self) -> None:
        """One lane waits, the others of its queue go on."""
        self.qctl("pause", "email.low", "--create", "--for=2m", "--reason=the newsletter is being read again")

    def throw_away(self) -> None:
        """Move uninteresting dead letters to the trash."""
        self.qctl("dlq", "discard", "--job=welcome-email", "--yes")

    def tidy_up(self) -> None:
        """Move old dead letters to the trash: more come every minute."""
        self.qctl("dlq", "discard", "--older-than=30m", "--limit=1000", "--yes")

    def try_again(self) -> None:
        """Perhaps it works now."""
        self.qctl("retry", "--queue=inventory", "--limit=5", "--yes")

    def silence(self) -> None:
        """Mute an alert that everybody knows about."""
        self.qctl("alert", "mute", "errors", "--for=1h", "--reason=the bank is being slow")

    def qctl(self, *words: str) -> None:
        """Run a command. One that finds nothing to do, or is refused, says so in the log."""
        program = Path(sys.executable).with_name("qctl")
        run = subprocess.run(
            [program, *words],
            cwd=self._site.home,
            env=self._site.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if run.returncode:
            log.info("qctl %s: %s", " ".join(words), (run.stderr or run.stdout).strip())
