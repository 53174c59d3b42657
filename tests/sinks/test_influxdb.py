"""The InfluxDB sink: the contract against VictoriaMetrics, statuses against a server that answers as it is told."""

from __future__ import annotations

import gzip
import secrets
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import influxdb_client
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contract.readings import ReadingsContract, reading, readings
from contract.sink_contract import Item
from qctl.errors import RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.sinks import influxdb
from qctl.sinks.base import ReopeningSink, Sink
from qctl.sinks.influxdb import InfluxSink
from support.process import free_port
from support.servers import VictoriaMetrics

TOO_LONG = 300_000
"""VictoriaMetrics refuses a request that has a longer line than 262,144 bytes, after it took what stands before."""


class TestInfluxSink(ReadingsContract):
    """The contract."""

    @pytest.fixture
    def sink(self, victoria: VictoriaMetrics) -> Iterator[Sink]:
        self.victoria = victoria
        yield from opened(victoria.url)

    @pytest.fixture
    def absent_sink(self) -> Iterator[Sink]:
        yield from opened(f"http://127.0.0.1:{free_port()}")

    def stored(self, scope: str) -> list[Any]:
        found: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
        for series in self.victoria.series(f'{{device=~"{scope}.*"}}'):
            field = series["metric"]["__name__"].removeprefix("sensors_")
            for ts_ms, value in zip(series["timestamps"], series["values"], strict=True):
                place = found[series["metric"]["topic"], ts_ms * 1_000_000]
                assert field not in place, "stored twice"
                place[field] = value
        return sorted(((topic, ts, fields) for (topic, ts), fields in found.items()), key=lambda row: row[1])

    def poison(self, item: Item) -> Item:
        return {**item, "fields": {"a" * TOO_LONG: 1}}


NAMES = st.text(st.characters(min_codepoint=0x20, blacklist_characters="\x7f", blacklist_categories=["Cs"]), min_size=1)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    device=NAMES,
    topic=NAMES,
    tags=st.dictionaries(NAMES, st.text('ab ,="', max_size=4), max_size=2),
    fields=st.dictionaries(
        NAMES,
        st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False),
        min_size=1,
    ),
)
def test_a_line_is_as_the_driver_writes_it(
    device: str, topic: str, tags: dict[str, str], fields: dict[str, Any]
) -> None:
    item = {"device": device, "topic": topic, "tags": tags, "ts_ns": 1, "fields": fields, "received_ns": 1}
    point = influxdb_client.Point("sensors").tag("device", device).tag("topic", topic).time(1)
    for name, text in tags.items():
        point.tag(name, text)
    for name, value in fields.items():
        point.field(name, value if isinstance(value, bool) else float(value))
    try:
        line = influxdb._encode(item)
    except RejectedError:
        assume(False)
    assert line == point.to_line_protocol()


def opened(url: str) -> Iterator[Sink]:
    """An open sink for this server."""
    sink = InfluxSink(url, "s3cret", "our org", "our bucket")
    sink.open()
    yield sink
    sink.close()


class Teller:
    """A server for status codes: it keeps what it is sent, and answers what `answer` says of the lines."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answer: Callable[[list[str]], tuple[int, dict[str, str], bytes]] = lambda _: (204, {}, b"")
        teller = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                lines = gzip.decompress(body).decode().split("\n")
                teller.requests.append(lines)
                teller.headers.append(dict(self.headers))
                teller.paths.append(self.path)
                status, headers, text = teller.answer(lines)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def answers(self, status: int, headers: dict[str, str] | None = None, text: bytes = b"") -> None:
        """Answer all requests with this."""
        self.answer = lambda _: (status, headers or {}, text)


@pytest.fixture
def teller() -> Iterator[Teller]:
    """A server that answers as it is told."""
    teller = Teller()
    teller.thread.start()
    yield teller
    teller.server.shutdown()
    teller.server.server_close()
    teller.thread.join()


@pytest.fixture
def sink(teller: Teller) -> Iterator[Sink]:
    """An open sink for that server."""
    yield from opened(teller.url)


def test_what_is_sent(sink: Sink, teller: Teller) -> None:
    item = {
        "topic": "sensors/a b",
        "device": "a,b",
        "ts_ns": 1_700_000_000_123_456_789,
        "fields": {"whole": 21, "part": 0.5, "large": 2**60, "on": True},
        "received_ns": 1,
    }
    assert sink.write([item]) == []
    assert teller.requests == [
        [
            r"sensors,device=a\,b,topic=sensors/a\ b "
            "large=1.152921504606847e+18,on=true,part=0.5,whole=21 1700000000123456789"
        ]
    ]
    assert teller.headers[0]["Authorization"] == "Token s3cret"
    assert teller.headers[0]["Content-Encoding"] == "gzip"
    assert teller.paths == ["/api/v2/write?org=our+org&bucket=our+bucket&precision=ns"]


def test_tags_of_its_own_are_sent(sink: Sink, teller: Teller) -> None:
    item = {"topic": "t", "device": "d", "ts_ns": 1, "fields": {"x": 1}, "received_ns": 1}
    assert sink.write([{**item, "tags": {"site": "north hall"}}]) == []
    assert teller.requests == [[r"sensors,device=d,site=north\ hall,topic=t x=1 1"]]
    bad: list[object] = ["site", {"a\nb": "c"}, {"site": "c\n"}, {"site": 1}]
    assert [row.index for row in sink.write([{**item, "tags": tags} for tags in bad])] == [0, 1, 2, 3]


def test_a_batch_is_one_request_in_its_order(sink: Sink, teller: Teller) -> None:
    sink.write(readings("a", 100)[::-1])
    (lines,) = teller.requests
    assert lines == sorted(lines, key=lambda line: -int(line.rsplit(" ", 1)[1]))
    assert len(lines) == 100


@pytest.mark.parametrize("status", [400, 422])
def test_a_partial_write_is_taken_apart(sink: Sink, teller: Teller, status: int) -> None:
    text = b'{"code":"invalid","message":"partial write: field type conflict\\ndropped=1"}'
    teller.answer = lambda lines: (status, {}, text) if any("bad" in line for line in lines) else (204, {}, b"")
    batch = [reading("bad" if n == 5 else "a", n) for n in range(16)]
    (refused,) = sink.write(batch)
    assert refused.index == 5
    assert refused.reason == "InfluxDB rejects it: partial write: field type conflict dropped=1"
    assert len(teller.requests) == 9


def test_a_batch_that_is_too_large_is_sent_in_parts(sink: Sink, teller: Teller) -> None:
    teller.answer = lambda lines: (413 if len(lines) > 10 else 204, {}, b"")
    assert sink.write(readings("a", 100)) == []
    taken = [line for lines in teller.requests if len(lines) <= 10 for line in lines]
    assert len(taken) == len(set(taken)) == 100


def test_a_single_row_that_is_too_large_is_refused(sink: Sink, teller: Teller) -> None:
    teller.answers(413, text=b"too large")
    assert [row.index for row in sink.write(readings("a", 2))] == [0, 1]


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, "INFLUX_TOKEN"), (403, "BUCKET"), (404, "BUCKET"), (405, "INFLUX_URL"), (301, "INFLUX_URL")],
)
def test_who_refuses_us_needs_somebody(sink: Sink, teller: Teller, status: int, hint: str) -> None:
    teller.answers(status, {"Location": "/elsewhere"}, b'{"code":"no","message":"not\\nyou"}')
    with pytest.raises(SinkMisconfiguredError) as raised:
        sink.write(readings("a", 4))
    assert raised.value.message == f"InfluxDB at {teller.url} answers {status}: not you"
    assert hint in str(raised.value.hint)
    assert len(teller.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_who_is_busy_is_asked_once_and_later_again(sink: Sink, teller: Teller, status: int) -> None:
    teller.answers(status, text=b"<html>busy</html>")
    with pytest.raises(SinkUnavailableError, match="busy") as raised:
        sink.write(readings("a", 4))
    assert raised.value.retry_after is None
    assert len(teller.requests) == 1
    teller.answers(204)
    assert sink.write(readings("a", 4)) == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (" 120 ", 120.0), ("0", 0.0), ("-5", None), ("soon", None), ("1e9", None), ("9" * 5000, None)],
)
def test_retry_after_in_seconds(sink: Sink, teller: Teller, header: str, seconds: float | None) -> None:
    teller.answers(429, {"Retry-After": header})
    with pytest.raises(SinkUnavailableError) as raised:
        sink.write(readings("a", 1))
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize(("ahead", "least", "most"), [(3600, 3500, 3600), (-3600, 0, 0)])
def test_retry_after_as_a_date(sink: Sink, teller: Teller, ahead: int, least: float, most: float) -> None:
    when = datetime.now(timezone.utc) + timedelta(seconds=ahead)
    teller.answers(503, {"Retry-After": format_datetime(when, usegmt=True)})
    with pytest.raises(SinkUnavailableError) as raised:
        sink.write(readings("a", 1))
    assert raised.value.retry_after is not None
    assert least <= raised.value.retry_after <= most


def test_a_server_that_goes_down_in_the_middle_ends_the_write(sink: Sink, teller: Teller) -> None:
    teller.answer = lambda lines: (400 if len(lines) > 1 else 503, {}, b"")
    with pytest.raises(SinkUnavailableError):
        sink.write(readings("a", 8))
    assert [len(lines) for lines in teller.requests] == [8, 4, 2, 1]


def test_an_answer_that_is_no_text_makes_the_batch_wait(sink: Sink, teller: Teller) -> None:
    teller.answers(502, text=b"\xff\xfe")
    with pytest.raises(SinkUnavailableError):
        sink.write(readings("a", 1))


def test_a_long_answer_is_cut(sink: Sink, teller: Teller) -> None:
    teller.answers(401, text=b"x" * 10_000)
    with pytest.raises(SinkMisconfiguredError) as raised:
        sink.write(readings("a", 1))
    assert len(raised.value.message) < 400


def test_a_server_that_does_not_answer_makes_the_batch_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influxdb, "TIMEOUT_MS", 100)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = InfluxSink(f"http://127.0.0.1:{silent.getsockname()[1]}", "t", "o", "b")
        with pytest.raises(SinkUnavailableError, match="does not answer"):
            ReopeningSink(sink).write(readings("a", 1))


def test_a_server_that_hangs_up_makes_the_batch_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:
        port = rude.getsockname()[1]
        thread = threading.Thread(target=lambda: rude.accept()[0].close())
        thread.start()
        with pytest.raises(SinkUnavailableError, match="does not answer"):
            ReopeningSink(InfluxSink(f"http://127.0.0.1:{port}", "t", "o", "b")).write(readings("a", 1))
        thread.join()


def test_tls_where_there_is_none_needs_somebody(teller: Teller) -> None:
    sink = InfluxSink(teller.url.replace("http:", "https:"), "t", "o", "b")
    with pytest.raises(SinkMisconfiguredError, match="has no valid certificate"):
        ReopeningSink(sink).write(readings("a", 1))


def test_a_password_in_the_url_is_not_shown() -> None:
    sink = InfluxSink(f"http://me:pw{secrets.token_hex(4)}@127.0.0.1:{free_port()}", "s3cret", "o", "b")
    with pytest.raises(SinkUnavailableError) as raised:
        ReopeningSink(sink).write(readings("a", 1))
    assert "me:***@" in raised.value.message
    assert "pw" not in raised.value.message
    assert "s3cret" not in raised.value.message


def test_a_number_too_large_for_a_float_is_refused(sink: Sink) -> None:
    (refused,) = sink.write([reading("a", 0, value=10**400)])
    assert refused.reason == "a number is too large for InfluxDB: 'value'"


def test_a_missing_driver_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "influxdb_client", None)
    with pytest.raises(SinkMisconfiguredError) as raised:
        InfluxSink("http://127.0.0.1:1", "t", "o", "b").open()
    assert raised.value.hint == "pip install 'qctl[influxdb]'"


def test_the_driver_is_not_loaded_before_it_is_needed() -> None:
    code = "import sys, qctl.sinks.influxdb; sys.exit('influxdb_client' in sys.modules or 'urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_closed_sink_is_not_written_to() -> None:
    with pytest.raises(RuntimeError):
        InfluxSink("http://127.0.0.1:1", "t", "o", "b").write([])
