"""Signals while uvicorn serves: they reach the daemon's handlers, also if uvicorn has changed."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "[15] False\n"
    assert ("uvicorn changed Server.capture_signals: " in ran.stderr) == bool(change)
