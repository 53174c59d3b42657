"""qctl-socket-batcher as a process, and a Socket.IO client of it that knows what was acknowledged."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import closing, suppress
from datetime import datetime, timezone
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any

import requests
import socketio

from support.process import Program, free_port
from support.waiting import PATIENCE_SECONDS, eventually

BIN = Path(sys.executable).parent

CHANGED_LIBRARY = """\
from qctl.compat import socketio_server
socketio_server.CHANGED = {!r}
from qctl_daemons.socket_batcher import main
main()
"""

Answer = dict[str, Any]

HANDSHAKE_SECONDS = 10


class Batcher(Program):
    """One batcher on a port of its own. It counts as started when it takes messages, or with `patient` when it is up.

    `changed` is the change of a library that it is to work around; it listens on `address`; `env` adds to its settings.
    """

    def __init__(
        self,
        folder: Path,
        redis_url: str,
        *,
        name: str = "batcher",
        patient: bool = False,
        changed: str | None = None,
        address: str = "127.0.0.1",
        **env: str,
    ):
        self.address, self.port = address, free_port()
        self._patient = patient
        settings = {
            "REDIS_URL": redis_url,
            "QCTL_HOME": str(folder),
            "QCTL_SOCKET_HOST": address,
            "PORT": str(self.port),
            "BATCH_CHECK_INTERVAL": "0.2",
            "LOG_FORMAT": "text",
            **env,
        }
        command = [str(BIN / "qctl-socket-batcher")]
        if changed is not None:
            command = [sys.executable, "-c", CHANGED_LIBRARY.format(changed)]
        super().__init__(name, command, folder, env=settings)

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"http://{self.address}:{self.port}"

    def ready(self) -> bool:
        """True if it takes messages, or at least runs."""
        try:
            return self.get("/")[0] == 200 if self._patient else self.takes
        except OSError:
            return False

    @property
    def takes(self) -> bool:
        """True if it takes messages."""
        return self.get("/healthz")[0] == 200

    @property
    def health(self) -> Answer:
        """State that it reports."""
        found: Answer = json.loads(self.get("/healthz")[1])
        return found

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """Ask by HTTP. Returns status and body."""
        with closing(HTTPConnection(self.address, self.port, timeout=PATIENCE_SECONDS)) as connection:
            connection.request(method, path, headers=headers)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()


class PatientClient(socketio.Client):
    """A client that waits `HANDSHAKE_SECONDS` for its namespace, also when it reconnects.

    By default that is one second, in which no attempt may succeed on a busy machine. By polling it has one HTTP
    session, closed by `shutdown`: the library leaves one open for each time that it connects.
    """

    def __init__(self, **options: Any) -> None:
        self._session = requests.Session()
        super().__init__(http_session=self._session, **options)

    def shutdown(self) -> None:
        """Disconnect for good."""
        super().shutdown()
        self._session.close()

    def connect(self, *args: Any, **options: Any) -> None:
        """Connect, or raise ConnectionError."""
        super().connect(*args, **{"wait_timeout": HANDSHAKE_SECONDS, **options})


class Sender:
    """A client of python-socketio that sends again what has no `ok` after its connection came back.

    Used as a context manager it is connected at first; it reconnects by itself.
    """

    def __init__(self, url: str, transport: str = "websocket", auth: Any = None) -> None:
        self._url = url
        self._transport = transport
        self._auth = auth
        self._lock = threading.Lock()
        self.answers: dict[str, list[Answer]] = {}
        """Acknowledgements by msg_id."""
        self._client = PatientClient(reconnection_delay=0.1, reconnection_delay_max=0.3)

    @property
    def connected(self) -> bool:
        """True if it is connected."""
        return bool(self._client.connected)

    @property
    def acked(self) -> set[str]:
        """The ids that were acknowledged."""
        with self._lock:
            return {msg_id for msg_id, answers in self.answers.items() if any(answer["ok"] for answer in answers)}

    def send(self, content: Any, event: str = "data") -> None:
        """Send an event and note its answer. What is sent while there is no connection is lost."""

        def answered(answer: Answer) -> None:
            with self._lock:
                self.answers.setdefault(str(answer.get("msg_id")), []).append(answer)

        with suppress(socketio.exceptions.BadNamespaceError):
            self._client.emit(event, content, callback=answered)

    def ask(self, content: Any, event: str = "data", seconds: float = 10.0) -> Answer:
        """Send an event and wait for its answer."""
        answer: Answer = self._client.call(event, content, timeout=seconds)
        return answer

    def send_silently(self, content: Any, event: str = "data") -> None:
        """Send an event without asking for an answer."""
        self._client.emit(event, content)

    def send_until_acked(self, contents: list[Answer], seconds: float = 60.0) -> None:
        """Send messages, and again what is not acknowledged, until all are."""
        wanted = {content["msg_id"]: content for content in contents}

        def all_acked() -> bool:
            for msg_id in wanted.keys() - self.acked:
                self.send(wanted[msg_id])
            return self._settled(wanted.keys())

        eventually(all_acked, seconds, f"{len(wanted)} acknowledgements")

    def _settled(self, wanted: Any) -> bool:
        """Wait a moment for answers. True where all have come."""
        try:
            eventually(lambda: wanted <= self.acked, 0.5)
        except AssertionError:
            return False
        return True

    def __enter__(self) -> Sender:
        self._client.connect(self._url, transports=[self._transport], auth=self._auth)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.shutdown()


def message(msg_id: str, **fields: Any) -> Answer:
    """A message as a client sends it."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"msg_id": msg_id, "message": f"hello {msg_id}", "user_id": "u1", "timestamp": now, **fields}


def messages(prefix: str, count: int) -> list[Answer]:
    """Messages that are told apart by their ids."""
    return [message(f"{prefix}-{n}") for n in range(count)]
