"""Tokens: a JWT says who a user is until it expires, to whichever gateway is asked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from secrets import token_urlsafe

import jwt

from qctl.errors import RefusedError, SettingsError
from qctl.settings import Settings

ALGORITHM = "HS256"

AUDIENCE = "qctl-gateway"
"""What a token of ours is good for. One that the same key signed for something else is refused."""

PANEL = "qctl-gateway-panel"
"""What the cookie of the panel is good for."""

SHORTEST = 32
"""Bytes of a key: no fewer than the hash has (RFC 7518, section 3.2)."""

LEAST_VARIETY = 10
"""Different characters of a key. 32 random bytes in hexadecimal have 16, or now and then one or two fewer."""

LEEWAY = 10
"""Seconds that the clocks of several gateways may differ."""

MOST = 4096
"""Characters of a token that are looked at; one of ours has some 250."""

REMEMBERED = 10_000
"""Tokens that were found good and are not verified again, only their end: that was a third of what a request takes."""

_EXAMPLE = re.compile(r"your[-_ ]|change[-_ ]?(this|me|it)\b|secret[-_ ]key", re.IGNORECASE)


@dataclass(frozen=True)
class Caller:
    """Whom a token names, by the id of the user, since when and until when."""

    id: str
    role: str
    issued: datetime
    expires: datetime


class Tokens:
    """Signs and reads tokens that last `ttl` seconds and are good for one thing alone, the `audience`."""

    def __init__(self, secret: str, ttl: int, audience: str = AUDIENCE) -> None:
        self._secret = secret
        self._ttl = ttl
        self._audience = audience
        self._known: dict[str, Caller] = {}

    def issue(self, user_id: str, role: str, most: datetime | None = None) -> str:
        """A token for a user who has logged in. It is good until `most` at most."""
        now = datetime.now(timezone.utc)
        ends = now + timedelta(seconds=self._ttl)
        claims = {
            "sub": user_id,
            "role": role,
            "aud": self._audience,
            "iat": now,
            "exp": min(ends, most or ends),
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def read(self, token: str) -> Caller:
        """Whom the token names. Raises RefusedError where we did not sign it, or it is no longer good."""
        token = token[:MOST]
        known = self._known.get(token)
        if known is None:
            known = self._verified(token)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[token] = known
        elif known.expires + timedelta(seconds=LEEWAY) <= datetime.now(timezone.utc):
            self._known.pop(token, None)
            raise RefusedError("Invalid token")
        return known

    def _verified(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "sub", "aud"]},
            )
            issued, expires = (datetime.fromtimestamp(claims[name], timezone.utc) for name in ("iat", "exp"))
        except (jwt.InvalidTokenError, ValueError, OverflowError, OSError):
            raise RefusedError("Invalid token") from None
        return Caller(claims["sub"], str(claims.get("role", "user")), issued, expires)


def secret_of(settings: Settings) -> str:
    """The key that signs: QCTL_GATEWAY_SECRET, SECRET_KEY, or that of the file in QCTL_HOME, which is made.

    Raises SettingsError where it is weak, or the file cannot be made.
    """
    for name, given in (("QCTL_GATEWAY_SECRET", settings.gateway_secret), ("SECRET_KEY", settings.secret_key)):
        if given:
            return _strong(name, given)
    file = settings.make_home() / "gateway.key"
    return _strong(str(file), _kept(file))


def _strong(name: str, secret: str) -> str:
    problem = None
    if len(secret.encode()) < SHORTEST:
        problem = f"is shorter than {SHORTEST} bytes"
    elif _EXAMPLE.search(secret):
        problem = "is an example of somebody's"
    elif len(set(secret)) < LEAST_VARIETY:
        problem = "repeats a few characters"
    if problem:
        raise SettingsError(name, f"{problem}: whoever guesses it is any user", "`qctl config init` makes a good one")
    return secret


def _kept(file: Path) -> str:
    """The key in the file, a new one where there is none. Of several who start at the same time one makes it."""
    try:
        if not file.exists():
            made = file.with_name(f"{file.name}.{os.getpid()}")
            with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
                out.write(token_urlsafe(32))
            try:
                os.link(made, file)  # whole, or not at all
            except FileExistsError:
                pass
            finally:
                made.unlink()
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(str(file), f"cannot be used: {error}") from error
