"""Test tokens: valid until they expire, all others refused, and no weak signing key."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from qctl.errors import RefusedError, SettingsError
from qctl.gateway.tokens import AUDIENCE, Tokens, signing_secret
from qctl.settings import Settings
from support.gateway import SECRET, Gateway

MakeSettings = Callable[..., Settings]

NOW = int(time.time())

VALID = {"sub": "6920b670c1afd03b72e31e73", "aud": AUDIENCE, "iat": NOW - 5, "exp": NOW + 3600, "jti": "1", "ver": 1}


def signed(claims: dict[str, Any], key: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def without(name: str) -> str:
    return signed({claim: value for claim, value in VALID.items() if claim != name})


def altered() -> str:
    """A valid token with another subject and the old signature."""
    head, _, signature = signed(VALID).split(".")
    body = base64.urlsafe_b64encode(json.dumps({**VALID, "sub": "another"}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{signature}"


def signed_text(text: str) -> str:
    """A token with other text than an object of claims."""
    return jwt.PyJWS().encode(text.encode(), SECRET, algorithm="HS256")


ATTACKS = {
    "none": jwt.encode(VALID, None, algorithm="none"),
    "other key": signed(VALID, "another-key-of-32-bytes-and-more!"),
    "expired": signed({**VALID, "exp": NOW - 60}),
    "other audience": signed({**VALID, "aud": "qctl-sockets"}),
    "altered": altered(),
    "other algorithm": signed(VALID, SECRET, "HS512"),
    "from the future": signed({**VALID, "iat": NOW + 3600}),
    "no exp": without("exp"),
    "no aud": without("aud"),
    "no sub": without("sub"),
    "no iat": without("iat"),
    "no jti": without("jti"),
    "a number as sub": signed({**VALID, "sub": 7}),
    "endless": signed({**VALID, "exp": 10**18}),
    "no token": "x",
    "two parts": "a.b",
    "a list": signed_text("[1]"),
    "long": "a" * 7000,
    "padded": signed(VALID) + "." + "a" * 50,
}


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET, 3600)


def test_issued_token_identifies_its_user(tokens: Tokens) -> None:
    caller = tokens.read(tokens.issue("6920", "user"))
    assert (caller.id, caller.role) == ("6920", "user")
    assert 3500 < caller.expires.timestamp() - time.time() <= 3600
    claims = jwt.decode(tokens.issue("6920", "user"), options={"verify_signature": False})
    assert claims.keys() == {"sub", "aud", "iat", "exp", "role", "ver", "jti"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_forged_token_is_refused(tokens: Tokens, attack: str) -> None:
    tokens.read(signed(VALID))
    with pytest.raises(RefusedError, match=r"^Invalid token$"):
        tokens.read(ATTACKS[attack])


@pytest.mark.parametrize(
    "changed",
    [{"exp": NOW - 60}, {"iat": NOW + 3600}, {"aud": "qctl-sockets"}, {"sub": 7}, {"jti": 7}, {"nbf": NOW + 3600}],
)
def test_issued_token_with_another_claim_is_refused(tokens: Tokens, changed: dict[str, Any]) -> None:
    claims = {**VALID, "role": "user"}
    assert tokens.read(signed(claims)).id == VALID["sub"]
    with pytest.raises(RefusedError, match=r"^Invalid token$"):
        tokens.read(signed({**claims, **changed}))


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t + "\u00e4", lambda t: f"{t}."])
def test_signature_must_be_complete(tokens: Tokens, spoil: Callable[[str], str]) -> None:
    with pytest.raises(RefusedError, match=r"^Invalid token$"):
        tokens.read(spoil(tokens.issue("6920", "user")))


def test_expired_token_is_refused_despite_the_cache(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.issue("6920", "user")
    assert tokens.read(token) is tokens.read(token)
    monkeypatch.setattr("qctl.gateway.tokens.CLOCK_SKEW_SECONDS", -3600)
    for _ in range(2):
        with pytest.raises(RefusedError, match=r"^Invalid token$"):
            tokens.read(token)


def test_full_cache_of_tokens_is_emptied(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qctl.gateway.tokens.MAX_CACHED_TOKENS", 2)
    issued = [tokens.issue(str(n), "user") for n in range(5)]
    assert [tokens.read(token).id for token in issued * 2] == [str(n) for n in range(5)] * 2


def test_routes_of_users_need_a_token(gateway: Gateway) -> None:
    paths = (("POST", "/job/create"), ("GET", "/job"), ("GET", "/job/stats"), ("GET", "/metrics"), ("GET", "/api/job"))
    for attack in ATTACKS.values():
        answer = gateway.request("GET", "/job", token=attack)
        assert (answer.status, answer.failure) == (401, {"success": False, "error": "Invalid token"})
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for method, path in paths:
        assert gateway.request(method, path, {"name": "x"} if method == "POST" else None).status == 401
    assert gateway.request("GET", "/job", Authorization="Basic YTpi").status == 401
    assert gateway.request("GET", "/job", token=signed(VALID)).json["error"] == "Logged out", "its user has no session"
    assert gateway.request("GET", "/job", token=gateway.token("6920b670c1afd03b72e31e73")).status == 200


@pytest.mark.parametrize(
    "weak", ["secret", "your-super-secure-secret-key-change-this", "a" * 64, "change-me-" * 4, "ab12" * 20]
)
@pytest.mark.parametrize("name", ["SECRET_KEY", "QCTL_GATEWAY_SECRET"])
def test_weak_key_is_refused_and_not_printed(make_settings: MakeSettings, name: str, weak: str) -> None:
    with pytest.raises(SettingsError) as caught:
        signing_secret(make_settings(**{name: weak}))
    assert caught.value.name == name
    assert weak not in str(caught.value.message)


def test_missing_key_is_created_once_per_home(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings()
    created = signing_secret(settings)
    assert signing_secret(settings) == created
    assert len(base64.urlsafe_b64decode(created + "=")) == 32
    assert (tmp_path / "gateway.key").stat().st_mode & 0o777 == 0o600
    assert signing_secret(make_settings(SECRET_KEY=SECRET)) == SECRET
    (tmp_path / "gateway.key").write_text("short")
    with pytest.raises(SettingsError, match=r"gateway\.key"):
        signing_secret(settings)
