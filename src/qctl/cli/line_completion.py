"""Completing a command line of the monitor, by the same grammar as a shell does."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from functools import cached_property

from qctl.broker.redis.completion_names import names
from qctl.cli.completions.grammar import ASKED, FILES, Place, places
from qctl.safe import escape_line

NOT_THERE = frozenset({"monitor", "up"})
"""Commands that make no sense inside the monitor."""


class Completer:
    """Says how a line goes on. `target` is the Redis whose queues, jobs and workers have names."""

    def __init__(self, target: str) -> None:
        self._target = target

    @cached_property
    def _places(self) -> dict[str, Place]:
        return places()

    def __call__(self, line: str) -> str | None:
        """The line with its last word whole, None where nothing begins like that. May ask Redis."""
        before, space, begun = line.rpartition(" ")
        if not begun:
            return None
        for word in self._words(before.split(), begun):
            if word.startswith(begun) and word != begun:
                return before + space + word
        return None

    def _words(self, words: list[str], begun: str) -> Iterator[str]:
        """What may stand after these words."""
        place = self._place(words)
        last = words[-1] if words else ""
        if last in place.takes:
            yield from self._values(place.takes[last][0])
        elif begun.startswith("-"):
            yield from (*place.flags, *place.takes)
        elif place.verbs:
            yield from (verb for verb in place.verbs if verb not in NOT_THERE)
        else:
            yield from self._values(place.rest)

    def _place(self, words: list[str]) -> Place:
        """The place of the command that these words name."""
        path: list[str] = []
        for word in words:
            if " ".join((*path, word)) in self._places:
                path.append(word)
        return self._places[" ".join(path)]

    def _values(self, value: str) -> Iterable[str]:
        if value.startswith(ASKED):
            return self._names(value.removeprefix(ASKED))
        return () if value == FILES else value.split(",")

    def _names(self, kind: str) -> Iterable[str]:
        try:
            found = names(self._target, kind)
        except (OSError, ValueError, KeyError):
            return ()
        return (name for name in found if escape_line(name) == name == shlex.quote(name))
