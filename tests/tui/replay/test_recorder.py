"""Recording and replay: the pages of a recording without a Redis, at any position."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.fake import ANSWERS, stats_of
from cli.fake_ingest import READINGS
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.errors import NotFoundError, RedisUnreachableError, RefusedError, UsageError
from qctl.models import Event, QueueStats, Selector
from qctl.tui.replay import codec, recorder
from qctl.tui.replay.calls import Answers, NamedCalls, listed_events
from qctl.tui.replay.player import ReplayClock, replay
from qctl.tui.replay.recorder import RecordingFile, record
from qctl.tui.replay.recording import Recording
from qctl.tui.replay.replay_app import ReplayMonitor
from tui.driving import Driver, drive
from tui.fake import QUEUES, MonitorOps
from tui.test_live import GONE, Stream

UNSHOWN = {"audit__note", "jobs__choose", "jobs__editable"}
"""Operations whose answers no page shows."""

SECRET = "redis://ops:hunter2@redis.example/0 failed, api_key=abcdef, {'password': 'hunter2'}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "seen.jsonl"


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("name", [name for name, answer in ANSWERS.items() if not callable(answer)])
def test_every_answer_survives_the_codec(name: str) -> None:
    answer = ANSWERS[name]
    if name not in UNSHOWN:
        assert codec.decode(json.loads(json.dumps(codec.encode(answer)))) == answer


def test_values_that_json_lacks_survive_the_codec() -> None:
    odd = [math.inf, -math.inf, {1: ("a", frozenset({"b"}))}, {"$": "QueueStats"}, "\ud800\x1b", None, True]
    assert codec.decode(json.loads(json.dumps(codec.encode(odd)))) == odd


@pytest.mark.parametrize(
    "hostile", [{"$": "Popen", "args": "id"}, {"$": ["x"], "is": 1}, {"$": "datetime", "is": 5}, {"$": "Stats"}, {}]
)
def test_decoding_creates_nothing_but_models(hostile: Any) -> None:
    with pytest.raises(ValueError, match="recording"):
        codec.decode(hostile)


def test_a_recording_holds_no_secrets_and_is_private(file: Path) -> None:
    queue = QueueStats("email", error=SECRET)
    event = Event("1-0", "failed", {"reason": SECRET, "token": "hunter2", "queue": "email"})
    recording = RecordingFile(file, "redis://ops:hunter2@redis.example/0")
    ops = record(MonitorOps(stats__read=stats_of(queue), events__list=[event]), recording)
    ops.stats.read()
    ops.events.list(limit=5)
    with pytest.raises(RedisUnreachableError):
        record(MonitorOps(stats__read=RedisUnreachableError(SECRET)), recording).stats.read()
    recording.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "hunter2" not in file.read_text()
    assert "abcdef" not in file.read_text()
    clock = ReplayClock(9.0)
    clock.seek(9.0)
    with Recording(file) as recorded:
        assert replay(recorded, clock).events.list(limit=5)[0].fields["queue"] == "email"
    with pytest.raises(RefusedError, match="cannot create"):
        RecordingFile(file, "")


def test_only_changed_answers_are_written(file: Path) -> None:
    answers = [list(QUEUES), list(QUEUES), [replace(QUEUES[0], waiting=99)]]
    stats = [replace(stats_of(*queues), at=stats_of().at) for queues in answers]
    recording = RecordingFile(file, "")
    ops = record(MonitorOps(stats__read=lambda: stats.pop(0)), recording)
    for _ in range(3):
        ops.stats.read()
    recording.close()
    assert [line["call"] for line in lines(file)[1:]] == ["stats.read[]", "stats.read[]"]


def test_a_large_file_is_compressed_and_a_truncated_one_is_read_to_its_end(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MAX_PLAIN_BYTES", 20_000)
    recording = RecordingFile(file, "")
    for number in range(300):
        recording.write("stats.read[]", answer=codec.encode(stats_of(*QUEUES, QueueStats(f"q{number}"))))
    recording.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(gzip.decompress(file.read_bytes()).splitlines()) == 301
    with Recording(file) as whole:
        assert whole.answer("stats.read[]", math.inf).queues[-1].name == "q299"
    file.write_bytes(file.read_bytes()[:-100])
    with Recording(file) as shortened:
        cut = shortened.answer("stats.read[]", math.inf).queues[-1].name
    assert 200 < int(cut[1:]) < 299


def test_a_write_error_ends_only_the_recording(file: Path) -> None:
    recording = RecordingFile(file, "")
    recording._file.close()
    recording._file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115
    ops = record(MonitorOps(), recording)
    assert ops.stats.read().queues
    assert ops.events.list(limit=5) is not None
    assert recording.problem == "No space left on device"


@pytest.mark.parametrize("text", ["", "{}", "[]", "\xff\x1f", '{"qctl": "monitor", "version": 99}', "\x1f\x8b1234"])
def test_a_file_that_is_no_recording_is_refused(file: Path, text: str) -> None:
    file.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError):
        Recording(file)


def written(file: Path, *said: dict[str, Any]) -> Path:
    """Write a recording of these lines."""
    first = {"qctl": "monitor", "version": 1, "began": "2026-11-22T04:45:00+00:00", "target": "redis://then:6379/0"}
    lines = [first, *sorted(said, key=lambda line: line["at"])]
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return file


def stats_at(at: float, waiting: int) -> dict[str, Any]:
    answer = stats_of(replace(QUEUES[0], waiting=waiting), *QUEUES[1:])
    return {"at": at, "call": "stats.read[]", "answer": codec.encode(answer)}


def event_at(at: float, number: int) -> dict[str, Any]:
    said = [Event(f"{1795000000000 + number}-0", "finished", {"queue": "email", "job": f"then-{number}"})]
    return {"at": at, "call": "events.follow", "answer": codec.encode(said)}


class Names(Answers):
    """Notes the names of calls, and answers None."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def answer(self, name: str, call: Any) -> Any:
        """Answer nothing."""
        self.names.append(name)


def test_calls_have_the_names_of_earlier_recordings() -> None:
    calls, events = Names(), MonitorOps().events
    data = NamedCalls(calls, events)
    selector = Selector(queue="email", fingerprint="f00d", scan=10)
    data.stats.read()
    data.health.check()
    data.dead_letters.groups(None)
    data.dead_letters.list(selector, limit=200)
    data.dead_letters.show("job-1")
    data.jobs.list(Selector(), offset=0, limit=200)
    data.jobs.show("job-1")
    data.workers.list("email")
    data.ingest.status()
    data.ingest.sources()
    data.ingest.topics(sort="rate", limit=50)
    data.metrics.series(seconds=3600.0, step=60.0)
    data.metrics.depths()
    data.schedules.list(queue=None, limit=200)
    data.schedules.next(names=["nightly"], count=10)
    data.daemons.list()
    listed_events(calls, 50)
    assert calls.names == [
        "stats.read[]",
        "health.check[]",
        "dead_letters.groups[null]",
        'dead_letters.list[{"$":"Selector","queue":"email","fingerprint":"f00d","scan":10},'
        '{"$":"dict","is":[["limit",200]]}]',
        'dead_letters.show["job-1"]',
        'jobs.list[{"$":"Selector"},{"$":"dict","is":[["limit",200],["offset",0]]}]',
        'jobs.show["job-1"]',
        'workers.list["email"]',
        "ingest.status[]",
        "ingest.sources[]",
        'ingest.topics[{"$":"dict","is":[["limit",50],["sort","rate"]]}]',
        'metrics.series[{"$":"dict","is":[["seconds",3600.0],["step",60.0]]}]',
        "metrics.depths[]",
        'schedules.list[{"$":"dict","is":[["limit",200],["queue",null]]}]',
        'schedules.next[{"$":"dict","is":[["count",10],["names",["nightly"]]]}]',
        "daemons.list[]",
        'events.list[{"$":"dict","is":[["limit",50]]}]',
    ]


def test_answers_are_those_of_the_position(file: Path) -> None:
    lines = stats_at(1.0, 111), stats_at(5.0, 555), event_at(2.0, 1), event_at(3.0, 2)
    with Recording(written(file, *lines)) as played:
        clock = ReplayClock(played.length)
        clock.pause(True)
        ops = replay(played, clock)
        with pytest.raises(NotFoundError, match="not in the recording"):
            ops.stats.read()
        for at, waiting in ((1.0, 111), (4.9, 111), (5.0, 555), (2.0, 111)):
            clock.seek(at)
            assert ops.stats.read().queues[0].waiting == waiting
        with pytest.raises(NotFoundError):
            ops.jobs.list(Selector(queue="email"), offset=0, limit=200)
        assert [said[0].fields["job"] for said in played.followed(1.0, 2.5)] == ["then-1"]


def play(file: Path, script: Any) -> None:
    async def shown() -> None:
        with Recording(file) as recording:
            app = ReplayMonitor(recording)
            async with app.run_test(size=(120, 30)) as pilot:
                driver = Driver(app, pilot)
                await driver.until("[1 Overview]")
                await script(driver)

    asyncio.run(shown())


def test_the_timeline_seeks(file: Path) -> None:
    written(file, stats_at(0.0, 111), event_at(8.0, 1), stats_at(9.0, 222), stats_at(90.0, 333), stats_at(600.0, 444))

    async def script(driver: Driver) -> None:
        await driver.press("full_stop", "2")
        await driver.until("111")
        assert "redis://then:6379/0" in driver.lines[0]
        assert " paused 00:0" in driver.lines[-2]
        assert " 10:00 " in driver.lines[-2]
        await driver.press("right")
        await driver.until("222")
        await driver.press("shift+right", "right", "right")
        await driver.until("333")
        await driver.press("shift+left", "left")
        await driver.until("222")
        await driver.press("p")
        await driver.until("refused: this is a recording")
        await driver._pilot.click("Timeline", offset=(50, 0))
        await driver.until(lambda: driver.app._clock.at > 300)  # type: ignore[attr-defined]
        await driver.press("less_than_sign", "full_stop")
        await driver.until(" 0.5x ")
        await driver.press(*["shift+right"] * 6)
        await driver.until(" ended  10:00 ")
        await driver.until("444")

    play(file, script)


def test_a_recording_without_topics_shows_its_pipelines(file: Path) -> None:
    pipelines = {"at": 0.0, "call": "ingest.status[]", "answer": codec.encode([READINGS])}
    written(file, stats_at(0.0, 111), pipelines, stats_at(9.0, 111))

    async def script(driver: Driver) -> None:
        await driver.press("full_stop", "7")
        await driver.until("950/1000")
        assert "No topics" in driver.text
        assert "No rejects" in driver.text

    play(file, script)


def test_future_events_are_not_shown(file: Path) -> None:
    written(file, stats_at(0.0, 111), event_at(9.9, 1), event_at(10.3, 2), stats_at(30.0, 222))

    async def script(driver: Driver) -> None:
        await driver.press("9")
        await driver.press("right")
        await driver.until("then-2")
        await driver.press("full_stop", "shift+left")
        await driver.until(lambda: "then-2" not in driver.text and "[9 Events]" in driver.text)
        await driver.press("full_stop", "right")
        await driver.until("then-2")

    play(file, script)


def test_an_outage_of_redis_is_replayed(file: Path) -> None:
    gone = codec.encode_error(GONE)
    back = {"at": 60.0, "call": "events.follow", "answer": []}
    written(file, stats_at(0.0, 111), {"at": 30.0, "call": "events.follow", "error": gone}, back, stats_at(61.0, 222))

    async def script(driver: Driver) -> None:
        await driver.press("2")
        driver.app._clock.seek(29.9)  # type: ignore[attr-defined]
        await driver.until("Redis is away. Redis at localhost does not answer")
        await driver.press("shift+right")
        await driver.until("222")
        await driver.until("● connected")

    play(file, script)


def test_a_recorded_monitor_is_replayed(file: Path) -> None:
    stream, queues = Stream(), list(QUEUES)
    recording = RecordingFile(file, "redis://then:6379/0")
    fake = MonitorOps(stats__read=lambda: stats_of(*queues), events__follow=stream.follow)

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("1204")
        queues[1] = replace(queues[1], waiting=4711)
        time.sleep(0.05)
        stream.happen(Event("1795000000001-0", "finished", {"queue": "email", "job": "then-1"}))
        await driver.until("4711")
        await driver.press("9")
        await driver.until("then-1")

    drive(fake, script, data=record(fake, recording))
    recording.close()

    async def again(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("4711")
        await driver.press("9")
        await driver.until("then-1")

    play(file, again)


@pytest.mark.parametrize(
    "line",
    [
        "--record a --replay b",
        "--record a --web",
        "--port 1",
        "--allow-actions",
        "--web --replay nothing-here.jsonl",
        "--web --replay a --allow-actions",
    ],
)
def test_contradicting_options_are_refused(line: str) -> None:
    assert run(["monitor", *line.split()], Session()) == 2
