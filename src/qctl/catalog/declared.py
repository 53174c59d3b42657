"""Jobs that others declare: `@job` in their own modules, loaded by name (QCTL_JOBS_MODULES).

`from qctl import job` costs no more than `import qctl`: a module of jobs is imported by web applications too.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from qctl.catalog import arguments
from qctl.catalog.specs import Isolation, JobSpec, Priority
from qctl.errors import SettingsError, UsageError

Function = TypeVar("Function", bound=Callable[..., Any])

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
"""What jobs and queues may be called."""

_jobs: dict[str, JobSpec] = {}

JOBS: Mapping[str, JobSpec] = MappingProxyType(_jobs)
"""What was declared in this process up to now."""


def job(
    name: str,
    *,
    queue: str,
    retries: int | None = None,
    backoff: float | None = None,
    timeout: int = 180,
    isolation: Isolation | None = None,
    priority: Priority = 5,
) -> Callable[[Function], Function]:
    """Declare a function of a module as a job.

        @job("send-invoice", queue="billing", retries=5, timeout=60, isolation="inline")
        def send_invoice(number: int, to: str, copy: bool = False) -> None: ...

    It can then be enqueued by its name, its arguments are checked against the type hints before, and a worker of its
    queue runs it. The function stays as it is, and may be called.

    `retries` after the first run and `backoff`, seconds before the first of them, doubled each time, are by settings
    where they are None. `timeout` is in seconds. `isolation`: `fork` runs each job in a child, `inline` in the worker,
    for short jobs; by default it is the queue's, `fork` where the queue is not one of qctl's. One job that wants
    `fork` makes a worker run all jobs of its queues so. `priority`: 1 high, 5 normal, 10 low.

    Raises UsageError where the function is not one of a module's own, its arguments are no types of JSON, the name is
    taken, or a number is out of range.
    """
    _check(name, queue, retries, backoff, timeout, isolation, priority)

    def declare(function: Function) -> Function:
        handler = _path_of(name, function)
        try:
            taken = arguments.of_function(function)
        except (TypeError, NameError) as error:
            raise UsageError(f"job {name}: {error}") from error
        doc = (function.__doc__ or "").strip().partition("\n")[0]
        spec = JobSpec(name, handler, queue, taken, priority, retries, backoff, timeout, isolation, doc=doc)
        before = _jobs.get(name)
        if before is not None and before.handler != handler:
            raise UsageError(f"job {name}: {handler} takes the name of {before.handler}")
        _jobs[name] = spec
        return function

    return declare


def load(modules: Sequence[str]) -> Mapping[str, JobSpec]:
    """Import these modules, and return every job that was declared.

    A module in the working folder is found too, after all that is installed: `qctl up` is run in a project. Raises
    SettingsError where a module cannot be imported.
    """
    if modules and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
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
) -> None:
    problems = {
        "its name is not letters, digits, _ . : -": not NAME.fullmatch(name),
        "its queue is not letters, digits, _ . : -": not NAME.fullmatch(queue),
        "retries is not between 0 and 20": retries is not None and not 0 <= retries <= 20,
        "backoff is not between 0 and 3600 seconds": backoff is not None and not 0 <= backoff <= 3600,
        "timeout is not between 1 and 86400 seconds": not 1 <= timeout <= 86_400,
        "isolation is not inline or fork": isolation not in (None, "inline", "fork"),
        "priority is not 1, 5 or 10": priority not in (1, 5, 10),
    }
    wrong = [problem for problem, is_so in problems.items() if is_so]
    if wrong:
        raise UsageError(f"job {name!r}: {', '.join(wrong)}")


def _path_of(name: str, function: Callable[..., Any]) -> str:
    """The dotted path by which a worker finds the function."""
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if not module or module == "__main__" or not path.isidentifier():
        raise UsageError(f"job {name}: a worker cannot import {module}.{path}: it must be a function of a module")
    return f"{module}.{path}"
