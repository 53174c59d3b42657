"""qctl-mqtt-bridge: takes what devices publish over MQTT into Redis, and acknowledges it when it is there."""

from __future__ import annotations

import logging

from qctl import daemon
from qctl.settings import Settings
from qctl.sinks.base import KeptOpen
from qctl.sources.direct import Direct
from qctl.sources.keeping import Keeping
from qctl.sources.mqtt import Bridge

log = logging.getLogger(__name__)


def serve(context: daemon.Context) -> None:
    """Run the bridge until told to stop."""
    if not context.settings.mqtt_enabled:
        # A supervisor takes an end before the first beat for a failure.
        context.beat("MQTT_ENABLED is false")
        log.info("MQTT_ENABLED is false: nothing to do")
        return
    Bridge(context.settings, context.stop, context.beat, _keeping(context.settings)).run()


def _keeping(settings: Settings) -> Keeping | None:
    """Where readings go without a queue; None with one."""
    if settings.cache_enabled:
        return None
    from qctl.jobs.readings import sink

    return Keeping.at_once(Direct(settings, "readings", KeptOpen(sink(settings)).write))


def main() -> None:
    """Run until told to stop; what is in hand is finished first."""
    daemon.main("qctl-mqtt-bridge", serve, __doc__)
