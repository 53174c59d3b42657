"""Sums up the memory of measured keys by kind and by name of job, and estimates that of all keys from a sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest
from typing import get_args

from qctl.models.memory import LargeKey, MemoryKind, MemoryShare, NameMemory

MAX_LARGEST = 10

MAX_NAMES = 200
"""Names that are counted each; the jobs of further ones are counted under `OTHER_NAMES`."""

OTHER_NAMES = "others"

CONFIDENCE = 1.96
"""Standard errors on either side of a 95 % confidence interval."""

_NAME_SUMS = ("jobs", "payload", "result", "dead letter", "all")


@dataclass(frozen=True)
class MeasuredKey:
    """A key, its bytes, and how many of them are of which kind. `job` and `name` if it is of a job; `is_hash` if it is
    that job's hash, and not its results."""

    key: str
    bytes: int
    parts: dict[MemoryKind, int]
    job: str | None = None
    name: str | None = None
    is_hash: bool = False


@dataclass
class _Sum:
    """Sum of the bytes of keys, and of their squares, for the error."""

    keys: int = 0
    bytes: int = 0
    squares: int = 0

    def add(self, size: int) -> None:
        self.keys += 1
        self.bytes += size
        self.squares += size * size


def _sums() -> dict[MemoryKind, _Sum]:
    return {kind: _Sum() for kind in get_args(MemoryKind)}


@dataclass
class MemorySample:
    """Keys that were measured: `certain` ones, and `sampled` ones that stand for others too. `seen` keys were drawn,
    also those that were gone, and `hidden` keys may not be read."""

    certain: dict[MemoryKind, _Sum] = field(default_factory=_sums)
    sampled: dict[MemoryKind, _Sum] = field(default_factory=_sums)
    seen: int = 0
    hidden: int = 0
    _names: dict[str, dict[str, _Sum]] = field(default_factory=dict)
    _largest: list[MeasuredKey] = field(default_factory=list)

    def add(self, measured: Iterable[MeasuredKey], sums: dict[MemoryKind, _Sum]) -> None:
        """Add keys to `certain` or `sampled`."""
        keys = list(measured)
        for one in keys:
            for kind, size in one.parts.items():
                sums[kind].add(size)
            if one.name is not None:
                self._add_name(one, one.name)
        self._largest = nlargest(MAX_LARGEST, (*self._largest, *keys), key=lambda one: one.bytes)

    def _add_name(self, one: MeasuredKey, name: str) -> None:
        name = name if name in self._names or len(self._names) < MAX_NAMES else OTHER_NAMES
        sums = self._names.setdefault(name, {part: _Sum() for part in _NAME_SUMS})
        sums["all"].add(one.bytes)
        if one.is_hash:
            sums["jobs"].add(1)
        for kind, size in one.parts.items():
            if kind in sums:
                sums[kind].add(size)

    def shares(self, population: int) -> list[MemoryShare]:
        """Return the memory of each kind, the largest first, if the sample was drawn from `population` keys."""
        shares = []
        for kind, certain in self.certain.items():
            keys, size, error = self._estimate(self.sampled[kind], population)
            if certain.keys + keys:
                shares.append(MemoryShare(kind, certain.keys + keys, certain.bytes + size, error))
        return sorted(shares, key=lambda share: (-share.bytes, share.kind))

    def names(self, population: int) -> list[NameMemory]:
        """Return the memory of the jobs of each name, the largest first."""
        names = []
        for name, sums in self._names.items():
            estimates = {part: self._estimate(total, population) for part, total in sums.items()}
            payload, result, dead = (estimates[part][1] for part in ("payload", "result", "dead letter"))
            _, size, error = estimates["all"]
            names.append(NameMemory(name, estimates["jobs"][0], payload, result, dead, size, error))
        return sorted(names, key=lambda one: (-one.bytes, one.name))

    @property
    def largest(self) -> list[LargeKey]:
        """The largest keys among those that were measured."""
        return [
            LargeKey(one.key, max(one.parts, key=lambda kind: one.parts[kind]), one.bytes, one.job, one.name)
            for one in self._largest
        ]

    def _estimate(self, total: _Sum, population: int) -> tuple[int, int, int]:
        """Scale a sum over the sample up to the population. Returns keys, bytes, and the error of the bytes.

        The error is that of a sample drawn without repetition, from the variance within it.
        """
        if not self.seen:
            return 0, 0, 0
        share = population / self.seen
        variance = max(0.0, total.squares / self.seen - (total.bytes / self.seen) ** 2)
        unseen = max(0.0, 1 - self.seen / population) if population else 0.0
        error = CONFIDENCE * population * (variance / self.seen * unseen) ** 0.5
        return round(total.keys * share), round(total.bytes * share), round(error)
