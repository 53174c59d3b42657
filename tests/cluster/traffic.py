"""Traffic from the fourth host: each kind keeps to its rules, and sends again, elsewhere, what is not acknowledged."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from abc import abstractmethod
from contextlib import ExitStack
from itertools import cycle
from types import TracebackType
from typing import Any, ClassVar, TypeVar

from redis.exceptions import RedisError

from cluster.site import READINGS_TOKEN, ClusterSite
from faults.ledger import Ledger
from qctl.broker.producer import enqueue
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.redis.connection import connect
from support.batcher import Sender, message
from support.device import Device

MQTT_3 = 4
"""Protocol level of MQTT 3.1.1, which nats-server speaks."""

RESEND_SECONDS = 2.0
"""Time without an answer after which a client asks another server."""

GIVE_UP_SECONDS = 60.0
"""Time without any acknowledgement after which nothing more is expected."""

POLL_SECONDS = 0.02

FIRST_TIMESTAMP_MS = 1_700_000_000_000
"""Time of the first reading of a run: each has its own, so that one that is sent twice shows once."""

TrafficT = TypeVar("TrafficT", bound="Traffic")


class Traffic:
    """One kind of traffic. It flows from entering it until `finish`; `run` is in all ids and topics."""

    name: ClassVar[str]
    interval_seconds: ClassVar[float]

    def __init__(self, site: ClusterSite, run: str) -> None:
        self._site = site
        self._run = run
        self.ledger = Ledger(self.name)
        self._acknowledged_at: dict[int, float] = {}
        self._ending = threading.Event()
        self._open = ExitStack()
        self._thread = threading.Thread(target=self._flow, daemon=True, name=self.name)
        self._broke: BaseException | None = None

    @abstractmethod
    def _connect(self) -> None:
        """Open what is needed, on `_open`."""

    @abstractmethod
    def _send(self, number: int) -> None:
        """Send an item; it may take until it is acknowledged."""

    @abstractmethod
    def _collect(self) -> int:
        """Note what is acknowledged, and send again what should be. Returns how many items are not."""

    def _acknowledge(self, number: int) -> None:
        self._acknowledged_at.setdefault(number, time.monotonic())
        self.ledger.acknowledge([number])

    def acknowledged_after(self, since: float) -> set[int]:
        """Numbers of items that were acknowledged after a moment."""
        return {number for number, at in list(self._acknowledged_at.items()) if at > since}

    def _flow(self) -> None:
        try:
            number, due = 0, time.monotonic()
            while not self._ending.wait(POLL_SECONDS):
                if time.monotonic() >= due:
                    self.ledger.attempt(number)
                    self._send(number)
                    number, due = number + 1, time.monotonic() + self.interval_seconds
                self._collect()
            self._finish_open()
        except BaseException as error:  # noqa: BLE001 - raised again by `finish`
            self._broke = error

    def _finish_open(self) -> None:
        waiting, until = self._collect(), time.monotonic() + GIVE_UP_SECONDS
        while waiting and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            if (now := self._collect()) < waiting:
                until = time.monotonic() + GIVE_UP_SECONDS
            waiting = now

    def finish(self) -> None:
        """Send nothing new, and wait until everything is acknowledged, or nothing was for long."""
        self._ending.set()
        self._thread.join()
        if self._broke:
            raise self._broke

    def __enter__(self: TrafficT) -> TrafficT:
        self._connect()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._open.close()


class Jobs(Traffic):
    """Jobs of one producer, one after the other."""

    name = "jobs"
    interval_seconds = 0.05

    def _connect(self) -> None:
        self._client = self._open.enter_context(connect(self._site.settings, name="qctl-load"))
        self._waiting: list[int] = []

    def create(self, number: int, queue: str) -> bool:
        """Create a job, and tell whether it is acknowledged. It may be repeated: its id is the same."""
        arguments = {"path": str(marks_file(self._site, self._run)), "value": number}
        id_ = f"{self._run}-{queue}-{number}"
        job = NewJob(id_, "mark", "support.jobs.mark", queue, arguments, timeout=60)
        try:
            enqueue.create(self._client, [job], actor="load", retry_seconds=0.0)
        except RedisError:
            return False
        return True

    def _send(self, number: int) -> None:
        self._waiting.append(number)

    def _collect(self) -> int:
        while self._waiting and self.create(self._waiting[0], "work"):
            self._acknowledge(self._waiting.pop(0))
        return len(self._waiting)


class Readings(Traffic):
    """Readings of three devices, each at another node of the broker first. Topics are those of all bridges in turn."""

    name = "readings"
    interval_seconds = 0.02

    def _connect(self) -> None:
        brokers = [(node.host.address, node.broker.port) for node in self._site.nodes]
        self._devices = []
        for n, (host, port) in enumerate(brokers):
            device = Device(port, MQTT_3, host=host, others=[*brokers[n + 1 :], *brokers[:n]])
            self._devices.append(self._open.enter_context(device))
        self._published: list[dict[int, int]] = [{} for _ in brokers]

    def _send(self, number: int) -> None:
        count = len(self._devices)
        device, bridge = number % count, number // count % count + 1
        packet = self._devices[device].publish(f"sensors/{bridge}/{self._run}", reading(number))
        self._published[device][packet] = number

    def _collect(self) -> int:
        waiting = 0
        for device, published in zip(self._devices, self._published, strict=True):
            for packet in published.keys() & device.acknowledged:
                self._acknowledge(published.pop(packet))
                device.acknowledged.discard(packet)  # the id comes again
            waiting += len(published)
        return waiting


class Posts(Traffic):
    """Readings that an HTTP client posts to one gateway, and to the next if that one does not accept it."""

    name = "posts"
    interval_seconds = 0.1

    def _connect(self) -> None:
        self._gateways = cycle(node.gateway.url for node in self._site.nodes)
        self._gateway = next(self._gateways)
        self._waiting: dict[int, bytes] = {}

    def _send(self, number: int) -> None:
        content = {"topic": f"posts/{self._run}", "payload": json.loads(reading(number))}
        self._waiting[number] = json.dumps(content).encode()

    def _collect(self) -> int:
        for number, body in list(self._waiting.items()):
            if not self._post(body):
                self._gateway = next(self._gateways)
                break
            del self._waiting[number]
            self._acknowledge(number)
        return len(self._waiting)

    def _post(self, body: bytes) -> bool:
        headers = {"Authorization": f"Bearer {READINGS_TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._gateway}/api/readings", body, headers)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=RESEND_SECONDS) as reply:  # noqa: S310
                return bool(reply.status == 202)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
        except OSError:
            pass
        return False


class Messages(Traffic):
    """Messages of a Socket.IO client that is connected to every batcher, and sends again at another one."""

    name = "messages"
    interval_seconds = 0.05

    def _connect(self) -> None:
        self._clients = [self._open.enter_context(Sender(node.batcher.url)) for node in self._site.nodes]
        self._waiting: dict[int, dict[str, Any]] = {}
        self._due: dict[int, float] = {}
        self._attempts: dict[int, int] = {}

    def _send(self, number: int) -> None:
        self._waiting[number] = message(f"{self._run}/{number}")
        self._due[number] = self._attempts[number] = 0

    def _collect(self) -> int:
        now = time.monotonic()
        for number, content in list(self._waiting.items()):
            answers = [answer for client in self._clients for answer in client.answers.get(content["msg_id"], ())]
            if any(answer["ok"] for answer in answers):
                del self._waiting[number]
                self._acknowledge(number)
            elif now >= self._due[number]:
                self._clients[(number + self._attempts[number]) % len(self._clients)].send(content)
                self._attempts[number] += 1
                self._due[number] = now + RESEND_SECONDS
        return len(self._waiting)


def reading(number: int) -> str:
    """The payload of a reading."""
    return json.dumps({"n": number, "timestamp": FIRST_TIMESTAMP_MS + number})


def marks_file(site: ClusterSite, run: str) -> Any:
    """The file in which jobs leave a line each time they run."""
    return site.folder / f"{run}.ran"
