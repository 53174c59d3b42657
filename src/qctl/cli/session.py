"""What one run of qctl holds: its options, settings, Ops and Output."""

from __future__ import annotations

import dataclasses
import os
from functools import cached_property
from typing import TYPE_CHECKING

from qctl.cli.options import Options
from qctl.cli.output import Format, Output
from qctl.errors import RefusedError, UsageError
from qctl.settings import Settings, contexts, sources
from qctl.settings.sources import Source

if TYPE_CHECKING:
    from qctl.ops import Ops


class Session:
    """Options first, then what follows from them, made when it is needed. `ops` replaces the real one.

    `here`: the command is about this machine alone, so that no context counts. `line` is what was typed.
    """

    def __init__(self, ops: Ops | None = None) -> None:
        self.options = Options()
        self.out = Output()
        self.here = False
        self.line = "qctl"
        self._ops = ops

    def choose(self, chosen: Options) -> None:
        """Take options from the command line. Those after a command's name win over those before it.

        Raises UsageError where they contradict each other or name nothing.
        """
        if chosen.json and chosen.output not in (None, Format.JSON):
            raise UsageError(f"--json and -o {chosen.output.value} contradict each other")
        for name, value in (
            ("--redis-url", chosen.redis_url),
            ("--home", chosen.home),
            ("--context", chosen.context),
        ):
            if value == "":
                raise UsageError(f"{name} is empty", "leave it out to use the default")
        news = {name: value for name, value in vars(chosen).items() if value not in (None, False)}
        self.options = dataclasses.replace(self.options, **news)
        if chosen.json or chosen.output:
            self.out.format = Format.JSON if chosen.json else chosen.output
        self.out.colour = not self.options.no_color

    @cached_property
    def places(self) -> list[Source]:
        """Where settings are given, the first that counts first: flags, the environment, .env, and the context."""
        places = sources.find_sources(
            {
                "REDIS_URL": self.options.redis_url,
                "QCTL_HOME": self.options.home,
                "QCTL_READ_ONLY": "true" if self.options.read_only else None,
                "QCTL_CONTEXT": self.options.context,
            }
        )
        choice = None if self.here else contexts.chosen_context(places)
        if choice is None:
            return places
        context = contexts.get_context(choice.name).source
        counts = sources.context_below(context, places)
        if choice.name == self.options.context and counts.values != context.values:
            self.out.say(f"qctl: another Redis is named by a flag, the environment or .env: not that of {context.name}")
        return [*places, counts]

    @cached_property
    def settings(self) -> Settings:
        """All settings. Raises SettingsError naming the one that cannot be used, NotFoundError for a context."""
        self.warn_of_strangers()
        return Settings.from_sources(self.places)

    def warn_of_strangers(self) -> None:
        """Say which names of ours nothing reads: somebody may rely on one."""
        for unknown in sources.unknown_settings(self.places, Settings.names()):
            self.out.say(f"qctl: {unknown.message}")

    @cached_property
    def ops(self) -> Ops:
        """Everything that can be asked and done."""
        if self._ops:
            return self._ops
        if self.settings.queue_prefix:  # of a context too; RQ reads it when it is imported
            os.environ["QUEUE_PREFIX"] = self.settings.queue_prefix
        from qctl.ops import Ops  # brings redis and rq, which help and completion do not need

        return Ops(self.settings)

    def refuse_if_read_only(self, command: str) -> None:
        """Raise RefusedError where nothing may be changed, or not by this command. `--read-only` allows none."""
        allowed = command.removeprefix("qctl ") in self.settings.allowed_commands and not self.options.read_only
        if self.settings.read_only and not allowed:
            origin = next(place.name for place in self.places if place.values.get("QCTL_READ_ONLY"))
            said = "--read-only" if origin == "flag" else f"QCTL_READ_ONLY of {origin}"
            raise RefusedError(f"`{command}` changes things, and qctl is read-only by {said}")
