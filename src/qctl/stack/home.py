"""The state folder: created, locked for one `qctl up` at a time, and cleaned of the leftovers of a killed one."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qctl.broker.redis.connection import connect, translate_errors
from qctl.errors import QctlError, RedisUnreachableError, RefusedError, SettingsError
from qctl.settings import Settings
from qctl.stack.servers import private_redis

LEAVING = 15.0
"""Time (s) allowed for servers of a killed `qctl up` to write their data and exit."""


@contextmanager
def locked(home: Path) -> Iterator[bool]:
    """Lock the folder for this process. Yields True if the last holder was killed, so that its servers may still be
    running.

    The kernel releases the lock when the process ends. The pid in the file is for people, and is removed at an orderly
    end. Raises RefusedError that names the holder of the folder.
    """
    file = home / "up.lock"
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError("QCTL_HOME", f"{str(file)!r} cannot be written: {error.strerror}") from None
    try:
        said = os.read(descriptor, 32).decode(errors="replace").strip()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError(
                f"qctl up is already running (pid {said or 'unknown'}) for {home}",
                hint="for a second one beside it set QCTL_HOME, MQTT_PORT and PORT",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        try:
            yield bool(said)
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def stop_leftover_redis(settings: Settings) -> int | None:
    """End a private Redis that outlived its `qctl up`. Returns its pid, None if there was none.

    Any process that listens on the socket in our locked folder is ours. Raises QctlError if it does not exit.
    """
    if not settings.redis_socket.exists():
        return None
    ours = private_redis(settings)
    try:
        with translate_errors(ours), connect(ours, name="qctl-up") as client:
            pid = int(client.info("server")["process_id"])
            client.shutdown(nosave=True)  # no snapshot; the append-only file is flushed anyway
    except RedisUnreachableError:
        return None  # nobody listens: the file is stale, and Redis replaces it
    # Redis removes its socket when all data is on disk. Its pid may remain as a zombie if no parent waits for it.
    deadline = time.monotonic() + LEAVING
    while settings.redis_socket.exists():
        if time.monotonic() > deadline:
            raise QctlError(f"the Redis of an earlier qctl up (pid {pid}) does not end", hint=f"kill {pid}")
        time.sleep(0.05)
    return pid
