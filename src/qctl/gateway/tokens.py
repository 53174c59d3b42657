"""Tokens: JWTs that identify a user to every gateway of a site until they expire."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from secrets import token_urlsafe

import jwt

from qctl import ownership
from qctl.errors import RefusedError, SettingsError
from qctl.settings import Settings
from qctl.settings.parsers import weakness

ALGORITHM = "HS256"

AUDIENCE = "qctl-gateway"
"""Audience of API tokens; a token that the same key signed for another audience is refused."""

PANEL_AUDIENCE = "qctl-gateway-panel"
"""Audience of the panel's cookie."""

CLOCK_SKEW_SECONDS = 10
"""Tolerated difference between the clocks of gateways."""

MAX_TOKEN_CHARS = 4096
"""Characters of a token that are read, the rest is ignored; a token of this gateway has about 250."""

MAX_CACHED_TOKENS = 10_000
"""Verified tokens in the cache, which is emptied when full. Only their expiry is checked again: verification takes a
third of a request's time."""


@dataclass(frozen=True)
class Caller:
    """The user of a token by id and role, with the token's time of issue and expiry.

    `version` is the session version of the user when the token was issued, `token_id` is unique, and `key_hash`
    identifies the admin key that was exchanged for the token, if one was.
    """

    id: str
    role: str
    issued: datetime
    expires: datetime
    version: int = 0
    token_id: str = ""
    key_hash: str = ""


class Tokens:
    """Issues and verifies tokens that are valid for `ttl` seconds and one `audience`."""

    def __init__(self, secret: str, ttl: int, audience: str = AUDIENCE) -> None:
        self._secret = secret
        self._ttl = ttl
        self._audience = audience
        self._cache: dict[str, Caller] = {}

    def issue(
        self, user_id: str, role: str, latest: datetime | None = None, *, version: int = 0, key_hash: str = ""
    ) -> str:
        """Issue a token for a user who has logged in. It expires at `latest` if that is earlier than its `ttl`."""
        now = datetime.now(timezone.utc)
        expires = now + timedelta(seconds=self._ttl)
        claims = {
            "sub": user_id,
            "role": role,
            "aud": self._audience,
            "iat": now,
            "exp": min(expires, latest or expires),
            "ver": version,
            "jti": token_urlsafe(12),
            **({"key": key_hash} if key_hash else {}),
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def read(self, token: str) -> Caller:
        """Verify a token and return its user. Raises RefusedError if the token is not ours or has expired."""
        token = token[:MAX_TOKEN_CHARS]
        caller = self._cache.get(token)
        if caller is None:
            caller = self._verify(token)
            if len(self._cache) >= MAX_CACHED_TOKENS:
                self._cache.clear()
            self._cache[token] = caller
        elif caller.expires + timedelta(seconds=CLOCK_SKEW_SECONDS) <= datetime.now(timezone.utc):
            self._cache.pop(token, None)
            raise RefusedError("Invalid token")
        return caller

    def _verify(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=self._audience,
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": ["exp", "iat", "sub", "aud", "jti"]},
            )
            issued, expires = (datetime.fromtimestamp(claims[name], timezone.utc) for name in ("iat", "exp"))
        except (jwt.InvalidTokenError, ValueError, OverflowError, OSError):
            raise RefusedError("Invalid token") from None
        version = claims.get("ver")
        return Caller(
            claims["sub"],
            str(claims.get("role", "user")),
            issued,
            expires,
            version if isinstance(version, int) else 0,
            claims["jti"],
            str(claims.get("key", "")),
        )


def signing_secret(settings: Settings) -> str:
    """The signing key: QCTL_GATEWAY_SECRET, SECRET_KEY, or the one in `gateway.key` in QCTL_HOME, created if missing.

    Raises SettingsError if the key is weak, or if the file cannot be created.
    """
    for name, secret in (("QCTL_GATEWAY_SECRET", settings.gateway_secret), ("SECRET_KEY", settings.secret_key)):
        if secret:
            return _require_strong(name, secret)
    file = settings.make_home() / "gateway.key"
    return _require_strong(str(file), _read_or_create(file))


def _require_strong(name: str, secret: str) -> str:
    if problem := weakness(secret):
        raise SettingsError(
            name, f"{problem}; anyone who guesses it can act as any user", "create one with: qctl config init"
        )
    return secret


def _read_or_create(file: Path) -> str:
    """The key in the file, created if missing. Of several gateways that start at the same time one creates it."""
    ownership.require(file)
    try:
        if not file.exists():
            temporary = file.with_name(f"{file.name}.{os.getpid()}")
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
                out.write(token_urlsafe(32))
            try:
                os.link(temporary, file)  # atomic: the file is complete or absent
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(str(file), f"cannot be used: {error}") from error
