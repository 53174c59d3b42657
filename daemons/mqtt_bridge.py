"""qctl-mqtt-bridge: stores readings that devices publish over MQTT in Redis, and acknowledges them once stored."""

from __future__ import annotations

from qctl import daemon, extras
from qctl.jobs import batches, reading_batches


def serve(context: daemon.Context) -> None:
    """Run the bridge until told to stop."""
    if not context.settings.mqtt_enabled:
        context.nothing_to_do("MQTT_ENABLED is false")
        return
    bridge = extras.load("qctl.sources.mqtt_bridge", extra="mqtt", needed_by="qctl-mqtt-bridge")
    destination = batches.direct_destination(context.settings, "readings", reading_batches.sink)
    bridge.MqttBridge(context.settings, context.stop, context.beat, destination).run()


def main() -> None:
    """Run until a stop signal; commit the received messages first."""
    daemon.main("qctl-mqtt-bridge", serve, __doc__)
