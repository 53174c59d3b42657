"""A bucket of S3, or of a server that speaks as it does.

An object is written by one request, whole or not at all. What is in it never changes: its name is made of its content,
so whoever writes it again changes nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any

from qctl.errors import QctlError, SinkMisconfiguredError, SinkUnavailableError
from qctl.safe import redact
from qctl.settings import Settings

CONNECTING, REPLYING = 5, 10
"""Seconds to wait for a connection, and for a reply."""

PROBE = "qctl-doctor"
"""The name of an object that is never made."""

ATTEMPTS = 2
"""Requests for an object: with the seconds above fewer than a job has. Who waits longer is the queue."""

# Server errors are the rest of them: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_BUSY = {408, 409, 425, 429}

_OURS = (
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
"""What the driver finds wrong with the settings, before it asks anybody."""

_MAX_ANSWER = 300
"""Characters of an answer that an error repeats."""


def put(settings: Settings, name: str, data: bytes, media_type: str) -> None:
    """Write an object into the bucket of the settings; browsers are told that it is of this type.

    Raises SinkUnavailableError where the server does not answer or is busy, SinkMisconfiguredError where it refuses
    us, there is no such bucket, or the driver is not installed.
    """
    with _translated(settings):
        _connected(settings).put_object(Bucket=settings.s3_bucket, Key=name, Body=data, ContentType=media_type)


def check(settings: Settings) -> None:
    """Find out whether `put` would succeed, and leave nothing: an upload in parts is begun, which takes the same right
    (s3:PutObject), and given up. Raises what `put` raises."""
    with _translated(settings):
        client, place = _connected(settings), {"Bucket": settings.s3_bucket, "Key": PROBE}
        begun = client.create_multipart_upload(**place)
        client.abort_multipart_upload(**place, UploadId=begun["UploadId"])


def _connected(settings: Settings) -> Any:
    """The client of this process: its connections are no child's."""
    return _client(os.getpid(), settings.s3_url, settings.s3_region, settings.s3_key_id, settings.s3_secret_key)


@lru_cache(maxsize=1)
def _client(pid: int, url: str | None, region: str, key_id: str | None, secret_key: str | None) -> Any:
    """The driver's client, which takes half a second to make. Nothing is sent."""
    del pid
    logging.getLogger("botocore").setLevel(logging.WARNING)  # at debug it tells whole requests, with images in them
    config = _driver("botocore.config").Config(
        connect_timeout=CONNECTING,
        read_timeout=REPLYING,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        request_checksum_calculation="when_required",  # many servers that speak S3 do not know the new ones
        response_checksum_validation="when_required",
        user_agent_extra="qctl",
    )
    session = _driver("boto3").session.Session(key_id, secret_key, region_name=region)
    return session.client("s3", endpoint_url=url, config=config)


@contextmanager
def _translated(settings: Settings) -> Iterator[None]:
    """Raise what the driver raises as an error of sinks."""
    errors = _driver("botocore.exceptions")
    try:
        yield
    except (errors.ClientError, errors.BotoCoreError, ValueError) as error:
        raise _meaning(settings, errors, error) from error


def _meaning(settings: Settings, errors: Any, error: Any) -> QctlError:
    """What an error says about us. One that nobody foresaw makes the message wait, and is shown."""
    where = f"the bucket {settings.s3_bucket} at {settings.s3_url or 'AWS'}"
    answer = redact(" ".join(str(error).split())[:_MAX_ANSWER])
    if isinstance(error, errors.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        if status >= 500 or status in _BUSY:
            return SinkUnavailableError(f"{where} is busy: {answer}")
        return SinkMisconfiguredError(
            f"{where} refuses us: {answer}", hint="let QCTL_S3_KEY_ID write into QCTL_S3_BUCKET (s3:PutObject)"
        )
    ours = tuple(getattr(errors, name) for name in _OURS)
    if isinstance(error, (ValueError, *ours)) or "CERTIFICATE_VERIFY_FAILED" in answer:
        return SinkMisconfiguredError(f"{where} cannot be used: {answer}", hint="check the settings QCTL_S3_...")
    return SinkUnavailableError(f"{where} does not answer: {answer}")


def _driver(module: str) -> Any:
    """A module of the driver, loaded when it is needed: it is large, and may not be installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise SinkMisconfiguredError(
            f"QCTL_S3_BUCKET is set and the driver for S3 is not installed: {error}", hint="pip install qctl[s3]"
        ) from error
