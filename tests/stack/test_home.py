"""The state folder: held by one, and freed of what a killed `qctl up` left."""

from __future__ import annotations

from pathlib import Path

import pytest

from qctl.errors import RefusedError
from qctl.settings import Settings
from qctl.stack.home import locked, stop_leftover_redis
from qctl.stack.servers import redis_server
from support.process import Program
from support.waiting import eventually


@pytest.fixture
def private(tmp_path: Path) -> Settings:
    """Settings that name no Redis."""
    return Settings.load(environ={"QCTL_HOME": str(tmp_path)})


def test_a_redis_left_behind_is_ended(private: Settings, tmp_path: Path) -> None:
    with Program("leftover", redis_server(private).command, tmp_path) as leftover:
        eventually(lambda: private.redis_socket.exists(), what="its socket")
        assert stop_leftover_redis(private) == leftover.pid
        assert leftover.wait() == 0
    assert not private.redis_socket.exists()


def test_a_stale_socket_is_nobody(private: Settings, tmp_path: Path) -> None:
    with Program("killed", redis_server(private).command, tmp_path) as killed:
        eventually(lambda: private.redis_socket.exists(), what="its socket")
        killed.kill()
    assert private.redis_socket.exists()
    assert stop_leftover_redis(private) is None


def test_the_lock_tells_a_kill_from_an_orderly_end(tmp_path: Path) -> None:
    with locked(tmp_path) as killed_before:
        assert not killed_before
        with pytest.raises(RefusedError, match="already running"), locked(tmp_path):
            pass
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    with locked(tmp_path) as killed_before:
        assert not killed_before
    (tmp_path / "up.lock").write_text("4242\n")
    with locked(tmp_path) as killed_before:
        assert killed_before
