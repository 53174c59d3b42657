"""The live side, with the official client and python-socketio's: what happens to one's jobs, and what was missed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import socketio
from redis import Redis

from qctl.broker.redis import keys
from qctl.broker.worker.inline_worker import InlineWorker
from qctl.gateway.tokens import PANEL, Tokens
from qctl.service import QueueService
from qctl.settings import Settings
from support.gateway import SECRET, Gateway
from support.live import LiveClient
from support.node import OLD
from support.waiting import eventually

MakeClient = Callable[..., LiveClient]

ENDS_WELL = ["job:created", "pending>running", "running>completed", "job:completed"]


class Site:
    """Producers and a worker, apart from the gateway."""

    def __init__(self, settings: Settings, connection: Redis) -> None:
        self._settings, self._connection = settings, connection
        self.service = QueueService(settings)

    def run(self, owner: str, name: str = "My Job") -> str:
        """Create a job and run it."""
        job_id = self.service.enqueue("simulate", {"name": name}, owner=owner, attempts=0)
        InlineWorker(["tests"], self._connection, self._settings).work(burst=True)
        return job_id


@pytest.fixture
def site(make_settings: Callable[..., Settings], connection: Redis) -> Iterator[Site]:
    site = Site(make_settings(QCTL_JOBS_MODULES="support.declared"), connection)
    yield site
    site.service.close()


@pytest.fixture
def make_client(tmp_path: Path, shared_gateway: Gateway, socketio_client: Path) -> Iterator[MakeClient]:
    """Makes clients that have connected."""
    made: list[LiveClient] = []

    def make(token: str | None, url: str = shared_gateway.url, **options: Any) -> LiveClient:
        made.append(LiveClient(tmp_path, url, token, name=f"live-{len(made)}", **options))
        made[-1].start()
        return made[-1]

    yield make
    for client in made:
        client.end()


def token_of(user: str, seconds: int = 600) -> str:
    return Tokens(SECRET, seconds).issue(user, "user")


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_user_sees_what_happens_to_own_jobs_alone(site: Site, make_client: MakeClient, transport: str) -> None:
    ada, bob = make_client(token_of("ada"), transports=[transport]), make_client(token_of("bob"))
    eventually(lambda: ada.tells("connect") and bob.tells("connect"))
    done = site.run("ada")
    eventually(lambda: ada.heard(done) == ENDS_WELL, what=f"all of {done}")
    created, started, _, completed = [each["content"] for each in ada.tells("event") if "_id" in each["content"]]
    assert {**created, "con": 0, "mon": 0} == {
        "_id": done,
        "name": "simulate",
        "ownerId": "ada",
        "status": "pending",
        "retryCount": 0,
        "con": 0,
        "mon": 0,
    }
    assert (started["status"], started["oldStatus"], started["newStatus"]) == ("running", "pending", "running")
    assert started["job"]["_id"] == started["jobId"] == done
    assert completed["status"] == "completed"
    bobs = site.run("bob")
    eventually(lambda: bob.heard(bobs) == ENDS_WELL)
    assert ada.heard(bobs) == bob.heard(done) == []


def test_a_dead_letter_is_told_by_both_names(site: Site, make_client: MakeClient) -> None:
    ada = make_client(token_of("ada"))
    dead = site.run("ada", "this will fail")
    expected = ["job:created", "pending>running", "running>dlq", "job:movedToDLQ", "job:dlq"]
    eventually(lambda: ada.heard(dead) == expected)


def test_numbers_are_told_to_who_asks(site: Site, make_client: MakeClient) -> None:
    site.run("ada")
    site.run("ada", "fail")
    ada = make_client(token_of("ada"))
    found = eventually(lambda: [each for each in ada.tells("event") if each["name"] == "stats:update"])
    assert found[0]["content"] == {"pending": 0, "running": 0, "completed": 1, "failed": 1, "total": 2}


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_what_a_page_missed_is_told_when_it_comes_back(site: Site, make_client: MakeClient, transport: str) -> None:
    ada = make_client(token_of("ada"), transports=[transport], extraHeaders={"User-Agent": "Mozilla/5.0"})
    first = site.run("ada")
    eventually(lambda: ada.heard(first) == ENDS_WELL)
    ada.drop()
    eventually(lambda: ada.tells("disconnect"))
    missed = [site.run("ada") for _ in range(3)]
    assert not any(ada.heard(job_id) for job_id in missed)
    ada.come_back()
    eventually(lambda: len(ada.tells("connect")) == 2, what="it comes back")
    assert ada.tells("connect")[-1]["recovered"]
    eventually(lambda: all(ada.heard(job_id) == ENDS_WELL for job_id in missed), what="the missed events")
    assert ada.heard(first) == ENDS_WELL, "what was heard before is not told again"


def test_another_gateway_goes_on_where_one_was_killed(
    site: Site, make_client: MakeClient, make_gateway: Callable[..., Gateway]
) -> None:
    gateway = make_gateway()
    ada = make_client(token_of("ada"), gateway.url, extraHeaders={"User-Agent": "Mozilla/5.0"})
    first = site.run("ada")
    eventually(lambda: ada.heard(first) == ENDS_WELL)
    gateway.kill()
    missed = site.run("ada")
    gateway.start()
    eventually(lambda: ada.heard(missed) == ENDS_WELL, 30, "what happened while there was no gateway")
    assert gateway.stop() == 0, "clients keep no gateway from ending"
    eventually(lambda: ada.tells("disconnect"))
    assert all(each["active"] for each in ada.tells("disconnect")), "it comes back by itself"


def test_keys_of_another_type_end_no_gateway(
    site: Site, make_client: MakeClient, shared_gateway: Gateway, connection: Redis
) -> None:
    ada = make_client(token_of("ada"))
    eventually(lambda: ada.tells("connect"))
    connection.set(keys.job("odd"), "not a job")
    connection.xadd(keys.EVENTS, {"event": "finished", "job": "odd", "owner": "ada"})
    told = site.run("ada")
    eventually(lambda: ada.heard(told) == ENDS_WELL, what="jobs beside one that cannot be read")
    connection.rename(keys.EVENTS, "aside")
    connection.set(keys.EVENTS, "not a stream")
    eventually(lambda: "nobody is told what happens" in shared_gateway.output)
    assert shared_gateway.ask("GET", "/healthz").status == 200
    connection.rename("aside", keys.EVENTS)
    later = site.run("ada")
    eventually(lambda: ada.heard(later) == ENDS_WELL, what="the rest, once it is mended")


def test_an_old_client_hears_too(site: Site, make_client: MakeClient) -> None:
    ada = make_client(token_of("ada"), version=OLD)
    done = site.run("ada")
    eventually(lambda: ada.heard(done) == ENDS_WELL)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (None, "Authentication error: No token provided"),
        ("", "Authentication error: No token provided"),
        ("nonsense", "Authentication error: Invalid token"),
        (Tokens("another-key-of-somebody-else-42-42", 600).issue("ada", "user"), "Authentication error: Invalid token"),
        (Tokens(SECRET, -60).issue("ada", "user"), "Authentication error: Invalid token"),
        (Tokens(SECRET, 600, PANEL).issue("ada", "admin"), "Authentication error: Invalid token"),
    ],
)
def test_without_a_good_token_nobody_comes_in(make_client: MakeClient, token: str | None, why: str) -> None:
    client = make_client(token)
    assert client.tells("connect_error")[0]["message"] == why
    assert not client.tells("connect")


def test_a_token_that_expires_ends_the_connection(make_client: MakeClient) -> None:
    client = make_client(token_of("ada", 2))
    eventually(lambda: client.tells("disconnect"))
    assert client.tells("disconnect")[0] == {"what": "disconnect", "reason": "io server disconnect", "active": False}


class Listener:
    """python-socketio's client, with handlers as its documentation shows."""

    def __init__(self, url: str, **auth: Any) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self._client = socketio.Client(reconnection=False)
        self._client.on("job:completed", lambda *told: self.heard.append(told))
        self._client.connect(url, auth=auth, transports=["websocket"], wait_timeout=20)

    def ask(self) -> Any:
        return self._client.call("request:stats", timeout=20)

    def end(self) -> None:
        self._client.shutdown()


def test_a_client_in_python_hears_one_argument_and_more_where_it_asks(site: Site, shared_gateway: Gateway) -> None:
    plain = Listener(shared_gateway.url, token=token_of("ada"))
    recovering = Listener(shared_gateway.url, token=token_of("ada"), recover=True)
    first = site.run("ada")
    eventually(lambda: plain.heard and recovering.heard)
    assert [told["_id"] for (told,) in plain.heard] == [first]
    (_, offset) = recovering.heard[0]
    assert plain.ask()["completed"] == 1
    plain.end()
    recovering.end()
    second = site.run("ada")
    again = Listener(shared_gateway.url, token=token_of("ada"), recover=True, offset=offset)
    eventually(lambda: again.heard)
    assert [told["_id"] for told, _ in again.heard] == [second]
    again.end()


@pytest.mark.parametrize("auth", [[], "x", {"token": ["x"]}, {"token": token_of("a"), "pid": 7, "offset": "1-" * 99}])
def test_nonsense_in_the_hands_of_the_door_does_no_harm(shared_gateway: Gateway, auth: Any) -> None:
    opened = shared_gateway.ask("GET", "/socket.io/?EIO=4&transport=polling").body.decode()
    sid = json.loads(opened[1:])["sid"]
    path = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
    assert shared_gateway.ask("POST", path, f"40{json.dumps(auth)}".encode()).status == 200
    assert shared_gateway.ask("GET", path).status == 200
    assert shared_gateway.ask("POST", path, b"\xff\xfe").status == 400
    assert shared_gateway.ask("GET", "/sync").status == 200
