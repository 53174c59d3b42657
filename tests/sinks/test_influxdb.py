"""The InfluxDB sink: its contract against VictoriaMetrics, HTTP statuses against a scripted server."""

from __future__ import annotations

import gzip
import secrets
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
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
"""Length of a line that VictoriaMetrics rejects (more than 262,144 bytes), after it has stored the lines before."""


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
        fields_by_point: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
        for series in self.victoria.series(f'{{device=~"{scope}.*"}}'):
            field = series["metric"]["__name__"].removeprefix("sensors_")
            field = "time" if field == "time_" else field
            for ts_ms, value in zip(series["timestamps"], series["values"], strict=True):
                fields = fields_by_point[series["metric"]["topic"], ts_ms * 1_000_000]
                assert field not in fields, "stored twice"
                fields[field] = value
        rows = [(topic, ts, fields) for (topic, ts), fields in fields_by_point.items()]
        return sorted(rows, key=lambda row: row[1])

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
def test_line_equals_the_drivers_line(device: str, topic: str, tags: dict[str, str], fields: dict[str, Any]) -> None:
    assume("time" not in fields)
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


def test_text_has_a_name_of_its_own_and_ends_no_line() -> None:
    item = {"device": "d", "topic": "t", "ts_ns": 1, "received_ns": 1}
    fields = {"state": 'on "x" \\ \n', "state_str": 1, "time": 2}
    line = influxdb._encode({**item, "fields": fields})
    assert line == r'sensors,device=d,topic=t state_str_str="on \"x\" \\ \\n",state_str=1,time_=2 1'


def opened(url: str) -> Iterator[Sink]:
    """An open sink for this server."""
    sink = InfluxSink([url], "s3cret", "our org", "our bucket")
    sink.open()
    yield sink
    sink.close()


class ScriptedServer:
    """A server that records requests, and answers by the function `answer` of their lines."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answer: Callable[[list[str]], tuple[int, dict[str, str], bytes]] = lambda _: (204, {}, b"")
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                lines = gzip.decompress(body).decode().split("\n")
                scripted.requests.append(lines)
                scripted.headers.append(dict(self.headers))
                scripted.paths.append(self.path)
                status, headers, text = scripted.answer(lines)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def answers(self, status: int, headers: dict[str, str] | None = None, text: bytes = b"") -> None:
        """Answer all requests alike."""
        self.answer = lambda _: (status, headers or {}, text)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A running scripted server."""
    scripted = ScriptedServer()
    scripted.thread.start()
    yield scripted
    scripted.server.shutdown()
    scripted.server.server_close()
    scripted.thread.join()


@pytest.fixture
def sink(server: ScriptedServer) -> Iterator[Sink]:
    """An open sink for the scripted server."""
    yield from opened(server.url)


def test_request_has_line_protocol_and_headers(sink: Sink, server: ScriptedServer) -> None:
    item = {
        "topic": "sensors/a b",
        "device": "a,b",
        "ts_ns": 1_700_000_000_123_456_789,
        "fields": {"whole": 21, "part": 0.5, "large": 2**60, "on": True},
        "received_ns": 1,
    }
    assert sink.write([item]) == []
    assert server.requests == [
        [
            r"sensors,device=a\,b,topic=sensors/a\ b "
            "large=1.152921504606847e+18,on=true,part=0.5,whole=21 1700000000123456789"
        ]
    ]
    assert server.headers[0]["Authorization"] == "Token s3cret"
    assert server.headers[0]["Content-Encoding"] == "gzip"
    assert server.paths == ["/api/v2/write?org=our+org&bucket=our+bucket&precision=ns"]


def test_own_tags_of_a_reading_are_sent(sink: Sink, server: ScriptedServer) -> None:
    item = {"topic": "t", "device": "d", "ts_ns": 1, "fields": {"x": 1}, "received_ns": 1}
    assert sink.write([{**item, "tags": {"site": "north hall"}}]) == []
    assert server.requests == [[r"sensors,device=d,site=north\ hall,topic=t x=1 1"]]
    bad: list[object] = ["site", {"a\nb": "c"}, {"site": "c\n"}, {"site": 1}]
    assert [row.index for row in sink.write([{**item, "tags": tags} for tags in bad])] == [0, 1, 2, 3]


def test_batch_is_one_request_in_order(sink: Sink, server: ScriptedServer) -> None:
    sink.write(readings("a", 100)[::-1])
    (lines,) = server.requests
    assert lines == sorted(lines, key=lambda line: -int(line.rsplit(" ", 1)[1]))
    assert len(lines) == 100


@pytest.mark.parametrize("status", [400, 422])
def test_bad_row_of_a_partial_write_is_found(sink: Sink, server: ScriptedServer, status: int) -> None:
    text = b'{"code":"invalid","message":"partial write: field type conflict\\ndropped=1"}'
    server.answer = lambda lines: (status, {}, text) if any("bad" in line for line in lines) else (204, {}, b"")
    batch = [reading("bad" if n == 5 else "a", n) for n in range(16)]
    (rejected,) = sink.write(batch)
    assert rejected.index == 5
    assert rejected.reason == "InfluxDB rejects it: partial write: field type conflict dropped=1"
    assert len(server.requests) == 9


def test_large_batch_is_sent_in_parts(sink: Sink, server: ScriptedServer) -> None:
    server.answer = lambda lines: (413 if len(lines) > 10 else 204, {}, b"")
    assert sink.write(readings("a", 100)) == []
    stored = [line for lines in server.requests if len(lines) <= 10 for line in lines]
    assert len(stored) == len(set(stored)) == 100


def test_large_row_is_rejected(sink: Sink, server: ScriptedServer) -> None:
    server.answers(413, text=b"too large")
    assert [row.index for row in sink.write(readings("a", 2))] == [0, 1]


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, "INFLUX_TOKEN"), (403, "BUCKET"), (404, "BUCKET"), (405, "INFLUX_URL"), (301, "INFLUX_URL")],
)
def test_status_of_a_wrong_setting_is_misconfigured(sink: Sink, server: ScriptedServer, status: int, hint: str) -> None:
    server.answers(status, {"Location": "/elsewhere"}, b'{"code":"no","message":"not\\nyou"}')
    with pytest.raises(SinkMisconfiguredError) as raised:
        sink.write(readings("a", 4))
    assert raised.value.message == f"InfluxDB at {server.url} answers {status}: not you"
    assert hint in str(raised.value.hint)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_busy_status_is_unavailable_without_retry(sink: Sink, server: ScriptedServer, status: int) -> None:
    server.answers(status, text=b"<html>busy</html>")
    with pytest.raises(SinkUnavailableError, match="busy") as raised:
        sink.write(readings("a", 4))
    assert raised.value.retry_after is None
    assert len(server.requests) == 1
    server.answers(204)
    assert sink.write(readings("a", 4)) == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (" 120 ", 120.0), ("0", 0.0), ("-5", None), ("soon", None), ("1e9", None), ("9" * 5000, None)],
)
def test_retry_after_in_seconds(sink: Sink, server: ScriptedServer, header: str, seconds: float | None) -> None:
    server.answers(429, {"Retry-After": header})
    with pytest.raises(SinkUnavailableError) as raised:
        sink.write(readings("a", 1))
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize(("ahead", "minimum", "maximum"), [(3600, 3500, 3600), (-3600, 0, 0)])
def test_retry_after_as_a_date(sink: Sink, server: ScriptedServer, ahead: int, minimum: float, maximum: float) -> None:
    when = datetime.now(timezone.utc) + timedelta(seconds=ahead)
    server.answers(503, {"Retry-After": format_datetime(when, usegmt=True)})
    with pytest.raises(SinkUnavailableError) as raised:
        sink.write(readings("a", 1))
    assert raised.value.retry_after is not None
    assert minimum <= raised.value.retry_after <= maximum


def test_server_that_goes_down_ends_the_write(sink: Sink, server: ScriptedServer) -> None:
    server.answer = lambda lines: (400 if len(lines) > 1 else 503, {}, b"")
    with pytest.raises(SinkUnavailableError):
        sink.write(readings("a", 8))
    assert [len(lines) for lines in server.requests] == [8, 4, 2, 1]


def test_binary_answer_is_unavailable(sink: Sink, server: ScriptedServer) -> None:
    server.answers(502, text=b"\xff\xfe")
    with pytest.raises(SinkUnavailableError):
        sink.write(readings("a", 1))


def test_long_answer_is_cut(sink: Sink, server: ScriptedServer) -> None:
    server.answers(401, text=b"x" * 10_000)
    with pytest.raises(SinkMisconfiguredError) as raised:
        sink.write(readings("a", 1))
    assert len(raised.value.message) < 400


def test_silent_server_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influxdb, "TIMEOUT_MS", 100)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = InfluxSink([f"http://127.0.0.1:{silent.getsockname()[1]}"], "t", "o", "b")
        with pytest.raises(SinkUnavailableError, match="does not answer"):
            ReopeningSink(sink).write(readings("a", 1))


def test_the_next_server_is_used_if_one_is_away(victoria: VictoriaMetrics, caplog: pytest.LogCaptureFixture) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    device = f"d-{secrets.token_hex(4)}"
    with closing(InfluxSink([away, victoria.url], "t", "o", "b")) as sink:
        sink.open()
        for batch in (readings(device, 3), readings(device, 6)):
            assert sink.write(batch) == []
        sink.check()
    assert caplog.text.count("trying the next server") == 1, "it stays with the one that answers"
    assert any(device in series["metric"]["device"] for series in victoria.series(f'{{device=~"{device}.*"}}'))


def test_an_error_of_all_servers_is_raised_once() -> None:
    urls = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
    with closing(ReopeningSink(InfluxSink(urls, "t", "o", "b"))) as sink, pytest.raises(SinkUnavailableError):
        sink.write(readings("a", 1))


def test_closed_connection_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
        thread = threading.Thread(target=lambda: closing.accept()[0].close())
        thread.start()
        with pytest.raises(SinkUnavailableError, match="does not answer"):
            ReopeningSink(InfluxSink([f"http://127.0.0.1:{port}"], "t", "o", "b")).write(readings("a", 1))
        thread.join()


def test_missing_tls_is_misconfigured(server: ScriptedServer) -> None:
    sink = InfluxSink([server.url.replace("http:", "https:")], "t", "o", "b")
    with pytest.raises(SinkMisconfiguredError, match="has no valid certificate"):
        ReopeningSink(sink).write(readings("a", 1))


def test_password_in_the_url_is_not_shown() -> None:
    sink = InfluxSink([f"http://me:pw{secrets.token_hex(4)}@127.0.0.1:{free_port()}"], "s3cret", "o", "b")
    with pytest.raises(SinkUnavailableError) as raised:
        ReopeningSink(sink).write(readings("a", 1))
    assert "me:***@" in raised.value.message
    assert "pw" not in raised.value.message
    assert "s3cret" not in raised.value.message


def test_number_too_large_for_a_float_is_rejected(sink: Sink) -> None:
    (rejected,) = sink.write([reading("a", 0, value=10**400)])
    assert rejected.reason == "a number is too large for InfluxDB: 'value'"


def test_missing_driver_has_an_install_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "influxdb_client", None)
    with pytest.raises(SinkMisconfiguredError) as raised:
        InfluxSink(["http://127.0.0.1:1"], "t", "o", "b").open()
    assert raised.value.hint == "pip install 'qctl[influxdb]'"


def test_driver_is_loaded_when_needed() -> None:
    code = "import sys, qctl.sinks.influxdb; sys.exit('influxdb_client' in sys.modules or 'urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_write_to_a_closed_sink_raises() -> None:
    with pytest.raises(RuntimeError):
        InfluxSink(["http://127.0.0.1:1"], "t", "o", "b").write([])
