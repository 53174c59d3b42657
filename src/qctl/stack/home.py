"""The state folder: made, locked for one `qctl up` at a time, and freed of what a killed one left."""

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
"""Seconds that servers of a killed `qctl up` may take to write their data and go."""


@contextmanager
def locked(home: Path) -> Iterator[bool]:
    """Hold the folder for this process. Gives True where the last holder was killed, so that its servers may still
    be about to leave.

    The kernel lets go of the lock with the process. The pid in the file is for the reader, and is taken out at an
    orderly end. Raises RefusedError naming who holds the folder.
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
    """End a private Redis that outlived its `qctl up`. Returns its pid, None where there was none.

    Whatever listens on the socket in our locked folder is ours. Raises QctlError where it does not go.
    """
    if not settings.redis_socket.exists():
        return None
    ours = private_redis(settings)
    try:
        with translate_errors(ours), connect(ours, name="qctl-up") as client:
            pid = int(client.info("server")["process_id"])
            client.shutdown(nosave=True)  # no snapshot; the log of writes is flushed all the same
    except RedisUnreachableError:
        return None  # nobody listens: the file is stale, and Redis takes its place
    # Redis takes its socket away when all is on disk. Its pid may stay on as a zombie where nobody waits for it.
    deadline = time.monotonic() + LEAVING
    while settings.redis_socket.exists():
        if time.monotonic() > deadline:
            raise QctlError(f"the Redis of an earlier qctl up (pid {pid}) does not end", hint=f"kill {pid}")
        time.sleep(0.05)
    return pid
