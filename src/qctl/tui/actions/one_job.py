"""Acts on one job: another payload, stopping it while it runs; and making a new one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

from qctl import durations
from qctl.catalog import arguments
from qctl.catalog.specs import JobSpec
from qctl.errors import UsageError
from qctl.models import EditablePayload, Selector
from qctl.tui.actions.action import Act, Done
from qctl.tui.actions.jobs import cancel
from qctl.view import duration

if TYPE_CHECKING:
    from qctl.catalog.options import Options
    from qctl.models import Progress
    from qctl.ops import Ops

DELAY = "--delay"
"""What the delay of a new job is typed under: no argument has such a name."""


def edit(ops: Ops, job: EditablePayload, text: str, *, again: bool) -> Act:
    """Give a job another payload, and with `again` run the dead letter that it is. Raises UsageError for a text that is
    no JSON object, or means what the payload is already."""
    given = _object(text)
    if given == json.loads(job.text):
        raise UsageError("nothing is changed yet")

    def run(_: Progress) -> Done:
        ops.jobs.edit(job, text)
        if not again:
            return Done(f"{job.id} was edited", unedit(ops, job))
        result = ops.jobs.retry(ops.jobs.choose("retry", Selector(ids=(job.id,))))
        why = "".join(outcome.detail for outcome in result.outcomes)
        return Done(f"{job.id} was edited " + ("and is queued again" if result.done else f"but not retried: {why}"))

    kept = f"What it was called with is kept: `qctl job edit {quote(job.id)} --revert` brings that back."
    then = "run again with this, from the tail of its queue; U does not undo this" if again else "be called with this"
    words = ("job", "edit", job.id, "--data", json.dumps(given), *(["--retry"] if again else []))
    return Act(f"Edit {job.id}" + (" and retry it" if again else ""), f"1 job will {then}. {kept}", words, run)


def unedit(ops: Ops, job: EditablePayload) -> Act:
    """Give an edited job the payload it had when it was read."""

    def run(_: Progress) -> Done:
        ops.jobs.edit(ops.jobs.editable(job.id), job.text)
        return Done(f"{job.id} is called with what it was called with before")

    words = ("job", "edit", job.id, "--data", json.dumps(json.loads(job.text)))
    return Act(f"Edit {job.id} back", "1 job will be called with what it was called with before.", words, run)


def stop(ops: Ops, job_id: str, queue: str) -> Act:
    """Stop a job that runs."""

    def run(_: Progress) -> Done:
        ended = ops.jobs.stop(job_id)
        what = "was stopped" if ended.status == "stopped" else f"had ended by itself: it is {ended.status}"
        return Done(f"{job_id} {what}, {duration(ended.seconds)} after its worker was told")

    said = (
        f"1 job of {queue} will be stopped where it is, and becomes a dead letter. What it did so far stays done. "
        "U does not undo this; r runs it again, from its beginning."
    )
    return Act(f"Stop {job_id}", said, ("job", "stop", job_id), run)


def enqueue(ops: Ops, spec: JobSpec, typed: Mapping[str, str]) -> Act:
    """Make a job of the catalog with the arguments that were typed, by their names; what is empty is left out. Under
    `DELAY` is a duration as people type it. Raises UsageError, naming all that is wrong."""
    given, problems = _arguments(spec, typed)
    if problems:
        raise UsageError("; ".join(problems))
    how: Options = {}
    if typed.get(DELAY, "").strip():
        how["delay"] = durations.parse(typed[DELAY].strip(), "the delay")

    def run(_: Progress) -> Done:
        job_id = ops.jobs.enqueue(spec.name, given, **how)
        undo = cancel(ops, Selector(ids=(job_id,)), 1)
        return Done(f"{spec.name} is job {job_id}", undo)

    when = f"in {typed[DELAY].strip()}" if how else "as soon as a worker is free"
    said = f"1 job of {spec.queue} will be made, and runs {when}. U cancels it, as long as it has not started."
    words = ["job", "enqueue", spec.name, *(f"{name}={_word(value)}" for name, value in given.items())]
    words += ["--delay", typed[DELAY].strip()] if how else []
    return Act(f"Enqueue {spec.name}", said, tuple(words), run)


def _arguments(spec: JobSpec, typed: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The arguments that were typed, and what is wrong with them."""
    given: dict[str, Any] = {}
    problems: list[str] = []
    for argument in spec.arguments:
        text = typed.get(argument.name, "")
        if not text.strip():
            problems += [f"{argument.name} is required"] if argument.required else []
            continue
        try:
            read = arguments.parse(spec.name, [argument], [f"{argument.name}={text}"])
        except UsageError as error:
            problems.append(error.message.removeprefix(f"job {spec.name}: "))
            continue
        problem = argument.problem(read[argument.name])
        problems += [f"{argument.name} {problem}"] if problem else []
        given |= read
    return given, problems


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"this is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError("this is not a JSON object")
    return found


def _word(value: Any) -> str:
    """A value as `qctl job enqueue` reads it back: text as it is, unless that would be read as JSON."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except (ValueError, RecursionError):
            return value
    return json.dumps(value)
