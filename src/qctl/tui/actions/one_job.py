"""Actions on one job: edit its payload, stop it while it runs, and enqueue a new one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

from qctl import durations
from qctl.catalog import arguments
from qctl.catalog.arguments import Kind
from qctl.catalog.specs import JobSpec
from qctl.errors import UsageError
from qctl.models import EditablePayload, Selector
from qctl.tui.actions.action import Action, ActionResult
from qctl.tui.actions.jobs import cancel
from qctl.view import duration

if TYPE_CHECKING:
    from qctl.catalog.options import Options
    from qctl.models import Progress
    from qctl.ops import Ops

DELAY = "--delay"
"""Name of the form's field for the delay of a new job. No argument of a job can have it."""


def edit(ops: Ops, job: EditablePayload, text: str, *, retry: bool) -> Action:
    """Replace the payload of a job, and retry it if asked to. Raises UsageError if the text is not a JSON object or
    equals the present payload."""
    payload = _json_object(text)
    if payload == json.loads(job.text):
        raise UsageError("the payload has not changed")

    def run(_: Progress) -> ActionResult:
        ops.jobs.edit(job, text)
        if not retry:
            return ActionResult(f"{job.id} was edited", restore_payload(ops, job))
        result = ops.jobs.retry(ops.jobs.choose("retry", Selector(ids=(job.id,))))
        if result.done:
            return ActionResult(f"{job.id} was edited and is queued again")
        return ActionResult(f"{job.id} was edited but not retried: {''.join(o.detail for o in result.outcomes)}")

    effect = (
        "run again with this payload, from the tail of its queue; U does not undo this" if retry else "get this payload"
    )
    original = f"The original payload is kept: `qctl job edit {quote(job.id)} --revert` restores it."
    words = ("job", "edit", job.id, "--data", json.dumps(payload), *(["--retry"] if retry else []))
    return Action(f"Edit {job.id}" + (" and retry it" if retry else ""), f"1 job will {effect}. {original}", words, run)


def restore_payload(ops: Ops, job: EditablePayload) -> Action:
    """Give an edited job back the payload that it had when it was read."""

    def run(_: Progress) -> ActionResult:
        ops.jobs.edit(ops.jobs.editable(job.id), job.text)
        return ActionResult(f"{job.id} has its previous payload again")

    words = ("job", "edit", job.id, "--data", json.dumps(json.loads(job.text)))
    return Action(f"Restore the payload of {job.id}", "1 job will get its previous payload again.", words, run)


def stop(ops: Ops, job_id: str, queue: str) -> Action:
    """Stop a running job."""

    def run(_: Progress) -> ActionResult:
        stopped = ops.jobs.stop(job_id)
        effect = "was stopped" if stopped.status == "stopped" else f"had already ended: it is {stopped.status}"
        return ActionResult(f"{job_id} {effect}, {duration(stopped.seconds)} after the request")

    consequence = (
        f"1 running job of {queue} will be stopped and become a dead letter. Work done so far is not undone. "
        "U does not undo this; r runs the job again from its start."
    )
    return Action(f"Stop {job_id}", consequence, ("job", "stop", job_id), run)


def enqueue(ops: Ops, spec: JobSpec, fields: Mapping[str, str]) -> Action:
    """Enqueue a job of the catalog. `fields` holds the text of each argument by name, and a duration under `DELAY`;
    empty texts are left out. Raises UsageError with all problems."""
    values, problems = _parse_arguments(spec, fields)
    if problems:
        raise UsageError("; ".join(problems))
    delay = fields.get(DELAY, "").strip()
    options: Options = {"delay": durations.parse(delay, "the delay")} if delay else {}

    def run(_: Progress) -> ActionResult:
        job_id = ops.jobs.enqueue(spec.name, values, **options)
        return ActionResult(f"{spec.name} is job {job_id}", cancel(ops, Selector(ids=(job_id,)), 1))

    start = f"in {delay}" if delay else "as soon as a worker is free"
    consequence = f"1 job of {spec.queue} will be created and run {start}. U cancels it until it starts."
    kinds = {argument.name: argument.kind for argument in spec.arguments}
    pairs = (f"{name}={_argument_text(kinds[name], value)}" for name, value in values.items())
    words = ["job", "enqueue", spec.name, *pairs]
    words += ["--delay", delay] if delay else []
    return Action(f"Enqueue {spec.name}", consequence, tuple(words), run)


def _parse_arguments(spec: JobSpec, fields: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Parse the arguments of a job. Returns their values, and the problems found."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for argument in spec.arguments:
        text = fields.get(argument.name, "")
        if not text.strip():
            problems += [f"{argument.name} is required"] if argument.required else []
            continue
        try:
            parsed = arguments.parse(spec.name, [argument], [f"{argument.name}={text}"])
        except UsageError as error:
            problems.append(error.message.removeprefix(f"job {spec.name}: "))
            continue
        problem = argument.problem(parsed[argument.name])
        problems += [f"{argument.name} {problem}"] if problem else []
        values |= parsed
    return values, problems


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"invalid JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError("the payload must be a JSON object")
    return value


def _argument_text(kind: Kind, value: Any) -> str:
    """A value as `qctl job enqueue` parses it by the kind of the argument."""
    if kind in ("text", "id"):
        return str(value)
    if isinstance(value, str):
        try:
            json.loads(value)
        except (ValueError, RecursionError):
            return value
    return json.dumps(value)
