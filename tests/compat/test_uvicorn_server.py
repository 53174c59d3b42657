"""Signals while uvicorn serves reach the daemon, and web sockets have a class, also if uvicorn has changed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from qctl.compat import uvicorn_server
from qctl.compat.private_names import PrivateNames
from support.waiting import PATIENCE_SECONDS

PROGRAM = """
import asyncio, os, signal
import uvicorn
from qctl.compat import uvicorn_server

{change}

async def application(scope, receive, send):
    pass

async def main():
    server = uvicorn_server.Server(uvicorn.Config(application, port=0, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    await asyncio.sleep(4 * uvicorn_server.RESTORE_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.1)
    print(received, server.should_exit)
    server.should_exit = True
    await serving

received = []
signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
asyncio.run(main())
"""

CHANGE = """
uvicorn_server.CHANGED = "uvicorn changed Server.capture_signals"
del uvicorn_server.Server.capture_signals
"""


@pytest.mark.parametrize("change", ["", CHANGE], ids=["as pinned", "changed"])
def test_a_signal_reaches_the_daemon_and_not_uvicorn(change: str) -> None:
    program = PROGRAM.format(change=change)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "[15] False\n"
    assert ("uvicorn changed Server.capture_signals: " in ran.stderr) == bool(change)


def test_web_sockets_are_those_of_uvicorn_if_it_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert uvicorn_server.websocket_protocol() is uvicorn_server.RefusableWebSocket
    monkeypatch.setattr(uvicorn_server, "REFUSAL_NAMES", PrivateNames("uvicorn", ("uvicorn:Server.gone",)))
    assert uvicorn_server.websocket_protocol() == "websockets-sansio"
