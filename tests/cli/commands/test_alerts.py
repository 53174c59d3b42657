"""`qctl alert`: list, test and mute rules."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from cli.conftest import Ran
from cli.fake import FakeOps
from cli.fake_watching import CHECK, RULE
from qctl.errors import NotFoundError, SettingsError
from qctl.models import Alert, Delivery

Qctl = Callable[..., Ran]


def test_list_shows_level_firing_queues_and_mute(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    heading, late = qctl("alert", "list", "-o", "table").out.splitlines()
    assert heading.split() == ["ALERT", "LEVEL", "OF", "FIRING", "SINCE", "NOTIFIED", "CHANNELS", "MUTED"]
    assert late.split()[:4] == ["late", "OK", "email", "email"]
    assert re.match(r"\d+m(\d+s)?$", late.split()[4])
    assert re.search(r"muted \S+ ago by ops@host until .*: deploy", late)
    (alert,) = qctl("alert", "list", "--json").json["alerts"]
    assert (alert["level"], alert["firing"], alert["muted"]["reason"]) == ("OK", ["email"], "deploy")


def test_rule_without_queues_has_no_level(qctl: Qctl) -> None:
    alert = qctl("alert", "list", "--json", ops=FakeOps(alerts__list=[Alert(RULE, [], [], None)])).json["alerts"][0]
    assert (alert["level"], alert["firing"], alert["muted"]) == (None, [], None)
    assert CHECK.queues


def test_empty_list_names_the_rules_file(qctl: Qctl) -> None:
    ran = qctl("alert", "list", "-o", "table", ops=FakeOps(alerts__list=[]))
    assert (ran.code, ran.out) == (0, "")
    assert "alerts.toml" in ran.err


@pytest.mark.parametrize(("sent", "code"), [((True, True), 0), ((True, False), 5), ((False, False), 1)])
def test_exits_with_the_result_of_its_deliveries(sent: tuple[bool, ...], code: int, qctl: Qctl) -> None:
    deliveries = [Delivery(f"email:{n}", yes, "" if yes else "no such host") for n, yes in enumerate(sent)]
    ran = qctl("alert", "test", "late", "--json", ops=FakeOps(alerts__test=deliveries))
    assert ran.code == code
    assert [delivery["sent"] for delivery in ran.json["deliveries"]] == list(sent)


def test_mute_and_unmute(qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("alert", "mute", "late", "--for", "2h", "--reason", "deploy", ops=ops)
    assert ops.calls_of("alerts__mute") == [(("late",), {"seconds": 7200.0, "reason": "deploy"})]
    assert "late muted until" in ran.out
    assert "qctl alert mute late --off" in ran.out
    assert qctl("alert", "mute", "late", "--off").out == "late unmuted\n"
    assert qctl("alert", "mute", "late", "--off", ops=FakeOps(alerts__unmute=False)).out == "late was not muted\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("late", "--for", "2"), "--for: '2' has no unit"),
        (("late", "--off", "--for", "2h"), "--off cannot be combined"),
    ],
)
def test_malformed_option_exits_2(line: tuple[str, ...], message: str, qctl: Qctl) -> None:
    ran = qctl("alert", "mute", *line)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_errors_of_rules_are_reported(qctl: Qctl) -> None:
    unknown = NotFoundError("alert rule 'early' not found")
    broken = SettingsError("/x/alerts.toml", "alert 'late': it tells nobody")
    assert qctl("alert", "mute", "early", ops=FakeOps(alerts__mute=unknown)).code == 3
    ran = qctl("alert", "list", ops=FakeOps(alerts__list=broken))
    assert (ran.code, ran.err) == (2, "qctl: /x/alerts.toml: alert 'late': it tells nobody\n")


@pytest.mark.parametrize("verb", ["test", "mute"])
def test_read_only_refuses(verb: str, qctl: Qctl) -> None:
    ops = FakeOps()
    assert qctl("alert", verb, "late", "--read-only", ops=ops).code == 6
    assert ops.calls == []
