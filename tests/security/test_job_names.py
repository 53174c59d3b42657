"""Names of functions in jobs: a wildcard matches one part, and no private one."""

from __future__ import annotations

import pytest

from qctl.broker.worker.job_loader import guarded_class


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("shop.tasks.send", True),
        ("shop.tasks._send", False),
        ("shop._tasks.send", False),
        ("shop.tasks.__init__", False),
        ("shop.tasks.admin.drop", False),
        ("shop.tasks", False),
        ("shop.reports.monthly", True),
        ("shop.reports.daily", False),
        ("shopping.tasks.send", False),
        ("os.system", False),
        ("", False),
        (7, False),
    ],
)
def test_only_named_modules_and_public_functions_run(name: object, runs: bool) -> None:
    assert guarded_class(("shop.tasks.*", "shop.reports.month*")).may_run(name) is runs
