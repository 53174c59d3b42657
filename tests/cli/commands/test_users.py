"""`qctl user`: users and passwords, which are read from the terminal or stdin, never from options."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from cli.conftest import Ran
from cli.fake import FakeOps
from cli.fake_operating import ADA
from qctl.errors import NotFoundError
from qctl.models import AccountChange, Accounts

Qctl = Callable[..., Ran]

ADDRESS = ADA.email


@pytest.fixture
def set_stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that sets the text of stdin."""

    def put(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return put


def test_list_as_table_and_json(qctl: Qctl) -> None:
    heading, row = qctl("user", "list", "-o", "table").out.splitlines()
    assert heading.split() == ["ADDRESS", "ROLE", "NAME", "CREATED", "CHANGED", "ID"]
    assert row.split()[:3] == [ADDRESS, "admin", "ada"]
    found = qctl("user", "list", "--json").json
    assert (found["schema"], found["total"]) == ("qctl.user.list/1", 1)
    assert found["users"][0].keys() == {"email", "id", "username", "role", "created_at", "modified_at"}
    ops = FakeOps(users__list=Accounts([], 0))
    assert qctl("user", "list", "--role", "admin", "-o", "table", ops=ops).code == 0
    assert ops.calls_of("users__list") == [((), {"role": "admin", "limit": 50})]
    assert qctl("user", "list", "--role", "root").code == 2
    assert "1 of 7 users" in qctl("user", "list", ops=FakeOps(users__list=Accounts([ADA], 7))).err


def test_password_is_the_first_line_of_stdin(qctl: Qctl, set_stdin: Callable[[str], None]) -> None:
    ops = FakeOps()
    set_stdin("correct horse \nsecond line\n")
    ran = qctl("user", "create", ADDRESS, "--name", "Ada", "--admin", ops=ops)
    assert ran.code == 0
    assert ops.calls_of("users__create") == [((ADDRESS, "Ada", "correct horse "), {"role": "admin"})]
    set_stdin("another\r\n")
    qctl("user", "password", ADDRESS, ops=ops)
    assert ops.calls_of("users__password") == [((ADDRESS, "another"), {})]
    assert "correct horse" not in str(ops.noted) + ran.out
    set_stdin("")
    ran = qctl("user", "password", ADDRESS)
    assert (ran.code, ran.err) == (
        2,
        "qctl: no password on stdin; write one to stdin, or add --generate\n",
    )


def test_password_is_typed_twice_on_a_terminal(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qctl.cli.prompts.is_terminal", lambda _stream: True)
    answers = iter(["one horse", "one horse", "one horse", "another horse"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    ops = FakeOps()
    assert qctl("user", "create", ADDRESS, ops=ops).code == 0
    assert ops.calls_of("users__create") == [((ADDRESS, "ada", "one horse"), {"role": "user"})]
    ran = qctl("user", "password", ADDRESS, ops=ops)
    assert (ran.code, ran.err) == (6, "qctl: the passwords differ; nothing was changed\n")


def test_generated_password_is_printed(qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("user", "create", ADDRESS, "--generate", ops=ops)
    assert ran.out == f"{ADDRESS} created as user\n  password: made-up\n"
    assert ops.calls_of("users__create")[0][0] == (ADDRESS, "ada", None)
    assert qctl("user", "create", ADDRESS, "--generate", "--json").json["password"] == "made-up"


def test_promote_and_demote(qctl: Qctl) -> None:
    assert qctl("user", "promote", ADDRESS).out == f"{ADDRESS} is an admin from the next login on\n"
    same = AccountChange(replace(ADA, role="user"), changed=False)
    assert qctl("user", "demote", ADDRESS, ops=FakeOps(users__demote=same)).out == f"{ADDRESS} is not an admin\n"
    ran = qctl("user", "promote", "eve@x.org", ops=FakeOps(users__promote=NotFoundError("user 'eve@x.org' not found")))
    assert (ran.code, ran.err) == (3, "qctl: user 'eve@x.org' not found\n")


def test_remove_needs_confirmation(qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("user", "remove", ADDRESS, ops=ops)
    assert ran.code == 6
    assert "add --yes" in ran.err
    assert ops.calls_of("users__remove") == []
    assert qctl("user", "remove", ADDRESS, "--yes", ops=ops).out == f"{ADDRESS} removed\n"
