"""Readers of the contexts for the monitor's list: in this process, or in one for each other prefix of keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from qctl.cli.output import Output
from qctl.cli.session import Session
from qctl.errors import QctlError
from qctl.settings import contexts
from qctl.site_process import SiteProcess

if TYPE_CHECKING:
    from qctl.models import Health, Stats

Read = Callable[[], "tuple[Stats, Health]"]


def prefix_of(session: Session) -> str | None:
    """QUEUE_PREFIX of a context; None if it has none, or if its settings are invalid, which reading it reports."""
    try:
        return session.settings.queue_prefix
    except QctlError:
        return None


def readers(session: Session) -> Mapping[str, Read]:
    """A reader for each context. A process that one needs starts with its first call, and ends with this one."""
    members = {name: session.of_context(name, Output()) for name in contexts.load_contexts()}
    mine = prefix_of(session)
    return {name: _near(member) if prefix_of(member) == mine else _apart(member) for name, member in members.items()}


def _near(member: Session) -> Read:
    def read() -> tuple[Stats, Health]:
        stats = member.ops.stats.read()
        return stats, member.ops.health.check(stats)

    return read


def _apart(member: Session) -> Read:
    process = SiteProcess("qctl.ops.site_reader:SiteReader", member.settings)

    def read() -> tuple[Stats, Health]:
        found: tuple[Stats, Health] = process.call("read")
        return found

    return read
