"""Test live events with the official client and with python-socketio: own jobs only, and replay after a reconnect."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import socketio
from redis import Redis

from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.gateway.tokens import PANEL_AUDIENCE, Tokens
from qctl.service import QueueService
from qctl.settings import Settings
from support.gateway import SECRET, Gateway
from support.live import LiveClient
from support.node import OLD
from support.waiting import PATIENCE_SECONDS, eventually

MakeClient = Callable[..., LiveClient]

SUCCESS_EVENTS = ["job:created", "pending>running", "running>completed", "job:completed"]


class Site:
    """A producer and a worker beside the gateway."""

    def __init__(self, settings: Settings, connection: Redis) -> None:
        self._settings, self._connection = settings, connection
        self.service = QueueService(settings)

    def run(self, owner: str, name: str = "My Job") -> str:
        """Create a job and run it."""
        job_id = self.service.enqueue("simulate", {"name": name}, owner=owner, attempts=0)
        QctlWorker(["tests"], self._connection, self._settings, "inline").work(burst=True)
        return job_id


@pytest.fixture
def site(make_settings: Callable[..., Settings], connection: Redis) -> Iterator[Site]:
    site = Site(make_settings(QCTL_JOBS_MODULES="support.declared"), connection)
    yield site
    site.service.close()


@pytest.fixture
def make_client(tmp_path: Path, shared_gateway: Gateway, socketio_client: Path) -> Iterator[MakeClient]:
    """Starts clients and waits until they are connected."""
    clients: list[LiveClient] = []

    def make(token: str | None, url: str = shared_gateway.url, **options: Any) -> LiveClient:
        clients.append(LiveClient(tmp_path, url, token, name=f"live-{len(clients)}", **options))
        clients[-1].start()
        return clients[-1]

    yield make
    for client in clients:
        client.end()


def token_of(user: str, seconds: int = 600) -> str:
    return Tokens(SECRET, seconds).issue(user, "user", version=1)


@pytest.fixture(autouse=True)
def _sessions(connection: Redis) -> None:
    """The session version of the tokens that `token_of` makes."""
    connection.hset(keys.USER_SESSIONS, mapping=dict.fromkeys(("ada", "bob", "eve"), 1))


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_user_receives_events_of_own_jobs_only(site: Site, make_client: MakeClient, transport: str) -> None:
    ada, bob = make_client(token_of("ada"), transports=[transport]), make_client(token_of("bob"))
    eventually(lambda: ada.records_of("connect") and bob.records_of("connect"))
    done = site.run("ada")
    eventually(lambda: ada.events_of(done) == SUCCESS_EVENTS, what=f"all of {done}")
    created, started, _, completed = [
        event["content"] for event in ada.records_of("event") if "_id" in event["content"]
    ]
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
    eventually(lambda: bob.events_of(bobs) == SUCCESS_EVENTS)
    assert ada.events_of(bobs) == bob.events_of(done) == []


def test_dead_letter_is_sent_under_both_event_names(site: Site, make_client: MakeClient) -> None:
    ada = make_client(token_of("ada"))
    dead = site.run("ada", "this will fail")
    expected = ["job:created", "pending>running", "running>dlq", "job:movedToDLQ", "job:dlq"]
    eventually(lambda: ada.events_of(dead) == expected)


def test_stats_request_is_answered(site: Site, make_client: MakeClient) -> None:
    site.run("ada")
    site.run("ada", "fail")
    ada = make_client(token_of("ada"))
    found = eventually(lambda: [event for event in ada.records_of("event") if event["name"] == "stats:update"])
    assert found[0]["content"] == {"pending": 0, "running": 0, "completed": 1, "failed": 1, "total": 2}


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_missed_events_are_replayed_after_a_reconnect(site: Site, make_client: MakeClient, transport: str) -> None:
    ada = make_client(token_of("ada"), transports=[transport], extraHeaders={"User-Agent": "Mozilla/5.0"})
    first = site.run("ada")
    eventually(lambda: ada.events_of(first) == SUCCESS_EVENTS)
    ada.drop()
    eventually(lambda: ada.records_of("disconnect"))
    missed = [site.run("ada") for _ in range(3)]
    assert not any(ada.events_of(job_id) for job_id in missed)
    ada.reconnect()
    eventually(lambda: len(ada.records_of("connect")) == 2, what="it comes back")
    assert ada.records_of("connect")[-1]["recovered"]
    eventually(lambda: all(ada.events_of(job_id) == SUCCESS_EVENTS for job_id in missed), what="the missed events")
    assert ada.events_of(first) == SUCCESS_EVENTS, "received events are not sent again"


def test_another_gateway_replays_events_after_a_kill(
    site: Site, make_client: MakeClient, make_gateway: Callable[..., Gateway]
) -> None:
    gateway = make_gateway()
    ada = make_client(token_of("ada"), gateway.url, extraHeaders={"User-Agent": "Mozilla/5.0"})
    first = site.run("ada")
    eventually(lambda: ada.events_of(first) == SUCCESS_EVENTS)
    gateway.kill()
    missed = site.run("ada")
    gateway.start()
    eventually(lambda: ada.events_of(missed) == SUCCESS_EVENTS, what="the events while no gateway ran")
    assert gateway.stop() == 0, "clients do not delay the shutdown"
    eventually(lambda: ada.records_of("disconnect"))
    assert all(event["active"] for event in ada.records_of("disconnect")), "the client reconnects by itself"


def test_keys_of_another_type_do_not_stop_the_gateway(
    site: Site, make_client: MakeClient, shared_gateway: Gateway, connection: Redis
) -> None:
    ada = make_client(token_of("ada"))
    eventually(lambda: ada.records_of("connect"))
    connection.set(keys.job("odd"), "not a job")
    connection.xadd(keys.EVENTS, {"event": "finished", "job": "odd", "owner": "ada"})
    readable = site.run("ada")
    eventually(lambda: ada.events_of(readable) == SUCCESS_EVENTS, what="events of jobs beside an unreadable one")
    connection.rename(keys.EVENTS, "aside")
    connection.set(keys.EVENTS, "not a stream")
    eventually(lambda: "live events are interrupted" in shared_gateway.output)
    assert shared_gateway.request("GET", "/healthz").status == 200
    connection.rename("aside", keys.EVENTS)
    later = site.run("ada")
    eventually(lambda: ada.events_of(later) == SUCCESS_EVENTS, what="later events, once the stream is restored")


def test_old_client_receives_events(site: Site, make_client: MakeClient) -> None:
    ada = make_client(token_of("ada"), version=OLD)
    done = site.run("ada")
    eventually(lambda: ada.events_of(done) == SUCCESS_EVENTS)


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, "Authentication error: No token provided"),
        ("", "Authentication error: No token provided"),
        ("nonsense", "Authentication error: Invalid token"),
        (Tokens("another-key-of-somebody-else-42-42", 600).issue("ada", "user"), "Authentication error: Invalid token"),
        (Tokens(SECRET, -60).issue("ada", "user"), "Authentication error: Invalid token"),
        (Tokens(SECRET, 600, PANEL_AUDIENCE).issue("ada", "admin"), "Authentication error: Invalid token"),
    ],
)
def test_invalid_token_is_refused(make_client: MakeClient, token: str | None, message: str) -> None:
    client = make_client(token)
    assert client.records_of("connect_error")[0]["message"] == message
    assert not client.records_of("connect")


def test_expired_token_ends_the_connection(make_client: MakeClient) -> None:
    client = make_client(token_of("ada", 2))
    eventually(lambda: client.records_of("disconnect"))
    assert client.records_of("disconnect")[0] == {
        "what": "disconnect",
        "reason": "io server disconnect",
        "active": False,
    }


class PythonClient:
    """A client of python-socketio, with handlers as in its documentation."""

    def __init__(self, url: str, **auth: Any) -> None:
        self.received: list[tuple[Any, ...]] = []
        self._client = socketio.Client(reconnection=False)
        self._client.on("job:completed", lambda *arguments: self.received.append(arguments))
        self._client.connect(url, auth=auth, transports=["websocket"], wait_timeout=PATIENCE_SECONDS)

    def ask(self) -> Any:
        return self._client.call("request:stats", timeout=20)

    def end(self) -> None:
        self._client.shutdown()


def test_python_client_gets_the_offset_only_if_it_asks(site: Site, shared_gateway: Gateway) -> None:
    plain = PythonClient(shared_gateway.url, token=token_of("ada"))
    recovering = PythonClient(shared_gateway.url, token=token_of("ada"), recover=True)
    first = site.run("ada")
    eventually(lambda: plain.received and recovering.received)
    assert [job["_id"] for (job,) in plain.received] == [first]
    (_, offset) = recovering.received[0]
    assert plain.ask()["completed"] == 1
    plain.end()
    recovering.end()
    second = site.run("ada")
    again = PythonClient(shared_gateway.url, token=token_of("ada"), recover=True, offset=offset)
    eventually(lambda: again.received)
    assert [job["_id"] for job, _ in again.received] == [second]
    again.end()


@pytest.mark.parametrize("auth", [[], "x", {"token": ["x"]}, {"token": token_of("a"), "pid": 7, "offset": "1-" * 99}])
def test_malformed_authentication_is_harmless(shared_gateway: Gateway, auth: Any) -> None:
    opened = shared_gateway.request("GET", "/socket.io/?EIO=4&transport=polling").body.decode()
    sid = json.loads(opened[1:])["sid"]
    path = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
    assert shared_gateway.request("POST", path, f"40{json.dumps(auth)}".encode()).status == 200
    assert shared_gateway.request("GET", path).status == 200
    assert shared_gateway.request("POST", path, b"\xff\xfe").status == 400
    assert shared_gateway.request("GET", "/sync").status == 200
