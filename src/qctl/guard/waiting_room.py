"""Clients that are not admitted yet, bounded so that one address cannot keep others out.

If there are too many, the oldest of the address that has the most must leave. A client that is admitted soon is not
affected, even at an address whose others fill the room.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Generic, TypeVar

Member = TypeVar("Member")


class WaitingRoom(Generic[Member]):
    """Members by address, each once. All operations take constant time."""

    def __init__(self) -> None:
        self._addresses: dict[Member, str] = {}
        self._members: defaultdict[str, dict[Member, None]] = defaultdict(dict)
        """Members of each address, the oldest first."""
        self._by_count: defaultdict[int, dict[str, None]] = defaultdict(dict)
        """Addresses by their number of members."""
        self._highest_count = 0

    def __len__(self) -> int:
        return len(self._addresses)

    def __contains__(self, member: Member) -> bool:
        return member in self._addresses

    def add(self, member: Member, address: str) -> None:
        """Add a member."""
        self.remove(member)
        self._addresses[member] = address
        members = self._members[address]
        members[member] = None
        self._move(address, len(members) - 1, len(members))
        self._highest_count = max(self._highest_count, len(members))

    def remove(self, member: Member) -> None:
        """Remove a member, if it is there."""
        address = self._addresses.pop(member, None)
        if address is None:
            return
        members = self._members[address]
        del members[member]
        self._move(address, len(members) + 1, len(members))
        if not members:
            del self._members[address]
        while self._highest_count and not self._by_count[self._highest_count]:
            del self._by_count[self._highest_count]
            self._highest_count -= 1

    def pop_crowding(self) -> Member | None:
        """Remove and return the oldest member of the address that has the most, None if there are none."""
        if not self._highest_count:
            return None
        address = next(iter(self._by_count[self._highest_count]))
        member = next(iter(self._members[address]))
        self.remove(member)
        return member

    def _move(self, address: str, before: int, after: int) -> None:
        if before:
            del self._by_count[before][address]
        if after:
            self._by_count[after][address] = None
