"""Stores readings in InfluxDB: measurement `sensors`, tags `device`, `topic` and the reading's own, a field per value.

Every number is written as a float, because a field whose first value was the integer 21 would reject 21.5 for ever.
That rounds integers beyond 2^53. Booleans stay booleans. A text has the field's name with `_str`, as in Home
Assistant's export: a field that is 21.5 now and "unavailable" later cannot be both. VictoriaMetrics stores text as
0, so set QCTL_READINGS_TEXT=false for it. A field named `time`, which InfluxDB reserves, is named `time_`.

InfluxDB identifies a point by measurement, tags and time, so a batch that is written again changes nothing. Unlike in
SQLite, another reading of the same topic, device and time is not rejected: its fields replace the stored ones.
VictoriaMetrics, which accepts the same requests, does so with `-dedup.minScrapeInterval=1ms`.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from qctl import extras
from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.safe import redact_url, summary
from qctl.sinks.base import Rejection, Row, Sink, write_rows
from qctl.sinks.readings import parse_reading

log = logging.getLogger(__name__)

MEASUREMENT = "sensors"

TEXT_SUFFIX = "_str"
"""End of the names of fields of text."""

TIMEOUT_MS = 10_000
"""Time (ms) to wait for a connection, and for a reply."""

_REJECTED = {400, 413, 422}
"""HTTP statuses of a batch with a bad row, or that is too large."""

_BUSY = {408, 425, 429}
"""HTTP statuses below 500 after which a retry may succeed."""

_HINTS = {401: "set INFLUX_TOKEN", 403: "let the token of INFLUX_TOKEN write to BUCKET", 404: "check ORG and BUCKET"}

_WRONG_TLS = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")
"""TLS failures for which a retry cannot succeed."""

# Line protocol cannot escape a backslash: before a character that can be escaped, or at the end, it begins an escape
# and breaks the line. InfluxDB accepts a quote in the name of a field, but VictoriaMetrics drops the line silently.
_INVALID_NAME = re.compile(r'[\x00-\x1f\x7f]|\\(?=[\\,= "]|$)')
_INVALID_FIELD = re.compile(rf'{_INVALID_NAME.pattern}|"|^$')
_TEXT_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\\\n", "\r": "\\\\r"})
_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})


class InfluxSink(Sink):
    """One bucket of InfluxDB 2, or of a server that accepts its write requests.

    Several URLs are entrances to one store: it stays with the one that answers, and tries the next when that is away.
    """

    def __init__(self, urls: Sequence[str], token: str, org: str, bucket: str) -> None:
        self._urls = deque(urls)
        """The servers, the one in use first."""
        self._token = token
        self._org = org
        self._bucket = bucket
        self._client: Any = None
        self._api: Any = None

    def open(self) -> None:
        """Load the driver. `write` is the first to contact the server."""
        if self._client is not None:
            return
        self._client = _driver("influxdb_client").InfluxDBClient(
            url=self._urls[0], token=self._token, org=self._org, timeout=TIMEOUT_MS, enable_gzip=True, retries=False
        )
        synchronous = _driver("influxdb_client.client.write_api").SYNCHRONOUS
        self._api = self._client.write_api(write_options=synchronous)

    def write(self, batch: Sequence[Any]) -> list[Rejection]:
        """Store readings."""
        if self._client is None:
            raise RuntimeError("the sink is not open")
        return write_rows(batch, _encode, self._post)

    def check(self) -> None:
        """Write a comment: the server checks the token, the organisation and the bucket, and stores nothing.

        Of several servers one is enough, as for a batch.
        """
        self._send(b"# qctl")

    def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            connections = client.api_client.rest_client.pool_manager
            client.close()  # does not close its connections
            connections.clear()

    def _post(self, rows: Sequence[Row[str]]) -> list[Rejection]:
        self._send("\n".join(row.value for row in rows).encode())
        return []

    def _send(self, body: bytes) -> None:
        """Send lines to the server in use, or to the next that answers. Raises the error of the last."""
        for left in reversed(range(len(self._urls))):
            self.open()
            try:
                with self._translate_errors():
                    self._api.write(bucket=self._bucket, record=body)
                break
            except SinkUnavailableError as error:
                if len(self._urls) == 1:
                    raise
                self._turn_to_next()
                if not left:
                    raise
                log.warning("trying the next server: %s", error.message)

    def _turn_to_next(self) -> None:
        self.close()
        self._urls.rotate(-1)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise the driver's errors as SinkError, or as RejectedError if they are caused by the rows."""
        from urllib3.exceptions import HTTPError, LocationValueError

        try:
            yield
        except _driver("influxdb_client.rest").ApiException as error:
            raise self._error_for(error.status or 0, _answer(error), error.retry_after) from error
        except LocationValueError as error:
            raise SinkMisconfiguredError(f"INFLUX_URL cannot be used: {summary(error)}") from error
        except (HTTPError, UnicodeDecodeError) as error:  # the driver decodes answers, also of other servers
            raise SinkUnavailableError(f"{self._where} does not answer: {summary(error)}") from error

    def _error_for(self, status: int, answer: str, retry_after: str | None) -> QctlError:
        """The error for an HTTP status; 0 means that TLS failed."""
        text = f"{self._where} answers {status}: {answer}"
        if status in _REJECTED:
            return RejectedError(f"InfluxDB rejects it: {answer}")
        if status in _BUSY or status >= 500:
            return SinkUnavailableError(text, retry_after=_parse_retry_after(retry_after))
        if status == 0 and not any(sign in answer for sign in _WRONG_TLS):
            return SinkUnavailableError(f"{self._where} does not speak TLS: {answer}")
        return SinkMisconfiguredError(
            text if status else f"{self._where} has no valid certificate: {answer}",
            hint=_HINTS.get(status, "check INFLUX_URL"),
        )

    @property
    def _where(self) -> str:
        return f"InfluxDB at {redact_url(self._urls[0])}"


def _driver(module: str) -> Any:
    return extras.load(module, extra="influxdb", needed_by="INFLUX_URL")


def _encode(item: Any) -> str:
    """The reading in line protocol. Raises RejectedError if it has no form in line protocol.

    The driver's `Point` would take more time for a reading than everything else (measured).
    """
    reading = parse_reading(item)
    series = _series(reading.device, reading.topic, tuple(reading.tags.items()))
    fields = ",".join(
        [
            f"{_field(name)}={_number(name, value)}" if type(value) is not str else _text(name, value, reading.fields)
            for name, value in sorted(reading.fields.items())
        ]
    )
    return f"{series} {fields} {reading.ts_ns}"


@lru_cache(maxsize=4096)
def _series(device: str, topic: str, tags: tuple[tuple[str, str], ...]) -> str:
    """Measurement and tags, sorted as InfluxDB recommends. Tags with empty text are left out: they cannot exist."""
    texts = {"device": device, "topic": topic, **dict(tags)}
    for text in (device, topic, *(part for tag in tags for part in tag)):
        if _INVALID_NAME.search(text):
            raise _invalid_name(text)
    pairs = [f"{name.translate(_ESCAPES)}={text.translate(_ESCAPES)}" for name, text in sorted(texts.items()) if text]
    return ",".join((MEASUREMENT, *pairs))


@lru_cache(maxsize=4096)
def _field(name: str) -> str:
    if _INVALID_FIELD.search(name):
        raise _invalid_name(name)
    return "time_" if name == "time" else name.translate(_ESCAPES)


def _text(name: str, value: str, fields: Mapping[str, object]) -> str:
    """A field of text, under a name that no other field has. A line break would end the point in VictoriaMetrics."""
    name += TEXT_SUFFIX
    while name in fields:
        name += TEXT_SUFFIX
    return f'{_field(name)}="{value.translate(_TEXT_ESCAPES)}"'


def _invalid_name(name: str) -> RejectedError:
    return RejectedError(f"a name cannot be written to InfluxDB: {name!r}")


def _number(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(_float(name, value)).removesuffix(".0")


def _float(name: str, value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise RejectedError(f"a number is too large for InfluxDB: {name!r}") from None


def _answer(error: Any) -> str:
    """The server's answer, else the driver's description."""
    return summary(error.message if error.status else error.reason)


def _parse_retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date; None if it is neither."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,6}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(timezone.utc)).total_seconds()) if when.tzinfo else None
