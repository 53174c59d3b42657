"""State of one run of qctl: its options, settings, Ops and Output."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from qctl.cli.global_options import GlobalOptions
from qctl.cli.output import Format, Output
from qctl.errors import QctlError, RefusedError, UnreachableError, UsageError
from qctl.settings import Settings, contexts, profiles, sources
from qctl.settings.servers import REDIS, Source

if TYPE_CHECKING:
    from qctl.ops import Ops

Result = TypeVar("Result")


class Session:
    """Options, and the objects made from them on demand. `ops` replaces the real one in tests.

    `local` marks a command about this machine alone: no context applies. `line` is the typed command line.
    """

    def __init__(self, ops: Ops | None = None) -> None:
        self.options = GlobalOptions()
        self.out = Output()
        self.local = False
        self.line = "qctl"
        self._ops = ops
        self.profile: str | None = None
        """Profile of the command line, for commands that have the option."""
        self.is_member = False
        """True if this is the session of one context of `--context all`."""

    def of_context(self, name: str, out: Output) -> Session:
        """A session of one context of several, with the same options, that prints to `out`."""
        session = Session()
        session.options = dataclasses.replace(self.options, context=name)
        session.line, session.out = self.line, out
        session.is_member = True
        return session

    @property
    def covers_all_contexts(self) -> bool:
        """True if the options ask for every context: `--context all`. A malformed choice is the command's to report."""
        if self.local or self.is_member:
            return False
        try:
            choice = contexts.chosen_context(self._ranked_sources)
        except QctlError:
            return False
        return choice is not None and choice.name == contexts.ALL

    def set_options(self, options: GlobalOptions) -> None:
        """Apply options from the command line. Options after a command's name override those before it.

        Raises UsageError if they contradict each other or are empty.
        """
        if options.json and options.output not in (None, Format.JSON):
            raise UsageError(f"--json cannot be combined with -o {options.output.value}")
        for name, value in (
            ("--redis-url", options.redis_url),
            ("--home", options.home),
            ("--context", options.context),
        ):
            if value == "":
                raise UsageError(f"{name} is empty", "omit it to use the default")
        changes = {name: value for name, value in vars(options).items() if value not in (None, False)}
        self.options = dataclasses.replace(self.options, **changes)
        if options.json or options.output:
            self.out.format = Format.JSON if options.json else options.output
        self.out.colour = not self.options.no_color

    @cached_property
    def _ranked_sources(self) -> list[Source]:
        """Sources of settings without the context, highest priority first."""
        return sources.find_sources(
            {
                "REDIS_URL": self.options.redis_url,
                "QCTL_HOME": self.options.home,
                "QCTL_READ_ONLY": "true" if self.options.read_only else None,
                "QCTL_CONTEXT": self.options.context,
                "QCTL_PROFILE": self.profile,
            }
        )

    @cached_property
    def sources(self) -> list[Source]:
        """Sources of settings, highest priority first: options, the environment, .env, and the context.

        Raises UsageError for `--context all`, which only commands that read every context accept.
        """
        ranked = self._ranked_sources
        choice = None if self.local else contexts.chosen_context(ranked)
        if choice is None:
            return ranked
        if choice.name == contexts.ALL:
            raise UsageError("this command takes exactly one context", "list contexts with: qctl context list")
        context = contexts.get_context(choice.name).source
        is_overridden = self._names_redis(context) and any(map(self._names_redis, ranked))
        if self.is_member and is_overridden:
            raise UsageError(
                f"the Redis of {context.name} is not used: an option, the environment or .env names another"
            )
        if choice.name == self.options.context and is_overridden:
            self.out.say(
                f"qctl: the Redis of {context.name} is not used: an option, the environment or .env names another one"
            )
        return [*ranked, context]

    @staticmethod
    def _names_redis(source: Source) -> bool:
        return any(source.values.get(name) for name in REDIS.addresses)

    @cached_property
    def settings(self) -> Settings:
        """All settings. Raises SettingsError naming the invalid setting, NotFoundError for a context."""
        self.warn_of_unknown_settings()
        return Settings.from_sources(self.sources)

    def warn_of_unknown_settings(self) -> None:
        """Print a warning for each setting that has qctl's prefix and that qctl does not read."""
        for unknown in sources.unknown_settings(self.sources, Settings.names()):
            self.out.say(f"qctl: {unknown.message}")
        for name, source in profiles.ignored_examples(self.sources):
            self.out.say(f"qctl: {name} of {source.name} is an example from documentation, and counts as not set")

    @cached_property
    def ops(self) -> Ops:
        """All operations on queues, jobs and workers."""
        if self._ops:
            return self._ops
        prefix, named = self.settings.queue_prefix, os.environ.get("QUEUE_PREFIX")
        if prefix:  # RQ reads it at import, and a context may set it
            os.environ["QUEUE_PREFIX"] = prefix
        from qctl.ops import Ops  # imports redis and rq, which help and completion do not need

        if prefix and named is None:
            del os.environ["QUEUE_PREFIX"]  # other contexts have their own
        ops = Ops(self.settings, replica=self.options.replica)
        self.out.replica = ops.replica
        if ops.replica:
            self.out.say(f"qctl: read from the replica {ops.replica}, which may be behind the primary")
        return ops

    def refuse_if_replica(self, command: str, reason: str = "changes things, and a replica takes no writes") -> None:
        """Raise RefusedError if the options ask for a replica, which this command cannot use."""
        if self.options.replica:
            raise RefusedError(f"`{command}` {reason}", "repeat it without --replica")

    def refuse_if_read_only(self, command: str) -> None:
        """Raise RefusedError if this command may not change anything. `--read-only` overrides the allowed commands."""
        allowed = command.removeprefix("qctl ") in self.settings.allowed_commands and not self.options.read_only
        if self.settings.read_only and not allowed:
            origin = next(source.name for source in self.sources if source.values.get("QCTL_READ_ONLY"))
            cause = "--read-only" if origin == "flag" else f"QCTL_READ_ONLY of {origin}"
            raise RefusedError(f"`{command}` changes things, and qctl is read-only by {cause}")

    def wait_to_reconnect(self, error: QctlError, seconds: float) -> None:
        """Print why an endless command has no connection, and wait before it retries."""
        self.out.say(f"qctl: {error.message}; retrying in {seconds:.0f} s")
        time.sleep(seconds)

    def for_each(
        self, names: Sequence[str], action: Callable[[str], Result]
    ) -> tuple[list[Result], list[tuple[str, QctlError]]]:
        """Run an action once for each name. Print each failure at once and continue, unless Redis does not answer."""
        results: list[Result] = []
        failures: list[tuple[str, QctlError]] = []
        for name in dict.fromkeys(names):
            try:
                results.append(action(name))
            except UnreachableError:
                raise
            except QctlError as error:
                self.out.complain_of(error)
                failures.append((name, error))
        return results, failures
