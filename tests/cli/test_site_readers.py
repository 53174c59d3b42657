"""Contexts with different prefixes in the monitor: read in processes of their own, opened by another start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qctl.cli import site_readers
from qctl.cli.commands import monitor
from qctl.cli.output import Output
from qctl.cli.session import Session
from support import stock
from support.servers import RedisServer


@pytest.fixture
def contexts(tmp_path: Path, redis_server: RedisServer) -> None:
    """Two contexts in one Redis, one of them with a prefix."""
    file = tmp_path / "config" / "qctl" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    url = redis_server.url
    file.write_text(
        f'[contexts.eu]\nREDIS_URL = "{url}"\n[contexts.us]\nREDIS_URL = "{url}"\nQUEUE_PREFIX = "{{us}}"\n'
    )
    file.chmod(0o600)
    with redis_server.connect() as client:
        stock.enqueue(client, "mail", "a")
        client.sadd("{us}:queues", "{us}:queue:files")
        client.rpush("{us}:queue:files", "b", "c")


@pytest.mark.usefixtures("contexts")
def test_each_context_shows_its_own_queues() -> None:
    readers = site_readers.readers(Session().of_context("eu", Output()))
    found = {
        name: {queue.name: queue.waiting for queue in read()[0].queues if queue.waiting}
        for name, read in readers.items()
    }
    assert found == {"eu": {"mail": 1}, "us": {"files": 2}}


@pytest.mark.usefixtures("contexts")
def test_a_context_with_another_prefix_is_opened_by_another_start(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(
        os, "execve", lambda _program, words, env: started.append([*words, env.get("RQ_KEY_PREFIX", "")])
    )
    monkeypatch.setattr(monitor.sys, "argv", ["qctl", "monitor", "--read-only"])  # type: ignore[attr-defined]
    session = Session()
    eu = session.of_context("eu", Output())
    assert monitor._open(session, eu, "eu").options.context == "eu"
    assert not started
    monitor._open(session, eu, "us")
    assert started[0][-5:] == ["monitor", "--read-only", "--context", "us", ""]
