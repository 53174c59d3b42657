"""A gateway of two processes: both serve, and polling clients keep their session."""

from __future__ import annotations

from pathlib import Path

from support.gateway import Gateway
from support.live import LiveClient
from support.servers import RedisServer
from support.waiting import eventually


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_two_processes_serve_one_address(tmp_path: Path, redis_server: RedisServer) -> None:
    with Gateway(tmp_path, redis_server.url, QCTL_WORKERS="2") as gateway:
        assert len(children(gateway.pid)) == 2
        token = gateway.user("ada@example.com")
        with LiveClient(tmp_path, gateway.url, token, name="ada") as live:
            eventually(lambda: live.records_of("event"), what="its first counts")
            created = gateway.request(
                "POST", "/job/create", {"name": "notify", "data": {"receiverId": "ada", "text": "x"}}, token
            )
            assert created.status == 201
            eventually(lambda: [each for each in live.records_of("event") if each["name"] == "job:created"])
        processes = children(gateway.pid)
        assert gateway.stop() == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in processes)
