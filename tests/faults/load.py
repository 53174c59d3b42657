"""Traffic on the data path: readings of devices, messages of Socket.IO clients, and invalid items.

Who sends keeps to the rules: a device publishes with QoS 1 and its library sends again what the broker has not
acknowledged; a client sends again what is not answered.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from faults.arrivals import msg_id, topic
from faults.ledger import Ledger
from faults.path import DataPath
from support.batcher import Sender, message
from support.device import Device

DEVICES = 8

BAD = 97
"""Every so many a message is none, and has to become a dead letter."""

AGAIN = 2.0
"""Seconds without an answer after which a client sends again; each time twice as many, up to `LONGEST_AGAIN`."""

LONGEST_AGAIN = 16.0

TICK = 0.05


class Load:
    """Both kinds at `rate` a second each, from entering it until `finish`. Ledgers are named as the pipelines.

    With `resent`, a device may publish the same reading twice, so each has a time of its own and none is bad: two
    readings without a time are two readings. Else every other one has none.
    """

    def __init__(self, path: DataPath, run: str, rate: float, *, resent: bool) -> None:
        self.readings, self.messages = Ledger("readings"), Ledger("messages")
        self._path = path
        self._run = run
        self._rate = rate
        self._resent = resent
        self._ending = threading.Event()
        self._open = ExitStack()
        self._devices = [Device(path.for_devices.port) for _ in range(DEVICES)]
        self._clients = [Sender(f"http://127.0.0.1:{proxy.port}") for proxy in path.for_clients]
        self._published: list[dict[int, int]] = [{} for _ in range(DEVICES)]
        self._threads = [threading.Thread(target=self._guarded, args=(act,)) for act in (self._publish, self._emit)]
        self._broke: BaseException | None = None

    def finish(self, seconds: float) -> None:
        """Send nothing new, and wait until all that was sent is acknowledged, or nothing was for so many seconds."""
        self._ending.set()
        acknowledged, deadline = -1, time.monotonic() + seconds
        while self._is_waiting() and time.monotonic() < deadline:
            count = len(self.readings.acknowledged) + len(self.messages.acknowledged)
            if count != acknowledged:
                acknowledged, deadline = count, time.monotonic() + seconds
            time.sleep(10 * TICK)
        if self._broke:
            raise self._broke

    def _is_waiting(self) -> bool:
        return any(thread.is_alive() for thread in self._threads) or self._note_published() > 0

    def __enter__(self) -> Load:
        for device in self._devices:
            self._open.enter_context(device)
        for client in self._clients:
            self._open.enter_context(client)
        for thread in self._threads:
            thread.daemon = True
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._open.close()

    def _guarded(self, act: Any) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - raised again by `finish`
            self._broke = error

    def _due(self, began: float) -> int:
        return int((time.monotonic() - began) * self._rate) + 1

    # --- devices ------------------------------------------------------------------------------------------

    def _publish(self) -> None:
        began, number = time.monotonic(), 0
        while not self._ending.wait(TICK):
            while number < self._due(began):
                good = self._resent or number % BAD != BAD - 1
                self.readings.attempt(number, good=good)
                which = number % DEVICES
                packet = self._devices[which].publish(topic(self._run, which), self._payload(number, good=good))
                self._published[which][packet] = number
                number += 1

    def _payload(self, number: int, *, good: bool) -> str:
        if not good:
            return f'{{"n": {number}, and this is no JSON'
        timed = self._resent or number % 2
        return json.dumps({"n": number, **({"ts": time.time_ns()} if timed else {})})

    def _note_published(self) -> int:
        """Write down what the broker has acknowledged. Returns how many it has not."""
        missing = 0
        for device, published in zip(self._devices, self._published, strict=True):
            assert len(published) < 65_535, "a device has used all packet ids: take a lower rate or less time"
            known = published.keys() & device.acknowledged
            self.readings.acknowledge(published[packet] for packet in known)
            missing += len(published) - len(known)
        return missing

    # --- clients ------------------------------------------------------------------------------------------

    def _emit(self) -> None:
        began, number = time.monotonic(), 0
        waiting: dict[int, dict[str, Any]] = {}
        due: defaultdict[int, float] = defaultdict(float)
        pauses: defaultdict[int, float] = defaultdict(lambda: AGAIN)
        while not self._ending.is_set() or waiting:
            looked = time.monotonic()
            while not self._ending.is_set() and number < self._due(began):
                good = number % BAD != BAD - 1
                self.messages.attempt(number, good=good)
                waiting[number] = message(msg_id(self._run, number), **({} if good else {"unknown": 1}))
                number += 1
            for each in [n for n in waiting if time.monotonic() > due[n]]:
                self._client(each).send(waiting[each])
                due[each] = time.monotonic() + pauses[each]
                pauses[each] = min(2 * pauses[each], LONGEST_AGAIN)
            answered = [n for n in waiting if self._is_answered(n)]
            self.messages.acknowledge(answered)
            for each in answered:
                del waiting[each]
            # With thousands that wait a look takes long, and the proxies run in this process too.
            time.sleep(max(TICK, 3 * (time.monotonic() - looked)))

    def _client(self, number: int) -> Sender:
        return self._clients[number % len(self._clients)]

    def _is_answered(self, number: int) -> bool:
        answers = list(self._client(number).answers.get(msg_id(self._run, number), ()))
        return any(answer["ok"] or answer["code"] == "invalid" for answer in answers)
