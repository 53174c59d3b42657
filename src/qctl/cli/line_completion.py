"""Completion of the monitor's command line, with the grammar of the shell completions."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from functools import cached_property

from qctl.broker.redis.completion_names import names
from qctl.cli.completion_names import ENQUEUE, enqueue_words
from qctl.cli.completions.grammar import FILES, REMOTE_NAMES, Place, places
from qctl.safe import escape_line

EXCLUDED_COMMANDS = frozenset({"monitor", "up"})
"""Commands that make no sense inside the monitor."""


class Completer:
    """Completes command lines. `target` is the Redis whose queues, jobs and workers are offered."""

    def __init__(self, target: str) -> None:
        self._target = target

    @cached_property
    def _places(self) -> dict[str, Place]:
        return places()

    def __call__(self, line: str) -> str | None:
        """Return the line with its last word completed, None if nothing matches. May query Redis."""
        before, space, prefix = line.rpartition(" ")
        if not prefix:
            return None
        for word in self._candidates(before.split(), prefix):
            if word.startswith(prefix) and word != prefix:
                return before + space + word
        return None

    def _candidates(self, words: list[str], prefix: str) -> Iterator[str]:
        """Yield the words that may follow these."""
        place = self._place(words)
        last = words[-1] if words else ""
        if last in place.takes:
            yield from self._values(place.takes[last][0], words)
        elif prefix.startswith("-"):
            yield from (*place.flags, *place.takes)
        elif place.verbs:
            yield from (verb for verb in place.verbs if verb not in EXCLUDED_COMMANDS)
        else:
            yield from self._values(place.rest, words)

    def _place(self, words: list[str]) -> Place:
        """Return the place of the command that these words name."""
        path: list[str] = []
        for word in words:
            if " ".join((*path, word)) in self._places:
                path.append(word)
        return self._places[" ".join(path)]

    def _values(self, value: str, words: list[str]) -> Iterable[str]:
        if value == REMOTE_NAMES + ENQUEUE:
            return enqueue_words(words)
        if value.startswith(REMOTE_NAMES):
            return self._names(value.removeprefix(REMOTE_NAMES))
        return () if value == FILES else value.split(",")

    def _names(self, kind: str) -> Iterable[str]:
        try:
            candidates = names(self._target, kind)
        except (OSError, ValueError, KeyError):
            return ()
        return (name for name in candidates if escape_line(name) == name == shlex.quote(name))
