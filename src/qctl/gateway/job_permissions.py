"""Permission to request a job over HTTP: by the job's `access` in the catalog, and by its arguments about the caller.

The gateway fills in the caller's values; a user who sends another value is refused. Operators may act for others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, NoReturn

from qctl.catalog.arguments import Argument
from qctl.catalog.specs import JobSpec
from qctl.errors import RefusedError
from qctl.settings import Settings


@dataclass(frozen=True)
class Requester:
    """A user who requests a job. The functions are called only if the job depends on them."""

    id: str
    is_operator: Callable[[], bool]
    address: Callable[[], str | None]
    businesses: Callable[[], Collection[str]]

    @classmethod
    def without_account(cls, user_id: str) -> Requester:
        """A user whose account is not read: the functions raise AccountNeededError."""
        return cls(user_id, _need_account, _need_account, _need_account)


class AccountNeededError(Exception):
    """A permission depends on the account of the user, which the database has."""


def _need_account() -> NoReturn:
    raise AccountNeededError


def authorise(spec: JobSpec, data: Mapping[str, Any], settings: Settings, requester: Requester) -> dict[str, Any]:
    """The arguments of the job with those about the caller filled in. Raises RefusedError."""
    if spec.access == "internal":
        raise RefusedError(f"job {spec.name!r} is created by qctl itself")
    for argument in spec.arguments:
        if argument.caller == "gateway" and argument.name in data:
            raise RefusedError(f"job {spec.name}: {argument.name} is set by the gateway; leave it out")
    for_users = is_for_users(spec, settings)
    is_operator = (not for_users or _names_another(spec, data, requester)) and requester.is_operator()
    if not for_users and not is_operator:
        raise RefusedError(f"users may not create job {spec.name!r}")
    values = dict(data)
    for argument in spec.arguments:
        if not is_operator:
            _check(spec, argument, values, requester)
        _fill_in(argument, values, requester.id)
    return values


def is_for_users(spec: JobSpec, settings: Settings) -> bool:
    """Check whether users may request a job: QCTL_GATEWAY_JOBS can take jobs of the catalog away, not add to them.

    A declared job without an `access` is for users if QCTL_GATEWAY_JOBS names it by more than `*`.
    """
    patterns = _matching(spec.name, settings.gateway_jobs)
    if spec.access is None:
        return any(pattern.strip("*") for pattern in patterns)
    return spec.access in ("user", "member") and bool(patterns)


@lru_cache(maxsize=1024)
def _matching(name: str, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns that match the name of a job of the catalog."""
    return tuple(pattern for pattern in patterns if fnmatchcase(name, pattern))


def _names_another(spec: JobSpec, data: Mapping[str, Any], requester: Requester) -> bool:
    """Check whether an argument breaks a rule that holds for users."""
    try:
        for argument in spec.arguments:
            _check(spec, argument, data, requester)
    except RefusedError:
        return True
    return False


def _check(spec: JobSpec, argument: Argument, values: Mapping[str, Any], requester: Requester) -> None:
    """Raise RefusedError if a value is another's, or of a form that users may not send."""
    value = values.get(argument.name)
    if argument.caller == "business" and str(value) not in requester.businesses():
        raise RefusedError(f"job {spec.name}: {argument.name} must be a business that you are a member of")
    if value is None:
        return
    if argument.user_prefix and not (isinstance(value, str) and value.startswith(argument.user_prefix)):
        raise RefusedError(f"job {spec.name}: {argument.name} must begin with {argument.user_prefix}")
    if argument.caller == "id" and value != requester.id:
        raise RefusedError(f"job {spec.name}: {argument.name} is your own id; leave it out")
    if argument.caller == "sender" and isinstance(value, Mapping) and value.get("senderId") not in (None, requester.id):
        raise RefusedError(f"job {spec.name}: {argument.name}.senderId is your own id; leave it out")
    if argument.caller == "address" and "@" in str(value) and values.get("by") == "email":
        own = requester.address()
        if own is None or str(value).lower() != own.lower():
            raise RefusedError(f"job {spec.name}: {argument.name} must be your own email address")


def _fill_in(argument: Argument, values: dict[str, Any], caller: str) -> None:
    value = values.get(argument.name)
    if argument.caller == "id" and value is None:
        values[argument.name] = caller
    elif argument.caller == "sender" and (value is None or isinstance(value, Mapping)):
        fields = dict(value or {})
        values[argument.name] = fields if fields.get("senderId") else {**fields, "senderId": caller}
