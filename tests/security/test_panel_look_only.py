"""The panel that may only look: no other setting of the gateway or of its folder lifts that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from qctl.broker.redis import keys
from support.gateway import Gateway
from support.web_terminal import TerminalSession, panel_cookie

ADMIN_KEY = "7f3c9a51e8d24b60a1c95e7d38f2b046"


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_no_other_setting_lets_it_change_anything(
    make_gateway: Callable[..., Gateway], connection: Redis, tmp_path: Path, place: str
) -> None:
    lifting = {"QCTL_ALLOWED_COMMANDS": "monitor", "QCTL_READ_ONLY": "false"}
    if place == ".env":
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in lifting.items()))
    gateway = make_gateway(QUEUE_ADMIN_KEY=ADMIN_KEY, **(lifting if place == "environment" else {}))
    Queue("apples", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    cookie = panel_cookie(gateway.port, ADMIN_KEY)
    url = f"ws://127.0.0.1:{gateway.port}/admin/queues/socket?width=100&height=30"
    session = TerminalSession(url, origin=gateway.url, cookie=cookie)
    session.until("connected")
    session.press("2")
    session.until("[2 Queues]")
    session.until("apples")
    session.press("p")
    session.until("refused")
    session.socket.close()
    assert not connection.exists(keys.PAUSED)
