"""What commands print to programs: the JSON documents `qctl.<noun>.<verb>/1`, and the rows of csv, jsonl and pipes.

Times are RFC 3339 in UTC with Z, durations are seconds and say so in their key. A key that is here stays: within one
version of a schema keys are only added.
"""

from qctl.cli.documents.bulk import retried
from qctl.cli.documents.dead_letters import dead_letter, dead_letters
from qctl.cli.documents.document import Document, Record, cell
from qctl.cli.documents.health import health, ping
from qctl.cli.documents.queues import cleared, paused, resumed, stats
from qctl.cli.documents.trash import emptied, restored, trash
from qctl.cli.documents.workers import workers

__all__ = [
    "Document",
    "Record",
    "cell",
    "cleared",
    "dead_letter",
    "dead_letters",
    "emptied",
    "health",
    "paused",
    "ping",
    "restored",
    "resumed",
    "retried",
    "stats",
    "trash",
    "workers",
]
