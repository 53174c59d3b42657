"""Authenticates Socket.IO clients by SOCKET_TOKEN or by a JWT of SECRET_KEY. If neither is set, all are admitted."""

from __future__ import annotations

import hmac
from typing import Any

from qctl.errors import RefusedError
from qctl.settings import Settings

LEEWAY_SECONDS = 30
"""Difference allowed between this clock and that of a token's issuer."""

MAX_TOKEN_CHARACTERS = 8000
"""Maximum length of a token. With it, the packet that carries it may have 8 kB."""


class WrongTokenError(RefusedError):
    """The token is not one that was ever valid: it may be a guess."""


def admit(settings: Settings, auth: Any) -> str | None:
    """Check a client's `auth`. Returns the only user whose messages it may send, None if it may send any.

    A token is SOCKET_TOKEN itself, or a JWT signed with SECRET_KEY by HS256. A JWT must expire, and its claim
    QCTL_JWT_CLAIM is the user. Raises RefusedError, WrongTokenError if the token may be a guess.
    """
    if not (settings.socket_token or settings.secret_key):
        return None
    token = auth.get("token") if isinstance(auth, dict) else None
    if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN_CHARACTERS:
        raise RefusedError("a token is required as auth.token")
    if settings.socket_token and hmac.compare_digest(_bytes(token), _bytes(settings.socket_token)):
        return None
    if settings.secret_key:
        return _user_of(token, settings)
    raise WrongTokenError("the token is not valid")


def _user_of(token: str, settings: Settings) -> str:
    import jwt  # only if JWTs are used

    claim = settings.jwt_claim
    try:
        claims = jwt.decode(
            token,
            settings.secret_key or "",
            algorithms=["HS256"],
            audience=settings.jwt_audience,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", claim, *(["aud"] if settings.jwt_audience else [])]},
        )
    except jwt.ExpiredSignatureError:
        raise RefusedError("the token has expired") from None
    except jwt.MissingRequiredClaimError as error:
        raise RefusedError(f"the token has no claim {error.claim}") from None
    except (jwt.InvalidTokenError, ValueError):
        raise WrongTokenError("the token is not valid") from None
    user = claims[claim]
    if not isinstance(user, (str, int)) or isinstance(user, bool) or user == "":
        raise RefusedError(f"the claim {claim} of the token is not the name of a user")
    return str(user)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
