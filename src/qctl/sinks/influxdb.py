"""Readings in InfluxDB: measurement `sensors`, tags `device`, `topic` and those of its own, one field for each value.

Every number is written as a float: a field whose first value was 21 would refuse 21.5 for ever. Whole numbers beyond
2^53 are rounded by that. Booleans stay booleans.

InfluxDB identifies a point by measurement, tags and time, so a batch that is written again changes nothing. Another
reading of the same topic, device and time is not refused, as SQLite does: its fields take the place of the stored ones.
VictoriaMetrics, which takes the same requests, has to be told to do so: `-dedup.minScrapeInterval=1ms`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache
from importlib import import_module
from typing import Any

from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.safe import redact_url
from qctl.sinks.base import Refused, Row, Sink, write_rows
from qctl.sinks.readings import reading

MEASUREMENT = "sensors"

TIMEOUT_MS = 10_000
"""Milliseconds to wait for a connection and a reply."""

_REFUSED_ROWS = {400, 413, 422}
"""Statuses by which the server says that something in the batch is bad, or that it is too large."""

_BUSY = {408, 425, 429}
"""Statuses below 500 by which the server says: later."""

_HINTS = {401: "set INFLUX_TOKEN", 403: "let the token of INFLUX_TOKEN write to BUCKET", 404: "check ORG and BUCKET"}

_WRONG_TLS = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")
"""Failures to speak TLS that waiting does not mend."""

# Line protocol has no escape for the backslash itself: before a character that can be escaped, or at the end, it is
# taken for the beginning of an escape and the line falls apart. A quote in the name of a field is a letter like any
# other for InfluxDB, and makes VictoriaMetrics drop the line without a word.
_UNSPEAKABLE = re.compile(r'[\x00-\x1f\x7f]|\\(?=[\\,= "]|$)')
_UNSPEAKABLE_FIELD = re.compile(rf'{_UNSPEAKABLE.pattern}|"|^$|^time$')
_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_MAX_ANSWER = 300


class InfluxSink(Sink):
    """One bucket of an InfluxDB 2, or of what takes its write requests."""

    def __init__(self, url: str, token: str, org: str, bucket: str) -> None:
        self._url = url
        self._token = token
        self._org = org
        self._bucket = bucket
        self._client: Any = None
        self._api: Any = None

    def open(self) -> None:
        """Load the driver. The server is asked for the first time by `write`."""
        if self._client is not None:
            return
        self._client = _driver("influxdb_client").InfluxDBClient(
            url=self._url, token=self._token, org=self._org, timeout=TIMEOUT_MS, enable_gzip=True, retries=False
        )
        synchronous = _driver("influxdb_client.client.write_api").SYNCHRONOUS
        self._api = self._client.write_api(write_options=synchronous)

    def write(self, batch: Sequence[Any]) -> list[Refused]:
        """Store readings."""
        if self._client is None:
            raise RuntimeError("a sink is opened before it is written to")
        return write_rows(batch, _line, self._post)

    def check(self) -> None:
        """Write a comment: the server looks at the token, the organisation and the bucket, and stores nothing."""
        self.open()
        with self._translated():
            self._api.write(bucket=self._bucket, record=b"# qctl")

    def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            connections = client.api_client.rest_client.pool_manager
            client.close()  # it forgets its connections without closing them
            connections.clear()

    def _post(self, rows: Sequence[Row[str]]) -> list[Refused]:
        body = "\n".join(row.form for row in rows).encode()
        with self._translated():
            self._api.write(bucket=self._bucket, record=body)
        return []

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise what the driver raises as an error of sinks, or as RejectedError where the rows are at fault."""
        from urllib3.exceptions import HTTPError, LocationValueError

        try:
            yield
        except _driver("influxdb_client.rest").ApiException as error:
            raise self._meaning(error.status or 0, _answer(error), error.retry_after) from error
        except LocationValueError as error:
            raise SinkMisconfiguredError(f"INFLUX_URL cannot be used: {_line_of(error)}") from error
        except (HTTPError, UnicodeDecodeError) as error:  # the driver decodes answers, also those of other servers
            raise SinkUnavailableError(f"{self._where} does not answer: {_line_of(error)}") from error

    def _meaning(self, status: int, answer: str, retry_after: str | None) -> QctlError:
        """What an HTTP status says about us and the batch. 0: TLS failed."""
        text = f"{self._where} answers {status}: {answer}"
        if status in _REFUSED_ROWS:
            return RejectedError(f"InfluxDB refuses it: {answer}")
        if status in _BUSY or status >= 500:
            return SinkUnavailableError(text, retry_after=_seconds(retry_after))
        if status == 0 and not any(sign in answer for sign in _WRONG_TLS):
            return SinkUnavailableError(f"{self._where} cannot be spoken to: {answer}")
        return SinkMisconfiguredError(
            text if status else f"{self._where} cannot be trusted: {answer}",
            hint=_HINTS.get(status, "check INFLUX_URL"),
        )

    @property
    def _where(self) -> str:
        return f"InfluxDB at {redact_url(self._url)}"


def _driver(module: str) -> Any:
    """A module of the driver, loaded when it is needed: it is large, and may not be installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise SinkMisconfiguredError(
            f"INFLUX_URL is set and the driver for InfluxDB is not installed: {error}",
            hint="pip install qctl[influxdb]",
        ) from error


def _line(item: Any) -> str:
    """The reading in line protocol. Raises RejectedError where that cannot express it.

    Written by hand: the driver's `Point` takes more time for a reading than all else of it (measured).
    """
    found = reading(item)
    series = _series(found.device, found.topic, tuple(found.tags.items()))
    fields = ",".join([f"{_field(name)}={_number(name, value)}" for name, value in sorted(found.fields.items())])
    return f"{series} {fields} {found.ts_ns}"


@lru_cache(maxsize=4096)
def _series(device: str, topic: str, tags: tuple[tuple[str, str], ...]) -> str:
    """Measurement and tags, sorted as InfluxDB likes them. A tag without a text is left out: there is none."""
    texts = {"device": device, "topic": topic, **dict(tags)}
    for text in (device, topic, *(part for tag in tags for part in tag)):
        if _UNSPEAKABLE.search(text):
            raise _unspeakable(text)
    written = [f"{name.translate(_ESCAPES)}={text.translate(_ESCAPES)}" for name, text in sorted(texts.items()) if text]
    return ",".join((MEASUREMENT, *written))


@lru_cache(maxsize=4096)
def _field(name: str) -> str:
    if _UNSPEAKABLE_FIELD.search(name):
        raise _unspeakable(name)
    return name.translate(_ESCAPES)


def _unspeakable(name: str) -> RejectedError:
    return RejectedError(f"a name cannot be written to InfluxDB: {name!r}")


def _number(name: str, value: int | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(_float(name, value)).removesuffix(".0")


def _float(name: str, value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise RejectedError(f"a number is too large for InfluxDB: {name!r}") from None


def _answer(error: Any) -> str:
    """What the server said, or the driver about it."""
    return _line_of(error.message if error.status else error.reason)


def _line_of(text: object) -> str:
    return " ".join(str(text).split())[:_MAX_ANSWER]


def _seconds(retry_after: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or as a date; None where it says nothing sensible."""
    text = (retry_after or "").strip()
    if re.fullmatch(r"[0-9]{1,6}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(timezone.utc)).total_seconds()) if when.tzinfo else None
