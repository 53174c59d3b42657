"""A Redis that Sentinel watches: one primary, two replicas, three Sentinels, all on 127.0.0.1."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import TracebackType

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from support.process import Program, free_port
from support.servers import RedisServer, redis_command
from support.waiting import eventually

SERVICE = "orders"

DOWN_AFTER_MS = 1000
"""Time without an answer after which a Sentinel takes a server for dead."""

FAILOVER_TIMEOUT_MS = 4000
"""Half the time after which a failover that did not succeed is tried again."""


class SentinelServer(Program):
    """One Sentinel, with a quorum of two, that listens on `address`. `primary` is the first primary."""

    def __init__(
        self,
        folder: Path,
        name: str,
        primary: tuple[str, int],
        *lines: str,
        address: str = "127.0.0.1",
        down_after_ms: int = DOWN_AFTER_MS,
        failover_timeout_ms: int = FAILOVER_TIMEOUT_MS,
    ) -> None:
        self.address, self.port = address, free_port()
        config = folder / f"{name}.conf"
        config.write_text(
            "\n".join(
                [
                    f"port {self.port}",
                    f"bind {address}",
                    "protected-mode no",
                    f"dir {folder}",
                    f"sentinel monitor {SERVICE} {primary[0]} {primary[1]} 2",
                    f"sentinel down-after-milliseconds {SERVICE} {down_after_ms}",
                    f"sentinel failover-timeout {SERVICE} {failover_timeout_ms}",
                    *lines,
                ]
            )
            + "\n"
        )
        super().__init__(name, [redis_command(), str(config), "--sentinel"], folder)

    def connect(self) -> redis.Redis:
        """A client of its own. Close it."""
        timeouts = {"socket_timeout": 5, "socket_connect_timeout": 1}
        return redis.Redis(self.address, self.port, protocol=2, retry=Retry(NoBackoff(), 0), **timeouts)

    def ready(self) -> bool:
        """True if it answers."""
        with closing(self.connect()) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):
                return False

    def state(self) -> dict[str, object]:
        """Return the fields of SENTINEL MASTER."""
        with closing(self.connect()) as client:
            return dict(client.sentinel_master(SERVICE))


class WatchedRedis:
    """Three servers of Redis and three Sentinels. As a context manager they run, and all know each other."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.servers: list[RedisServer] = []
        for number in range(3):
            place = folder / f"redis{number}"
            place.mkdir(parents=True)
            role = ("--replicaof", f"127.0.0.1 {self.servers[0].port}") if self.servers else ()
            self.servers.append(
                RedisServer(
                    place, "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", *role, *options
                )
            )
        place = folder / "sentinels"
        place.mkdir()
        self.sentinels = [SentinelServer(place, f"sentinel{n}", ("127.0.0.1", self.servers[0].port)) for n in range(3)]

    @property
    def url(self) -> str:
        """The URL by which qctl finds the primary."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    def __enter__(self) -> WatchedRedis:
        try:
            for program in (*self.servers, *self.sentinels):
                program.start()
            eventually(self.is_whole, what="servers and Sentinels to know each other", every=0.1)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Kill them all."""
        for program in (*self.sentinels, *self.servers):
            program.end()

    def is_whole(self) -> bool:
        """True if every Sentinel knows two others, and a primary with as many replicas as there are others that run."""
        running = sum(server.running for server in self.servers)
        return self.replicas_in_step() == running - 1 and all(
            state["num-other-sentinels"] == 2 and state["num-slaves"] == 2 and not state["is_odown"]
            for state in (sentinel.state() for sentinel in self.sentinels if sentinel.running)
        )

    def primary(self) -> RedisServer:
        """The server that all Sentinels that run take for the primary, and that says so itself."""

        def find() -> RedisServer | None:
            ports = {sentinel.state()["port"] for sentinel in self.sentinels if sentinel.running}
            found = [server for server in self.servers if {server.port} == ports and server.running]
            return found[0] if found and _role(found[0]) == "master" else None

        return eventually(find, what="an agreed primary", every=0.05)

    def replicas(self) -> list[RedisServer]:
        """The other servers that run."""
        primary = self.primary()
        return [server for server in self.servers if server is not primary and server.running]

    def replicas_in_step(self) -> int:
        """Count the replicas that the primary has online."""
        with closing(self.primary().connect()) as client:
            info = client.info("replication")
        return sum(info[f"slave{n}"]["state"] == "online" for n in range(int(info["connected_slaves"])))

    def kill_primary(self) -> RedisServer:
        """End the primary by SIGKILL, and return it at once."""
        primary = self.primary()
        primary.kill()
        return primary

    def wait_for_failover(self, from_server: RedisServer) -> RedisServer:
        """Wait until another server is the primary, and return it."""
        return eventually(
            lambda: found if (found := self.primary()) is not from_server else None, what="failover", every=0.05
        )


def _role(server: RedisServer) -> str:
    with closing(server.connect()) as client:
        try:
            return str(client.info("replication")["role"])
        except redis.ConnectionError:
            return ""
