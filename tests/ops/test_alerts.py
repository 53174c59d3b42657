"""Alert rules: parsing, alerts through every channel, repeats and recovery."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq.utils import utcformat

from qctl.broker.bookkeeping import alert_state, events
from qctl.broker.redis import keys, locks
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import NotFoundError, SettingsError
from qctl.jobs import batches
from qctl.models import Firing, Level
from qctl.ops import Ops
from qctl.ops.alert_rules import load
from qctl.ops.alert_watch import AlertWatch
from qctl.settings import Settings
from qctl.settings.allowed_urls import is_allowed_url
from qctl.view.nagios import describe_problems
from support import stock
from support.waiting import PATIENCE_SECONDS, eventually

Make = Callable[..., Settings]


class Hook:
    """A webhook on a port of its own: received requests, and the status it answers."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        self.location = ""
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.received.append((self.path, json.loads(body)))
                self.send_response(hook.status)
                if hook.location:
                    self.send_header("Location", hook.location)
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/team"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hook() -> Iterator[Hook]:
    served = Hook()
    yield served
    served.close()


@pytest.fixture
def write(tmp_path: Path, make_settings: Make, hook: Hook) -> Callable[..., Settings]:
    """Write a file of rules; returns the settings that name it."""

    def rules(text: str, **names: str) -> Settings:
        file = tmp_path / "alerts.toml"
        file.write_text(text)
        file.chmod(0o600)
        return make_settings(**{"QCTL_ALERT_WEBHOOKS": hook.url, **names})

    return rules


def rule(**more: Any) -> str:
    said = {
        "name": "late",
        "queues": ["mail"],
        "max-age": "60s:300s",
        **{k.replace("_", "-"): v for k, v in more.items()},
    }
    return "[[alert]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())


def late(connection: Redis, seconds: float, queue: str = "mail") -> None:
    """Enqueue a job that has waited `seconds`."""
    since = datetime.now(timezone.utc) - timedelta(seconds=seconds)
    if not connection.exists(keys.job("a")):
        stock.enqueue(connection, queue, "a")
    connection.hset(keys.job("a"), "enqueued_at", utcformat(since))


def sent(hook: Hook) -> list[tuple[str, bool]]:
    return [(body["level"], body["resolved"]) for _, body in hook.received]


def ago(connection: Redis, seconds: float) -> None:
    """Move the recorded times of the rule `late` into the past."""
    known = alert_state.read_firing(connection)["late"]["mail"]
    back = timedelta(seconds=seconds)
    earlier = {channel: (when - back, level) for channel, (when, level) in known.notified.items()}
    alert_state.record(connection, "late", Firing("mail", known.level, known.since - back, earlier))


# --- telling ------------------------------------------------------------------------------------------------


def test_alerts_once_when_worse_at_intervals_and_after_recovery(connection: Redis, write: Make, hook: Hook) -> None:
    """Wish 3 of tests/repo/test_wishes.py: alerts from the queue tool itself."""
    watch = AlertWatch(write(rule(webhook=[hook.url + "/1"], repeat="1h")), describe_problems)
    late(connection, 30)
    watch.check()
    assert sent(hook) == []
    late(connection, 90)
    watch.check()
    watch.check()
    assert sent(hook) == [("WARNING", False)]
    path, body = hook.received[0]
    assert (path, body["rule"], body["queue"]) == ("/team/1", "late", "mail")
    assert "oldest job waits" in body["words"]
    assert body["text"].startswith("[qctl] WARNING late: mail: ")
    late(connection, 400)
    watch.check()
    watch.check()
    assert sent(hook)[1:] == [("CRITICAL", False)]
    ago(connection, 3601)
    watch.check()
    watch.check()
    assert sent(hook)[2:] == [("CRITICAL", False)]
    connection.delete(keys.queue("mail"))
    watch.check()
    watch.check()
    assert sent(hook)[3:] == [("OK", True)]
    assert alert_state.read_firing(connection) == {}
    assert [e.fields["queue"] for e in events.newest(connection, 9) if e.event == "alerted"] == ["mail"] * 4


def test_a_short_problem_sends_no_alert(connection: Redis, write: Make, hook: Hook) -> None:
    watch = AlertWatch(write(rule(webhook=[hook.url], **{"for": "2m"})), describe_problems)
    late(connection, 400)
    watch.check()
    assert sent(hook) == []
    ago(connection, 121)
    watch.check()
    assert sent(hook) == [("CRITICAL", False)]
    # What went before anybody was told needs no word that it is over.
    connection.delete(keys.ALERTS)
    watch.check()
    connection.delete(keys.queue("mail"))
    watch.check()
    assert sent(hook) == [("CRITICAL", False)]


def test_a_repeat_of_zero_sends_no_further_alert(connection: Redis, write: Make, hook: Hook) -> None:
    watch = AlertWatch(write(rule(webhook=[hook.url], repeat="0s")), describe_problems)
    late(connection, 400)
    watch.check()
    ago(connection, 30 * 86_400)
    watch.check()
    assert sent(hook) == [("CRITICAL", False)]


def test_two_schedulers_and_a_restart_alert_once(connection: Redis, write: Make, hook: Hook) -> None:
    settings = write(rule(webhook=[hook.url]))
    late(connection, 400)
    for _ in range(3):
        AlertWatch(settings, describe_problems).check()
    with locks.try_lock(connection, "alerts", 60):
        connection.delete(keys.ALERTS)
        AlertWatch(settings, describe_problems).check()
    assert sent(hook) == [("CRITICAL", False)]


def test_only_a_failed_channel_is_repeated(connection: Redis, write: Make, hook: Hook, tmp_path: Path) -> None:
    note = tmp_path / "paged"
    command = ["/bin/sh", "-c", f'cat >> "{note}"; echo >> "{note}"']
    watch = AlertWatch(write(rule(webhook=[hook.url], command=command)), describe_problems)
    late(connection, 400)
    hook.status = 500
    watch.check()
    watch.check()
    hook.status = 200
    watch.check()
    watch.check()
    assert len(sent(hook)) == 3
    (paged,) = [json.loads(line) for line in note.read_text().splitlines()]
    assert (paged["schema"], paged["level"]) == ("qctl.alert/1", "CRITICAL")


def test_a_muted_rule_sends_no_alert(ops: Ops, connection: Redis, write: Make, hook: Hook) -> None:
    watch = AlertWatch(write(rule(webhook=[hook.url])), describe_problems)
    late(connection, 400)
    alert_state.mute(connection, "late", by="me", seconds=60, reason="deploy")
    watch.check()
    assert sent(hook) == []
    alert_state.mute(connection, "late", by="me", seconds=-1, reason="over")
    watch.check()
    assert sent(hook) == [("CRITICAL", False)]


def test_mail_is_sent_through_the_queue_email(connection: Redis, write: Make, tmp_path: Path, monkeypatch: Any) -> None:
    settings = write(rule(email=["ops@example.com"]))
    late(connection, 400)
    AlertWatch(settings, describe_problems).check()
    assert connection.llen(keys.queue("email.high")) == 1
    # The same notice again, as after a death between the telling and the note, is the same mail.
    connection.hset(keys.ALERTS, "late|mail", json.dumps(without_notified(connection)))
    AlertWatch(settings, describe_problems).check()
    assert connection.llen(keys.queue("email.high")) == 1
    monkeypatch.setenv("REDIS_URL", settings.redis_target)
    monkeypatch.setenv("QCTL_HOME", str(tmp_path))
    batches._settings.cache_clear()  # as in a worker's process of its own
    assert QctlWorker(["email.high"], connection, settings, "inline").work(burst=True)
    (mail,) = (tmp_path / "outbox").rglob("*.eml")
    assert "Subject: [qctl] CRITICAL late: mail: oldest job waits" in mail.read_text().replace("\n ", " ")


def without_notified(connection: Redis) -> dict[str, Any]:
    return {**json.loads(connection.hget(keys.ALERTS, "late|mail")), "told": {}}


def test_the_state_of_a_deleted_rule_is_deleted(connection: Redis, write: Make, hook: Hook) -> None:
    late(connection, 400)
    AlertWatch(write(rule(webhook=[hook.url])), describe_problems).check()
    assert alert_state.read_firing(connection)
    AlertWatch(write(""), describe_problems).check()
    assert alert_state.read_firing(connection) == {}


def test_an_invalid_file_leaves_the_previous_rules_in_force(
    connection: Redis, write: Make, hook: Hook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch = AlertWatch(write(rule(webhook=[hook.url])), describe_problems)
    watch.check()
    (tmp_path / "alerts.toml").write_text("[[alert]")
    late(connection, 400)
    watch.check()
    watch.check()
    assert sent(hook) == [("CRITICAL", False)]
    assert len([r for r in caplog.records if "alert rules not reloaded" in r.message]) == 1


def test_checking_continues_after_any_error(connection: Redis, write: Make, hook: Hook) -> None:
    settings = write(rule(webhook=[hook.url]), QCTL_ALERT_INTERVAL="1")
    connection.hset(keys.ALERTS, mapping={"late|mail": "no JSON", "x": "{}", "late|other": '{"told": 5}'})
    connection.set(keys.MUTED_ALERTS, "text")
    late(connection, 400)
    stop = threading.Event()
    runs = threading.Thread(target=AlertWatch(settings, describe_problems).run, args=(stop,))
    runs.start()
    try:
        eventually(lambda: hook.received, what="the alert")
    finally:
        stop.set()
        runs.join(PATIENCE_SECONDS)
    assert not runs.is_alive()


# --- where it may go ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://hooks.example/team", True),
        ("https://hooks.example/team/1?x=2", True),
        ("https://hooks.example/teams", False),
        ("https://hooks.example/", False),
        ("http://hooks.example/team", False),
        ("https://hooks.example:8443/team", False),
        ("https://hooks.example.evil/team", False),
        ("https://hooks.example@evil/team", False),
        ("https://hooks.example/team/../admin", False),
        ("https://hooks.example/team\nHost: evil", False),
        ("file:///etc/passwd", False),
        ("https://[", False),
    ],
)
def test_a_webhook_must_lie_below_an_allowed_url(url: str, allowed: bool) -> None:
    assert is_allowed_url(url, ("https://hooks.example/team",)) is allowed


def test_a_redirect_is_not_followed(connection: Redis, write: Make, hook: Hook) -> None:
    hook.status, hook.location = 307, hook.url + "/elsewhere"
    settings = write(rule(webhook=[hook.url]))
    (delivery,) = Ops(settings).alerts.test("late")
    assert (delivery.sent, delivery.problem) == (False, "HTTP status 307")
    assert [path for path, _ in hook.received] == ["/team"]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (["/bin/sh", "-c", "echo no modem >&2; exit 3"], "exit code 3: no modem"),
        (["/not/there"], "cannot be run: No such file or directory"),
    ],
)
def test_a_failed_command_reports_the_reason(write: Make, command: list[str], problem: str) -> None:
    (delivery,) = Ops(write(rule(command=command))).alerts.test("late")
    assert (delivery.sent, delivery.problem) == (False, problem)


def test_a_command_gets_the_notice_and_no_secrets(
    connection: Redis, write: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    note = tmp_path / "env"
    settings = write(rule(command=["/bin/sh", "-c", f'env > "{note}"', "$(touch /tmp/never)"], queues=["$(x)'\n"]))
    late(connection, 400, "$(x)'\n")
    AlertWatch(settings, describe_problems).check()
    seen = note.read_text()
    assert "hunter2" not in seen
    assert "QCTL_ALERT_LEVEL=CRITICAL" in seen
    assert "QCTL_ALERT_QUEUE=$(x)'\\n" in seen


# --- what people do -----------------------------------------------------------------------------------------


def test_rules_are_listed_with_their_state(connection: Redis, write: Make, hook: Hook) -> None:
    settings = write(rule(webhook=[hook.url + "/secret"]) + rule(name="calm", queues=["not-there"], webhook=[hook.url]))
    late(connection, 400)
    AlertWatch(settings, describe_problems).check()
    operations = Ops(settings)
    operations.alerts.mute("late", seconds=60, reason="deploy")
    bad, calm = (alert for alert in operations.alerts.list() if not alert.rule.is_default)
    assert (bad.level, [f.queue for f in bad.firing]) == (Level.CRITICAL, ["mail"])
    assert bad.mute is not None
    assert bad.mute.reason == "deploy"
    assert (calm.queues, calm.firing, calm.mute) == ([], [], None)
    assert operations.alerts.unmute("late") is True
    assert operations.alerts.unmute("late") is False
    with pytest.raises(NotFoundError, match="alert rule 'early' not found"):
        operations.alerts.mute("early")
    # The path of a web hook is a secret: it is neither shown nor kept in Redis.
    assert "secret" not in bad.rule.channels[0].label
    assert b"secret" not in connection.hget(keys.ALERTS, "late|mail")


# --- rules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[alert]", "not valid TOML"),
        ("[alert]\nname = 'a'", "'alert' is not a list of tables"),
        ("[alerts]", "unknown entry 'alerts'"),
        ("[[alert]]\nqueues = ['a']", "alert 1 has no valid name"),
        ("[[alert]]\nname = 'a b'", "alert 1 has no valid name"),
        (rule(email="a@b.c") + rule(email="a@b.c"), "two rules have the name 'late'"),
        (rule(email="a@b.c", max_agee="5m"), "alert 'late': unknown key 'max-agee'"),
        (rule(email="a@b.c", max_age="5"), "alert 'late': max-age: '5' has no unit"),
        (rule(email="a@b.c", max_age=5), "max-age: 5 is not a string"),
        (rule(email="a@b.c", repeat="often"), "repeat: 'often' is not a duration"),
        (rule(email=[1]), r"email: \[1\] is not a list of strings"),
        (rule(), "no channel"),
        ("[[alert]]\nname = 'a'\nemail = 'a@b.c'", "no threshold"),
        (rule(webhook="https://evil.example/x"), "https://evil.example is not below a URL of QCTL_ALERT_WEBHOOKS"),
        (rule(command=["page"]), "'page' is not an absolute path"),
    ],
)
def test_an_invalid_rule_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=said) as problem:
        load(file, ("https://hooks.example",))
    assert problem.value.name == str(file)
    assert "\n" not in problem.value.message


def test_the_rule_in_the_documentation_is_valid(tmp_path: Path) -> None:
    example = (
        (Path(__file__).parents[2] / "docs" / "monitoring.md")
        .read_text()
        .partition("```toml\n[[alert]]")[2]
        .partition("```")[0]
    )
    file = tmp_path / "alerts.toml"
    file.write_text("[[alert]]" + example)
    file.chmod(0o600)
    (found,) = load(file, ("https://hooks.example/team",))
    assert (found.name, found.hold, found.repeat) == ("email-late", 60, 14_400)
    assert [channel.kind for channel in found.channels] == ["email", "webhook", "command"]


def test_a_missing_file_has_no_rules(tmp_path: Path) -> None:
    assert load(tmp_path / "not there.toml") == []


def test_a_file_must_not_be_writable_by_others(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(rule(command=["/bin/true"]))
    file.chmod(0o600)
    assert len(load(file)) == 1
    file.chmod(0o602)
    with pytest.raises(SettingsError, match="can be written by other users"):
        load(file)
