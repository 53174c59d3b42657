"""What one run of qctl holds: its options, settings, Ops and Output."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING

from qctl.cli.options import Options
from qctl.cli.output import Format, Output
from qctl.errors import RefusedError, UsageError
from qctl.settings import Settings

if TYPE_CHECKING:
    from qctl.ops import Ops


class Session:
    """Options first, then what follows from them, made when it is needed. `ops` replaces the real one."""

    def __init__(self, ops: Ops | None = None) -> None:
        self.options = Options()
        self.out = Output()
        self._ops = ops

    def choose(self, given: Options) -> None:
        """Take options from the command line. Those after a command's name win over those before it.

        Raises UsageError where they contradict each other or name nothing.
        """
        if given.json and given.output not in (None, Format.JSON):
            raise UsageError(f"--json and -o {given.output.value} contradict each other")
        for name, value in (("--redis-url", given.redis_url), ("--home", given.home)):
            if value == "":
                raise UsageError(f"{name} is empty", "leave it out to use the default")
        news = {name: value for name, value in vars(given).items() if value not in (None, False)}
        self.options = dataclasses.replace(self.options, **news)
        if given.json or given.output:
            self.out.format = Format.JSON if given.json else given.output
        self.out.colour = not self.options.no_color

    @cached_property
    def settings(self) -> Settings:
        """All settings. Raises SettingsError naming the one that cannot be used."""
        return Settings.load(
            {
                "REDIS_URL": self.options.redis_url,
                "QCTL_HOME": self.options.home,
                "QCTL_READ_ONLY": "true" if self.options.read_only else None,
            }
        )

    @cached_property
    def ops(self) -> Ops:
        """Everything that can be asked and done."""
        if self._ops:
            return self._ops
        from qctl.ops import Ops  # brings redis and rq, which help and completion do not need

        return Ops(self.settings)

    def refuse_if_read_only(self, command: str) -> None:
        """Raise RefusedError where nothing may be changed."""
        if self.settings.read_only:
            raise RefusedError(
                f"`{command}` changes things, and qctl is read-only", "leave out --read-only and unset QCTL_READ_ONLY"
            )
