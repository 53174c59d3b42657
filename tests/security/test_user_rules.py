"""New users: passwords that are not guessed, and names that are what they look like; one rule for both ways in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qctl.errors import UsageError
from qctl.gateway.middleware import MAX_PATH_CHARS
from qctl.ops import Ops
from qctl.store.user_rules import normalise_name
from support.gateway import PASSWORD, Gateway
from support.waiting import eventually

WEAK = ("eleven-char", "password1234", "Password1234", "aaaaaaaaaaaa", "1q2w3e4r5t6y", "x" * 257)

HIDDEN = ("ad\u200ba", "ada\u202e", "\ufeffada", "a\u2028da", "\u00ad", "a\x00b", "\u3000")

NEW = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}


def test_weak_passwords_and_hidden_characters_are_refused(make_gateway: Callable[..., Gateway], ops: Ops) -> None:
    gateway = make_gateway()
    refused = [{"password": password} for password in WEAK] + [{"username": name} for name in HIDDEN]
    refused += [{"email": f"ada\u200b{n}@example.com"} for n in range(2)] + [{"email": "ada@\uff45xample.com"}]
    for change in refused:
        fields = {**NEW, **change}
        assert gateway.request("POST", "/user/create", fields).status == 400, change
        with pytest.raises(UsageError):
            ops.users.create(fields["email"], fields["username"], fields["password"])
    assert ops.users.list().total == 0


def test_a_name_is_kept_in_normal_form(make_gateway: Callable[..., Gateway], ops: Ops) -> None:
    answer = make_gateway().request("POST", "/user/create", {**NEW, "username": " \uff21da\u00a0L "})
    assert (answer.status, answer.json["username"]) == (201, "Ada L")
    ops.users.create("b@example.com", "\uff21da", PASSWORD)
    assert {account.username for account in ops.users.list().accounts} == {"Ada", "Ada L"}
    assert normalise_name("Zoe\u0308") == "Zo\u00eb"


def test_the_length_is_a_setting(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(QCTL_PASSWORD_LENGTH="8")
    assert gateway.request("POST", "/user/create", {**NEW, "password": "h7-k2pq9"}).status == 201
    assert gateway.request("POST", "/user/create", {**NEW, "password": "h7-k2pq"}).status == 400


def test_paths_are_cut_in_the_log(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway()
    gateway.request("GET", "/" + "a" * 5000, X_Trace_Id="long")
    (line,) = eventually(lambda: gateway.requests("long"))
    assert line["path"] == "/" + "a" * (MAX_PATH_CHARS - 1)
    assert "a" * (MAX_PATH_CHARS + 1) not in gateway.output
