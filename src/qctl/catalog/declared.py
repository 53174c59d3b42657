"""Jobs that applications declare with `@job` in their own modules, loaded by name (QCTL_JOBS_MODULES).

Web applications import these modules too, so this module imports neither redis nor rq.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from qctl import working_folder
from qctl.catalog import arguments
from qctl.catalog.arguments import Argument
from qctl.catalog.specs import Access, Isolation, JobSpec, Priority
from qctl.errors import SettingsError, UsageError

Function = TypeVar("Function", bound=Callable[..., Any])

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
"""Allowed names of jobs and queues."""

_jobs: dict[str, JobSpec] = {}

JOBS: Mapping[str, JobSpec] = MappingProxyType(_jobs)
"""Jobs declared in this process so far."""


def job(
    name: str,
    *,
    queue: str,
    retries: int | None = None,
    backoff: float | None = None,
    timeout: int = 180,
    isolation: Isolation | None = None,
    priority: Priority = 5,
    access: Access | None = None,
    caller: str | None = None,
) -> Callable[[Function], Function]:
    """Declare a function of a module as a job.

        @job("send-invoice", queue="billing", retries=5, timeout=60, isolation="inline")
        def send_invoice(number: int, to: str, copy: bool = False) -> None: ...

    The job can be enqueued by its name, its arguments are checked against the type hints first, and a worker of its
    queue runs it. The function is returned unchanged and can still be called directly.

    `retries`: automatic retries after the first run. `backoff`: seconds before the first retry, doubled for each later
    one. Both default to the settings QUEUE_DEFAULT_ATTEMPTS and QUEUE_DEFAULT_BACKOFF. `timeout`: seconds.
    `isolation`: `fork` runs each job in a child process, `inline` runs it in the worker, for short jobs. The default is
    the queue's isolation, `fork` if the queue is not one of qctl's. A worker forks for all its jobs if one of its
    queues has a job that needs `fork`. `priority`: 1 high, 5 normal, 10 low.

    `access`: who may request the job over HTTP: `user`, `operator` or `internal` (nobody). Without it, operators may,
    and users if QCTL_GATEWAY_JOBS names the job. `caller`: name of an argument that is the id of the requesting user,
    which the gateway fills in.

    Raises UsageError if the function is not defined at the top level of a module, an argument is not a JSON type, the
    name is already in use, or a number is out of range.
    """
    _check(name, queue, retries, backoff, timeout, isolation, priority, access)

    def declare(function: Function) -> Function:
        handler = _path_of(name, function)
        try:
            parameters = arguments.from_function(function)
        except (TypeError, NameError) as error:
            raise UsageError(f"job {name}: {error}") from error
        doc = (function.__doc__ or "").strip().partition("\n")[0]
        parameters = _with_caller(name, parameters, caller)
        spec = JobSpec(
            name, handler, queue, parameters, priority, retries, backoff, timeout, isolation, False, doc, access
        )
        before = _jobs.get(name)
        if before is not None and before.handler != handler:
            raise UsageError(f"job {name!r} is declared twice, by {before.handler} and by {handler}")
        _jobs[name] = spec
        return function

    return declare


def load(modules: Sequence[str]) -> Mapping[str, JobSpec]:
    """Import these modules and return every declared job.

    Installed modules come first, then those in the working folder, because `qctl up` is run inside a project. Raises
    SettingsError if a module cannot be imported.
    """
    if modules:
        working_folder.add_to_path()
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            problem = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
            raise SettingsError("QCTL_JOBS_MODULES", f"{name!r} cannot be imported: {problem}") from error
    return JOBS


def _check(
    name: str,
    queue: str,
    retries: int | None,
    backoff: float | None,
    timeout: int,
    isolation: str | None,
    priority: int,
    access: str | None,
) -> None:
    problems = {
        "name is not letters, digits, _ . : -": not NAME.fullmatch(name),
        "queue is not letters, digits, _ . : -": not NAME.fullmatch(queue),
        "retries is not between 0 and 20": retries is not None and not 0 <= retries <= 20,
        "backoff is not between 0 and 3600 seconds": backoff is not None and not 0 <= backoff <= 3600,
        "timeout is not between 1 and 86400 seconds": not 1 <= timeout <= 86_400,
        "isolation is not inline or fork": isolation not in (None, "inline", "fork"),
        "priority is not 1, 5 or 10": priority not in (1, 5, 10),
        "access is not user, operator or internal": access not in (None, "user", "operator", "internal"),
    }
    found = [problem for problem, applies in problems.items() if applies]
    if found:
        raise UsageError(f"job {name!r}: {', '.join(found)}")


def _with_caller(name: str, parameters: tuple[Argument, ...], caller: str | None) -> tuple[Argument, ...]:
    """The arguments, of which `caller` is marked as the id of the requesting user."""
    if caller is None:
        return parameters
    if caller not in {parameter.name for parameter in parameters}:
        raise UsageError(f"job {name}: caller {caller!r} is not an argument of the function")
    return tuple(replace(each, caller="id") if each.name == caller else each for each in parameters)


def _path_of(name: str, function: Callable[..., Any]) -> str:
    """The dotted path by which a worker imports the function."""
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if not module or module == "__main__" or not path.isidentifier():
        raise UsageError(f"job {name}: a worker cannot import {module}.{path}: define it at the top level of a module")
    return f"{module}.{path}"
