"""Gateways and batchers behind a load balancer: one that stops is taken out before it refuses, and nothing is lost."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import Redis

from support.balancer import Balancer
from support.batcher import Batcher, Sender, message, messages
from support.gateway import Gateway
from support.ingest import items
from support.process import Program
from support.servers import RedisServer
from support.waiting import eventually

TOKEN = "Rq3-8vXw_1KfT0bNcY7uLr5HdPm2GsEj"

NOTICE_SECONDS = "6"
"""QCTL_DRAIN_NOTICE: many times the interval of the balancer's checks."""

POSTS = 60

MESSAGES = 200


@contextmanager
def balanced(servers: Sequence[Gateway | Batcher]) -> Iterator[Balancer]:
    """Two servers of a kind behind a balancer that has found both."""
    with ExitStack() as running:
        for server in servers:
            running.enter_context(server)
        balancer = running.enter_context(Balancer([server.port for server in servers]))
        eventually(lambda: len(balancer.well) == len(servers), what="two servers that are well")
        yield balancer


def post(url: str, number: int) -> int:
    """Post a reading by a connection of its own. Returns the status; raises OSError where the connection fails."""
    body = {"device": "attic", "n": number, "timestamp": 1_700_000_000_000 + number}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    content = json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/api/readings", content, headers)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def gateways(folder: Path, redis_url: str) -> list[Gateway]:
    """Two gateways that give notice before they stop."""
    env = {"QCTL_READINGS_TOKEN": TOKEN, "QCTL_DRAIN_NOTICE": NOTICE_SECONDS}
    return [Gateway(folder, redis_url, name=f"gateway{n}", **env) for n in (1, 2)]


def stop_in_background(program: Program) -> threading.Thread:
    """End a program by SIGTERM, and wait for that in a thread."""
    thread = threading.Thread(target=program.stop)
    thread.start()
    return thread


def test_a_gateway_that_stops_is_taken_out_before_it_refuses(
    connection: Redis, redis_server: RedisServer, tmp_path: Path
) -> None:
    first, second = gateways(tmp_path, redis_server.url)
    with balanced([first, second]) as balancer:
        url = f"http://127.0.0.1:{balancer.port}"
        statuses = [post(url, number) for number in range(POSTS // 2)]
        stopping = stop_in_background(first)
        statuses += [post(url, number) for number in range(POSTS // 2, POSTS)]
        eventually(lambda: balancer.well == [second.port], what="one gateway that is well")
        assert first.running, "it ended before the balancer knew"
        stopping.join()
        statuses.append(post(url, POSTS))
        assert Counter(statuses) == {202: POSTS + 1}
        eventually(lambda: numbers(connection) == set(range(POSTS + 1)), what="all readings")


def numbers(connection: Redis) -> set[int]:
    """Numbers of the readings in Redis."""
    return {item["fields"]["n"] for item in items(connection)}


def test_a_gateway_answers_503_for_its_health_while_it_serves_on(redis_server: RedisServer, tmp_path: Path) -> None:
    (gateway, _) = gateways(tmp_path, redis_server.url)
    with gateway:
        stopping = stop_in_background(gateway)
        eventually(lambda: gateway.request("GET", "/healthz").status == 503, what="the notice")
        answer = gateway.request("GET", "/healthz").json
        assert (answer["ok"], answer["reason"]) == (False, "the gateway is shutting down")
        assert post(gateway.url, 1) == 202
        stopping.join()


@pytest.mark.kill
@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_client_that_reconnects_elsewhere_loses_and_doubles_nothing(
    connection: Redis, redis_server: RedisServer, tmp_path: Path, killed: bool
) -> None:
    notice = {"QCTL_DRAIN_NOTICE": NOTICE_SECONDS}
    first, second = (Batcher(tmp_path, redis_server.url, name=f"batcher{n}", **notice) for n in (1, 2))
    with balanced([first, second]) as balancer, Sender(f"http://127.0.0.1:{balancer.port}") as client:
        mine = next(batcher for batcher in (first, second) if batcher.health["connections"])
        other = second if mine is first else first
        sent = messages("m", MESSAGES)
        for content in sent[: MESSAGES // 2]:
            client.send(content)
        if killed:
            mine.kill()
        else:
            stopping = stop_in_background(mine)
            eventually(lambda: balancer.well == [other.port], what="one batcher that is well")
            assert mine.running, "it ended before the balancer knew"
        client.send_until_acked(sent)
        if not killed:
            stopping.join()
        eventually(lambda: other.health["connections"] == 1, what="the client at the other batcher")
        client.send_until_acked([message("last")])
        stored = Counter(item["msg_id"] for item in items(connection, "messages"))
        assert stored == Counter(content["msg_id"] for content in [*sent, message("last")])
