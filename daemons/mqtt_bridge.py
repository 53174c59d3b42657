"""qctl-mqtt-bridge: stores readings that devices publish over MQTT in Redis, and acknowledges them once stored."""

from __future__ import annotations

from qctl import daemon, extras
from qctl.jobs import batches, reading_batches
from qctl.pool import fixed


def serve(context: daemon.Context) -> None:
    """Run the bridge in one process or several, until told to stop."""
    fixed.serve(context, "qctl-mqtt-bridge", _serve)


def _serve(context: daemon.Context) -> None:
    if not context.settings.mqtt_enabled:
        context.nothing_to_do("MQTT_ENABLED is false")
        return
    bridge = extras.load("qctl.sources.mqtt_bridge", extra="mqtt", needed_by="qctl-mqtt-bridge")
    sharing = extras.load("qctl.sources.shared_bridges", extra="mqtt", needed_by="qctl-mqtt-bridge")
    if context.place.number == 1 and context.settings.cache_enabled:
        sharing.end_surplus_sessions(context.settings, context.place, context.stop)
    settings = sharing.settings_of(context.settings, context.place)
    destination = batches.direct_destination(settings, "readings", reading_batches.sink)
    bridge.MqttBridge(settings, context.stop, context.beat, destination).run()


def main() -> None:
    """Run until a stop signal; commit the received messages first."""
    daemon.main("qctl-mqtt-bridge", serve, __doc__)
