"""`qctl daemon` on a fake systemd. tests/systemd has the tests on a real one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Ran
from cli.fake_systemd import FakeSystemd
from qctl.errors import QctlError, RefusedError, UnreachableError
from qctl.systemd import Installation, programs, units

Qctl = Callable[..., Ran]

REAL = programs.systemctl


def test_list_shows_state_and_escaped_status(qctl: Qctl) -> None:
    first, second = qctl("daemon", "list", "--json").json["daemons"]
    assert (first["name"], first["pid"], first["restarts"], first["memory"]) == ("scheduler", 42, 2, 48 << 20)
    assert second["name"] == "email"
    assert "\x1b" not in qctl("daemon", "list", "-o", "table").out


def test_name_selects_one_daemon_or_all_workers_of_a_queue(qctl: Qctl, systemd: FakeSystemd) -> None:
    assert qctl("daemon", "restart", "email", "qctl-scheduler.service").code == 0
    (done,) = systemd.done
    assert done == ("--no-block", "restart", "--", "qctl-worker@email.service", "qctl-scheduler.service")
    unknown = qctl("daemon", "restart", "schedular")
    assert unknown.code == 3
    assert "did you mean 'scheduler'?" in unknown.err


def test_start_all_starts_the_target(qctl: Qctl, systemd: FakeSystemd) -> None:
    assert qctl("daemon", "start", "--all").code == 0
    assert systemd.done[-1][-1] == "qctl.target"
    assert qctl("daemon", "start").code == 2
    assert qctl("daemon", "start", "email", "--all").code == 2


def test_scale_writes_the_number_and_stops_surplus_workers(qctl: Qctl, systemd: FakeSystemd, tmp_path: Path) -> None:
    count = tmp_path / "systemd" / "qctl-worker@email.service.d" / "count.conf"
    assert qctl("daemon", "scale", "email", "3").code == 0
    assert "Wants=qctl-worker@email:2.service qctl-worker@email:3.service\n" in count.read_text()
    assert systemd.done[-1][1:] == (
        "start",
        "--",
        *(f"qctl-worker@email{number}.service" for number in ("", ":2", ":3")),
    )
    assert qctl("daemon", "scale", "email", "0", "--timeout", "0s").code == 0
    assert not count.exists()
    assert systemd.done[-2][0] == "disable"
    assert systemd.done[-1][1:] == ("stop", "--", "qctl-worker@email.service")


@pytest.mark.parametrize(("queue", "count"), [("../etc", "1"), ("a b", "1"), ("email", "65"), ("email:2", "1")])
def test_invalid_scale_exits_2(queue: str, count: str, qctl: Qctl, systemd: FakeSystemd, tmp_path: Path) -> None:
    assert qctl("daemon", "scale", queue, count).code == 2
    assert systemd.done == []
    assert not (tmp_path / "systemd").exists()


def test_logs_run_journalctl(qctl: Qctl, systemd: FakeSystemd) -> None:
    assert "running schedules" in qctl("daemon", "logs", "scheduler", "-n", "5", "--since", "2h", "--follow").out
    assert systemd.done[-1] == (
        "--no-pager",
        "--lines=5",
        "--follow",
        "--since=-7200s",
        "--unit=qctl-scheduler.service",
    )


def test_install_print_shows_units_and_writes_nothing(qctl: Qctl, systemd: FakeSystemd, tmp_path: Path) -> None:
    files = {row["file"]: row["text"] for row in qctl("daemon", "install", "--print", "--json").json["files"]}
    assert f"ExecStart={Installation().programs}/qctl-worker --instance %i" in files["qctl-worker@.service"]
    assert "User=qctl" in files["qctl-.service.d/sandbox.conf"]
    assert not any("/usr/local/bin" in text for text in files.values())
    assert systemd.done == []
    user_files = {
        row["file"]: row["text"] for row in qctl("daemon", "install", "--user", "--print", "--json").json["files"]
    }
    assert set(user_files) == set(files) - {"qctl-.service.d/sandbox.conf"}
    assert "WantedBy=default.target" in user_files["qctl.target"]
    assert not any("User=" in text for text in user_files.values())


def test_install_user_writes_units_of_the_user_manager(
    qctl: Qctl, systemd: FakeSystemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qctl.systemd.programs.require", lambda: None)
    ran = qctl("daemon", "install", "--user")
    assert ran.code == 0, ran.err
    written = tmp_path / "config" / "systemd" / "user"
    assert (written / "qctl-scheduler.service").exists()
    assert (tmp_path / "config" / "qctl" / ".env").stat().st_mode & 0o777 == 0o600
    assert systemd.done[0] == ("daemon-reload",)
    assert set(systemd.done[1]) == {"enable", "--quiet", *units.ENABLED_UNITS}
    assert "qctl daemon start --all --user" in ran.out


def test_system_install_refuses_programs_in_a_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qctl.systemd.programs.require", lambda: None)
    with pytest.raises(RefusedError, match="daemons cannot read"):
        Installation(programs=Path("/home/ann/qctl/bin")).install()


def test_missing_systemd_is_reported_with_an_alternative(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(programs, "BOOTED", str(tmp_path / "nowhere"))
    with pytest.raises(UnreachableError) as caught:
        REAL(False, "list-units")
    assert "systemd does not run this machine" in caught.value.message
    assert "qctl up" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Failed to start x: Access denied", RefusedError),
        ("Failed to connect to bus: No medium found", UnreachableError),
        ("Unit x.service not found.", QctlError),
    ],
)
def test_systemctl_errors_are_translated(message: str, kind: type[QctlError], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "BOOTED", "/")
    monkeypatch.setattr(programs, "_run", lambda command: subprocess.CompletedProcess(command, 1, "", message))
    with pytest.raises(kind, match=message[:12]):
        REAL(False, "start", "x")
