"""Connects to MongoDB, and translates the driver's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from qctl import extras
from qctl.errors import QctlError, SinkMisconfiguredError, SinkUnavailableError, UnusableError
from qctl.ownership import find_violation
from qctl.safe import redact_url, summary

CONNECT_TIMEOUT_MS = 10_000
"""Time (ms) to find a primary, and to wait for a connection."""

REPLY_TIMEOUT_MS = 30_000
"""Time (ms) to wait for a reply."""

DATABASE = "qctl"
"""Database to use if MONGODB_URI names none."""

_CERTIFICATE_OPTIONS = ("tlscafile", "tlscertificatekeyfile", "tlscrlfile")
"""Options of a URI, in lower case, that name files which decide whom qctl trusts, and as whom it logs in."""

# Codes of https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
DUPLICATE_KEY = 11000
BUSY = {
    43,  # cursor killed
    46,  # lock timeout
    50,  # time limit
    64,  # write concern not reached
    91,  # shutting down
    112,  # write conflict
    189,  # primary stepped down
    262,  # time limit
    10107,  # no primary
    11600,  # interrupted by shutdown
    11602,  # interrupted by a change of roles
    13435,  # no primary
    14031,  # disk full
}
_ACCESS_DENIED = {11, 13, 18, 33, 8000}  # no such user, not allowed, wrong password, mechanism, denied by Atlas


def connect(uri: str, collection: str, *, timeout_ms: int | None = None) -> tuple[Any, Any]:
    """Make a client, to be closed, and a collection. Nothing is sent yet.

    Writes return when a majority of the replica set has them in its journals. `timeout_ms` is CONNECT_TIMEOUT_MS by
    default. Raises SinkError.
    """
    _check_certificates(uri)
    timeout = CONNECT_TIMEOUT_MS if timeout_ms is None else timeout_ms
    with translate_errors(uri):
        client = driver("pymongo").MongoClient(
            uri,
            appname="qctl",
            serverSelectionTimeoutMS=timeout,
            connectTimeoutMS=timeout,
            socketTimeoutMS=REPLY_TIMEOUT_MS,
        )
        durable = driver("pymongo.write_concern").WriteConcern(w="majority", j=True)
        return client, client.get_default_database(DATABASE).get_collection(collection, write_concern=durable)


def _check_certificates(uri: str) -> None:
    """Raise SinkMisconfiguredError if the URI names a certificate that breaks the ownership rule."""
    for option, file in parse_qsl(uri.partition("?")[2]):
        violation = find_violation(file) if option.lower() in _CERTIFICATE_OPTIONS else None
        if violation:
            raise SinkMisconfiguredError(
                f"{option} of MONGODB_URI is not read, because {violation.text}", violation.fix
            )


@contextmanager
def translate_errors(uri: str) -> Iterator[None]:
    """Raise the driver's errors as SinkError."""
    errors = driver("pymongo.errors")
    try:
        yield
    except (errors.PyMongoError, ValueError) as error:
        raise _translate(uri, errors, error) from error


def _translate(uri: str, errors: Any, error: Any) -> QctlError:
    """Translate a driver's error. An unknown error makes the batch wait, and is shown."""
    answer = summary(error)
    is_invalid = isinstance(error, (errors.ConfigurationError, ValueError)) and "lifetime expired" not in answer
    if is_invalid:
        return UnusableError("MONGODB_URI", f"cannot be used: {answer}", hint="set MONGODB_URI")
    if "CERTIFICATE_VERIFY_FAILED" in answer:
        return SinkMisconfiguredError(f"MONGODB_URI cannot be used: {answer}", hint="set MONGODB_URI")
    if getattr(error, "code", None) in _ACCESS_DENIED:
        return SinkMisconfiguredError(
            f"{server_name(uri)} rejects the request: {answer}",
            hint="let the user of MONGODB_URI read and write its database",
        )
    return SinkUnavailableError(f"{server_name(uri)} cannot be written to: {answer}")


def server_name(uri: str) -> str:
    """The server's name in errors, without its password."""
    return f"MongoDB at {redact_url(uri)}"


def driver(module: str) -> Any:
    """A module of the driver."""
    return extras.load(module, extra="mongodb", needed_by="MONGODB_URI")
