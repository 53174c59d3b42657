"""qctl-mqtt-bridge: takes what devices publish over MQTT into Redis, and acknowledges it when it is there."""

from __future__ import annotations

import logging

from qctl import daemon
from qctl.jobs import batches, readings
from qctl.sources.mqtt import Bridge

log = logging.getLogger(__name__)


def serve(context: daemon.Context) -> None:
    """Run the bridge until told to stop."""
    if not context.settings.mqtt_enabled:
        # A supervisor takes an end before the first beat for a failure.
        context.beat("MQTT_ENABLED is false")
        log.info("MQTT_ENABLED is false: nothing to do")
        return
    keeping = batches.without_queue(context.settings, "readings", readings.sink)
    Bridge(context.settings, context.stop, context.beat, keeping).run()


def main() -> None:
    """Run until told to stop; what is in hand is finished first."""
    daemon.main("qctl-mqtt-bridge", serve, __doc__)
