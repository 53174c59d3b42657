"""Answers of each command on a site whose workers were killed: its words, its exit code, and texts of its answer.

The site (`conftest.py`, `siteapp.py`): six jobs of `slow` that dead workers left, and two that wait for the first of
them; `work` with a finished job, a dead letter, and two entries whose job is gone; a job of `parents` that was taken
off its queue and never started, and a chain of two that wait for it; entries of `rq cron`, where RQ has it.
"""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str, ...]

UNDO = "undo: qctl "


@dataclass(frozen=True)
class Answer:
    """Answer of a command. `words` follow it; a line of `says` is in its answer, one of `hides` would be untrue."""

    words: str = ""
    says: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    code: int = 0
    stock_code: int | None = None
    """Exit code on a site of stock workers, if it is another one."""


GONE = "its data is gone: it expired, was evicted or was deleted"
NO_WORKER = Answer("w0", says=("worker 'w0' not found",), code=3)
NO_SCHEDULE = Answer("nightly", says=("neither a schedule nor a delayed job 'nightly' found",), code=3)
NO_USER = Answer("nobody@example.com", says=("user 'nobody@example.com' not found",), code=3)
NO_ALERT = Answer("late --for 1h", says=("alert rule 'late' not found",), code=3)
COUNTS = ("slow\t0\t0\t0\t2\t0\t0", "work\t0\t0\t0\t0\t1\t1", "parents\t0\t0\t0\t2\t0\t0")
LEFT = ("6 jobs of slow", "1 job of parents (parent)", "2 entries of work without a job", "qctl doctor --repair")
PAUSED = Answer("slow", says=("slow paused", "qctl resume slow"), hides=("still running", "worker"))
RETRIED = Answer("left-to-retry", says=("1 job of slow enqueued again",))
EMPTY_QUEUE = Answer("slow --confirm slow", says=("slow: no waiting jobs",))
QUIET = Answer(hides=("deleted",))

ANSWERS: dict[Path, Answer] = {
    # --- look
    ("stats",): Answer(says=COUNTS),
    ("queue", "list"): Answer(says=COUNTS),
    ("queue", "ls"): Answer(says=COUNTS),
    ("health",): Answer(says=LEFT, code=1),
    ("doctor",): Answer(says=(*LEFT, "workers are listed without a heartbeat"), code=1),
    ("ping",): Answer(says=("answered in",)),
    ("check",): Answer("--max-dead 0", says=("QCTL CRITICAL - work: 1 dead letter (more than 0)",), code=2),
    ("report",): Answer(says=("# ValueError in siteapp.fail", "no such address"), hides=("# ValueError in ?",)),
    ("events",): Answer(),
    ("audit",): Answer(hides=("done",)),
    ("memory",): Answer(says=("all keys measured", "siteapp.nap"), hides=("±",)),
    ("metrics", "show"): Answer(),
    ("metrics", "chat"): Answer(says=("day\tsent\tdelivered\tread",)),
    ("metrics", "export"): Answer(
        says=('qctl_queue_jobs{queue="slow",state="running"} 0.0', 'qctl_queue_jobs{queue="work",state="dead"} 1.0'),
        hides=('queue="email"', 'pipeline="readings"'),
    ),
    ("job", "list"): Answer(says=("left-to-stop\tslow\tstarted\tsiteapp.nap", f"expired\twork\tfailed\t?\t\t{GONE}")),
    ("job", "show"): Answer("left", says=("siteapp.nap", "nothing runs it", "after-failure (deferred)")),
    ("job", "explain"): Answer("left", says=("has died", "qctl doctor --repair")),
    ("job", "types"): Answer(hides=("welcome-email",)),
    ("job", "wait"): Answer("done", says=("job done finished",)),
    ("job", "export"): Answer("dead", says=('"id": "dead"', "1 job exported")),
    ("job", "logs"): Answer("left"),
    ("flow", "list"): Answer(says=("left\tjob\t", "parent\tjob\t")),
    ("flow", "show"): Answer("parent", says=("└─ child  deferred  parents", "0 of 3 jobs ended")),
    ("flow", "retry"): Answer("left --yes", says=("No job matches",)),
    ("flow", "cancel"): Answer("child --yes", says=("2 jobs of parents canceled", f"{UNDO}flow retry child")),
    ("limit", "list"): Answer(hides=("slow",)),
    ("dlq", "list"): Answer(says=("dead\twork\tdead\tsiteapp.fail\tValueError: no such address", GONE)),
    ("dlq", "groups"): Answer(says=("siteapp.fail\tValueError\tno such address",)),
    ("dlq", "show"): Answer("expired", says=(GONE, "qctl doctor --repair"), hides=("qctl retry",)),
    ("dlq", "export"): Answer("dead", says=('"id": "dead"', "1 job exported")),
    ("queue", "show"): Answer("slow", says=("0 waiting, 0 running", "6 abandoned")),
    ("queue", "explain"): Answer("slow", says=("6 started jobs were left", "no worker listens to queue slow")),
    ("queue", "history"): Answer("slow"),
    ("trash", "list"): Answer(hides=("delete",)),
    ("schedule", "list"): Answer(),
    ("schedule", "next"): Answer(hides=("siteapp",)),
    ("worker", "list"): Answer(hides=("busy", "idle")),
    ("worker", "show"): NO_WORKER,
    ("worker", "pools"): Answer(hides=("slow",)),
    ("ingest", "status"): Answer(hides=("readings", "messages")),
    ("ingest", "topics"): Answer(),
    ("ingest", "rejects", "list"): Answer(hides=("dead",)),
    ("ingest", "rejects", "show"): Answer("dead", says=("not of a pipeline",), code=3),
    ("alert", "list"): Answer(),
    ("user", "list"): Answer(hides=("@",)),
    ("config", "show"): Answer(says=("QUEUE_PREFIX",)),
    # --- act on jobs
    ("retry",): RETRIED,
    ("job", "retry"): RETRIED,
    ("dlq", "retry"): Answer("dead", says=("1 job of work enqueued again",)),
    ("job", "replay"): Answer("dead", says=("it is failed",), code=1),
    ("job", "enqueue"): Answer("--function siteapp.give --args [9] --queue work", says=("work",)),
    ("job", "cancel"): Answer("left-to-cancel", says=("1 job of slow canceled", f"{UNDO}retry left-to-cancel")),
    ("job", "delete"): Answer("left-to-delete", says=("1 job of slow moved to the trash", f"{UNDO}trash restore")),
    ("job", "move"): Answer("dead --to parents", says=("1 job of work moved to parents", f"{UNDO}job move dead")),
    ("job", "release"): Answer("child", says=("1 job of parents enqueued",)),
    ("job", "stop"): Answer(
        "left-to-stop", says=("its worker was gone, and nothing ran it", "qctl retry left-to-stop")
    ),
    ("job", "edit"): Answer("""dead --data '{"args": [1]}'""", stock_code=6),
    ("job", "import"): Answer("-", says=("0 jobs imported",)),
    ("dlq", "import"): Answer("-", says=("0 jobs imported",)),
    ("dlq", "discard"): Answer("dead", says=("1 dead letter of work moved to the trash", f"{UNDO}trash restore")),
    ("ingest", "rejects", "retry"): Answer("dead", says=("not of a pipeline",), code=3),
    ("ingest", "rejects", "discard"): Answer("dead", says=("not of a pipeline",), code=3),
    # --- act on queues
    ("pause",): PAUSED,
    ("queue", "pause"): PAUSED,
    ("resume",): Answer("slow", says=("slow was not paused",)),
    ("queue", "resume"): Answer("slow", says=("slow was not paused",)),
    ("clear",): EMPTY_QUEUE,
    ("queue", "clear"): EMPTY_QUEUE,
    ("queue", "move"): Answer("slow work --yes", says=("No job matches",)),
    ("queue", "drain"): Answer("slow --timeout 30s", says=("slow is paused, and no job runs",)),
    ("queue", "delete"): Answer("slow --confirm slow", says=("slow deleted, 8 jobs moved", f"{UNDO}trash restore")),
    ("trash", "restore"): Answer("--yes", says=("the trash is empty",), code=3),
    ("trash", "empty"): Answer("--confirm trash", says=("The trash is empty",)),
    ("schedule", "add"): Answer("nightly stock-check --every 1h", says=("nightly: stock-check, next run",)),
    ("schedule", "edit"): Answer("nightly --every 2h", says=NO_SCHEDULE.says, code=3),
    ("schedule", "remove"): NO_SCHEDULE,
    ("schedule", "pause"): NO_SCHEDULE,
    ("schedule", "resume"): NO_SCHEDULE,
    ("schedule", "run"): NO_SCHEDULE,
    ("schedule", "skip"): NO_SCHEDULE,
    ("schedule", "blackout"): Answer("nightly 22:00-06:00", says=NO_SCHEDULE.says, code=3),
    ("schedule", "backfill"): Answer("nightly --since 7d", says=NO_SCHEDULE.says, code=3),
    # --- the rest
    ("worker", "quiet"): NO_WORKER,
    ("worker", "resume"): NO_WORKER,
    ("worker", "stop"): NO_WORKER,
    ("worker", "scale"): Answer("slow 2", says=("no pool serves 'slow'",), code=3),
    ("ingest", "push"): Answer("messages", says=("0 items ingested",)),
    ("ingest", "replay"): Answer("readings --from sqlite --yes", says=("0 items of readings replayed",)),
    ("ingest", "flush"): Answer(says=("readings: 0 items", "messages: 0 items")),
    ("limit", "set"): Answer("slow --rate 5/s", says=("slow",)),
    ("limit", "clear"): Answer("slow"),
    ("mark", "add"): Answer("v1.4", says=("v1.4 marked",)),
    ("mark", "list"): Answer(),
    ("mark", "delete"): Answer("v1.9", says=("mark 'v1.9' not found",), code=3),
    ("note", "add"): Answer("known --letter dead", says=("letter dead: note of",)),
    ("note", "list"): Answer(),
    ("note", "delete"): Answer("--pause slow", says=("no note on pause 'slow'",), code=3),
    ("metrics", "reset"): Answer("--yes"),
    ("alert", "test"): Answer("late", says=("alert rule 'late' not found",), code=3),
    ("alert", "mute"): NO_ALERT,
    ("cleanup", "finished"): QUIET,
    ("cleanup", "failed"): QUIET,
    ("cleanup", "results"): Answer(hides=("deleted 2",)),
    ("cleanup", "reports"): QUIET,
    ("cleanup", "exports"): QUIET,
    ("cleanup", "images"): QUIET,
    ("cleanup", "history"): QUIET,
    ("cleanup", "trash"): QUIET,
    ("cleanup", "all"): Answer(hides=("deleted 2",)),
    ("backup",): Answer("kept.jsonl --force", says=("1 dead letter", "qctl restore kept.jsonl")),
    ("restore",): Answer("-", says=("no end mark",), code=1),
    ("user", "create"): Answer("ada@example.com --generate", says=("ada@example.com created",)),
    ("user", "invite"): Answer(says=("/signup",)),
    ("user", "business"): Answer("nobody@example.com 17", says=NO_USER.says, code=3),
    ("user", "promote"): NO_USER,
    ("user", "demote"): NO_USER,
    ("user", "logout"): NO_USER,
    ("user", "remove"): Answer("nobody@example.com --yes", says=NO_USER.says, code=3),
    ("user", "password"): Answer("nobody@example.com --generate", says=NO_USER.says, code=3),
}

STAY_OPEN: tuple[Path, ...] = (("monitor",), ("up",), ("ingest", "tail"))
"""Commands that stay open; they have tests of their own."""
