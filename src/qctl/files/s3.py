"""Writes objects to a bucket of S3, or of a server with its protocol.

An object is written by one request, completely or not at all. Its name is the hash of its content, so writing it again
changes nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from qctl import extras
from qctl.errors import QctlError, SinkMisconfiguredError, SinkUnavailableError
from qctl.safe import summary
from qctl.settings import Settings

CONNECT_TIMEOUT_SECONDS = 5
REPLY_TIMEOUT_SECONDS = 10

PROBE_OBJECT = "qctl-doctor"
"""Name for the check; no object with this name is created."""

MAX_ATTEMPTS = 2
"""Maximum requests for an object. With the time-outs above they end before the job's time-out; then the queue waits."""

# All server errors are temporary, and these of the others: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_BUSY = {408, 409, 425, 429}

_CONFIGURATION_ERRORS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
    "SSOTokenLoadError",
    "ProfileNotFound",
    "ConfigParseError",
    "InvalidRegionError",
    "ParamValidationError",
)
"""Errors of the driver in the settings, before it sends anything."""


def put_object(settings: Settings, name: str, data: bytes, media_type: str) -> None:
    """Write an object with a media type to the bucket of the settings.

    Raises SinkUnavailableError if the server is down or busy, and SinkMisconfiguredError if it rejects the request, the
    bucket does not exist, or the driver is not installed.
    """
    with _translate_errors(settings):
        _process_client(settings).put_object(Bucket=settings.s3_bucket, Key=name, Body=data, ContentType=media_type)


def check(settings: Settings) -> None:
    """Check the right to write (s3:PutObject) by a multipart upload that is aborted. Raises as `put_object`."""
    with _translate_errors(settings):
        client, target = _process_client(settings), {"Bucket": settings.s3_bucket, "Key": PROBE_OBJECT}
        upload = client.create_multipart_upload(**target)
        client.abort_multipart_upload(**target, UploadId=upload["UploadId"])


def _process_client(settings: Settings) -> Any:
    """The client of this process. A forked child must not use its parent's connections."""
    return _client(os.getpid(), settings.s3_url, settings.s3_region, settings.s3_key_id, settings.s3_secret_key)


@lru_cache(maxsize=1)
def _client(pid: int, url: str | None, region: str, key_id: str | None, secret_key: str | None) -> Any:
    """Make the driver's client, which takes half a second. Nothing is sent."""
    del pid
    logging.getLogger("botocore").setLevel(logging.WARNING)  # at debug level it logs whole requests, with images
    config = _driver("botocore.config").Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=REPLY_TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        request_checksum_calculation="when_required",  # many servers do not support the new checksums
        response_checksum_validation="when_required",
        user_agent_extra="qctl",
    )
    session = _driver("boto3").session.Session(key_id, secret_key, region_name=region)
    return session.client("s3", endpoint_url=url, config=config)


@contextmanager
def _translate_errors(settings: Settings) -> Iterator[None]:
    """Raise the driver's errors as SinkError."""
    errors = _driver("botocore.exceptions")
    try:
        yield
    except (errors.ClientError, errors.BotoCoreError, ValueError) as error:
        raise _translate(settings, errors, error) from error


def _translate(settings: Settings, errors: Any, error: Any) -> QctlError:
    """Translate a driver's error. An unknown error makes the message wait, and is shown."""
    where = f"the bucket {settings.s3_bucket} at {settings.s3_url or 'AWS'}"
    answer = summary(error)
    if isinstance(error, errors.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        if status >= 500 or status in _BUSY:
            return SinkUnavailableError(f"{where} is busy: {answer}")
        return SinkMisconfiguredError(
            f"{where} rejects the request: {answer}", hint="let QCTL_S3_KEY_ID write into QCTL_S3_BUCKET (s3:PutObject)"
        )
    configuration_errors = tuple(getattr(errors, name) for name in _CONFIGURATION_ERRORS)
    if isinstance(error, (ValueError, *configuration_errors)) or "CERTIFICATE_VERIFY_FAILED" in answer:
        return SinkMisconfiguredError(f"{where} cannot be used: {answer}", hint="check the settings QCTL_S3_...")
    return SinkUnavailableError(f"{where} does not answer: {answer}")


def _driver(module: str) -> Any:
    return extras.load(module, extra="s3", needed_by="QCTL_S3_BUCKET")
