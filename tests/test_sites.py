"""QueueSites: jobs spread over several sites by key."""

from __future__ import annotations

import os
import pickle
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from qctl import QueueSites
from qctl.errors import NotFoundError, QctlError, RateLimitedError, SettingsError, UnreachableError, UsageError
from qctl.settings import Settings
from support.waiting import eventually

MakeSettings = Callable[..., Settings]


@pytest.fixture
def sites(make_settings: MakeSettings) -> Iterator[QueueSites]:
    """Three sites in one Redis: one has the prefix of this process."""
    prefixes = {"eu": {}, "us": {"QUEUE_PREFIX": "{us}"}, "asia": {"QUEUE_PREFIX": "{asia}"}}
    with QueueSites({name: make_settings(**more) for name, more in prefixes.items()}) as sites:
        yield sites


def test_keys_choose_the_same_site_in_every_process(sites: QueueSites) -> None:
    assert [sites.name_of(f"customer-{n}") for n in range(6)] == ["eu", "asia", "eu", "eu", "eu", "eu"]
    share = Counter(sites.name_of(str(n)) for n in range(3000))
    assert all(800 < count < 1200 for count in share.values())


def test_another_site_takes_over_its_share_alone(sites: QueueSites, make_settings: MakeSettings) -> None:
    with QueueSites({name: make_settings() for name in (*sites.names, "africa")}) as more:
        moved = {more.name_of(str(n)) for n in range(1000) if more.name_of(str(n)) != sites.name_of(str(n))}
    assert moved == {"africa"}


def test_each_job_lies_at_the_site_of_its_key(sites: QueueSites, connection: Redis) -> None:
    ids = {name: sites.site(name).notify(receiverId=1, text="a") for name in sites.names}
    queues = {"eu": "rq:queue:notification", "us": "{us}:queue:notification", "asia": "{asia}:queue:notification"}
    for name, key in queues.items():
        assert connection.lrange(key, 0, -1) == [ids[name].encode()]
        assert sites.site(name).status(ids[name]).state == "queued"
    assert sites.site("us").cancel(ids["us"])
    assert connection.llen(queues["us"]) == 0


def test_errors_are_those_of_the_service(sites: QueueSites, make_settings: MakeSettings) -> None:
    with pytest.raises(NotFoundError, match="'absent'"):
        sites.site("us").enqueue("absent")
    with pytest.raises(UsageError):
        sites.site("us").enqueue("notify", {"receiverId": []})
    with pytest.raises(NotFoundError) as unknown:
        sites.site("mars")
    assert unknown.value.hint == "sites: eu, us, asia"
    settings = make_settings(QUEUE_PREFIX="{us}", QCTL_OWNER_PER_MINUTE="1")
    with QueueSites({"us": settings}) as limited:
        limited.of("k").notify(receiverId=1, text="a", owner="me")
        with pytest.raises(RateLimitedError) as caught:
            limited.of("k").notify(receiverId=1, text="b", owner="me")
        assert caught.value.retry_after


def test_process_that_died_is_started_again(sites: QueueSites, connection: Redis) -> None:
    sites.site("us").notify(receiverId=1, text="a")
    (pid,) = _children()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: _died(pid), what="the death of the process")
    assert sites.site("us").notify(receiverId=1, text="b")
    assert connection.llen("{us}:queue:notification") == 2
    sites.close()
    assert not _children()


def _children() -> list[int]:
    """Ids of the processes that serve a site for this one."""
    mine = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [int(pid) for file in mine for pid in file.read_text().split()]
    return [pid for pid in pids if b"qctl.site_process" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _died(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_contexts_are_sites(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "qctl"
    folder.mkdir(parents=True)
    file = folder / "config.toml"
    file.write_text(
        f'[contexts.eu]\nREDIS_URL = "{settings.redis_url}"\n'
        f'[contexts.us]\nREDIS_URL = "{settings.redis_url}"\nQUEUE_PREFIX = "{{us}}"\n'
    )
    file.chmod(0o600)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with QueueSites(["eu", "us"]) as sites:
        job = sites.site("us").notify(receiverId=1, text="a")
        assert sites.site("us").status(job).state == "queued"
        with pytest.raises(NotFoundError):
            sites.site("eu").status(job)
    with pytest.raises(NotFoundError):
        QueueSites(["mars"])
    with pytest.raises(UsageError):
        QueueSites([])


@pytest.mark.parametrize(
    ("url", "error"), [("redis+cluster://127.0.0.1:1/", UsageError), ("redis://127.0.0.1:1/0", UnreachableError)]
)
def test_settings_that_cannot_be_used_are_told_by_the_first_call(
    make_settings: MakeSettings, url: str, error: type[QctlError]
) -> None:
    with QueueSites({"us": make_settings(QUEUE_PREFIX="us", REDIS_URL=url)}) as sites, pytest.raises(error):
        sites.of("k").notify(receiverId=1, text="a")


def test_errors_survive_the_way_between_processes() -> None:
    for error in (
        SettingsError("NAME", "is wrong", "mend it"),
        NotFoundError("no", ("near",), "hint"),
        RateLimitedError("slow", "wait", 7),
        QctlError("plain"),
    ):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
