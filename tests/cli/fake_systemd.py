"""Fake of systemd with one daemon, for commands that print it; tests/systemd uses the real one."""

from __future__ import annotations

from collections.abc import Sequence

SCHEDULER = """\
Id=qctl-scheduler.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
MainPID=42
StateChangeTimestampMonotonic=1000000
NRestarts=2
MemoryCurrent=50331648
StatusText=watches 3 schedules\x1b[31m
"""


class FakeSystemd:
    """Answers like systemctl, and records changes."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []

    def systemctl(self, _user: bool, *arguments: str) -> str:
        """Return the output of systemctl."""
        if arguments[0] in ("list-units", "list-unit-files"):
            return "qctl-scheduler.service loaded\nqctl-worker@email.service loaded\nqctl-worker@.service disabled\n"
        if arguments[0] == "show":
            units = arguments[arguments.index("--") + 1 :]
            states = {unit: "inactive" if ("stop" in str(self.done[-1:])) else "active" for unit in units}
            return "\n".join(
                SCHEDULER.replace("qctl-scheduler.service", unit).replace("=active", f"={state}")
                for unit, state in states.items()
            )
        self.done.append(arguments)
        return ""

    def journalctl(self, _user: bool, arguments: Sequence[str]) -> int:
        """Print a line like journalctl."""
        self.done.append(tuple(arguments))
        print("Nov 22 08:20:53 vm qctl-scheduler[42]: running schedules")
        return 0
