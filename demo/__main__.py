"""Starts the site, fills it, and ends all of it by Ctrl-C or SIGTERM. Its home is QCTL_HOME, else `var/demo` here."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from types import FrameType

from demo.chat import chat
from demo.devices import devices
from demo.operator import Operator
from demo.partner import partner
from demo.producers import Producers
from demo.programs import Child, await_up
from demo.rounds import Round, go
from demo.site import ROOT, Site
from qctl import QueueService


def main() -> int:
    """Run the demo. Returns 0 when it was ended, and what `qctl up` returned where that ended by itself."""
    logging.basicConfig(level="INFO", format="demo: %(message)s", stream=sys.stderr)
    logging.getLogger("engineio").setLevel("ERROR")
    logging.getLogger("socketio").setLevel("ERROR")
    stop = Event()
    children: list[Child] = []

    def end(_number: int, _frame: FrameType | None) -> None:
        for child in children if stop.is_set() else ():
            child.ask()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    home = Path(os.environ.get("QCTL_HOME") or ROOT / "var" / "demo").resolve()
    with ExitStack() as stack:
        site = Site(home, stack.enter_context(partner()))
        site.furnish()
        children.append(up := stack.enter_context(Child(site, "qctl", "up")))
        if await_up(site, up, stop):
            children.append(stack.enter_context(Child(site, "qctl-worker", "shop")))
            _fill(site, up, stop)
    return 0 if stop.is_set() else up.code or 1


def _fill(site: Site, up: Child, stop: Event) -> None:
    """Keep everybody busy until `stop` is set, or `qctl up` ends."""
    settings = site.settings
    with ExitStack() as stack:
        service = stack.enter_context(QueueService(settings))
        everybody: Sequence[Sequence[Round]] = (
            stack.enter_context(devices(settings.mqtt_port)).rounds(),
            stack.enter_context(chat(settings.socket_port)).rounds(),
            Producers(service, settings).rounds(),
            Operator(site).rounds(),
        )
        busy = Event()
        threads = [Thread(target=go, args=(rounds, busy)) for rounds in everybody]
        for thread in threads:
            thread.start()
        while up.code is None and not stop.wait(0.2):
            pass
        busy.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    sys.exit(main())
