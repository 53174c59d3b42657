"""The sensor dashboard's clients against the profile: queues, readings over HTTP and MQTT, documentation, GraphQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from originals.conftest import MakeOriginal
from qctl.errors import RejectedError
from qctl.sources import http_readings, reading_parser
from qctl.sources.reading_rules import ReadingRules
from support.originals import Original
from support.servers import Mosquitto, RedisServer, VictoriaMetrics
from support.waiting import PATIENCE_SECONDS, eventually

DEVICE_TOKEN = "the-token-of-all-devices-of-these-tests-26"


@pytest.fixture
def site(
    make_original: MakeOriginal, redis_server: RedisServer, mosquitto: Mosquitto, victoria: VictoriaMetrics
) -> Iterator[Original]:
    """The dashboard's documented settings."""
    addresses = {"REDIS_URL": redis_server.url, "MQTT_BROKER": mosquitto.url, "INFLUX_URL": victoria.url}
    original = make_original(
        "dashboard", addresses, QCTL_READINGS_FLUSH_INTERVAL="0.1", QCTL_READINGS_TOKEN=DEVICE_TOKEN
    )
    original.start()
    yield original
    assert original.stop() == 0


def publish(mosquitto: Mosquitto, topic: str, payload: str) -> None:
    device = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="test-originals-values")
    device.connect("127.0.0.1", mosquitto.port)
    device.loop_start()
    device.publish(topic, payload, qos=1).wait_for_publish(PATIENCE_SECONDS)
    device.disconnect()
    device.loop_stop()


def test_its_clients(site: Original, mosquitto: Mosquitto, victoria: VictoriaMetrics) -> None:
    http = site.http
    data = {"location": "originals-attic", "measurements": {"temperature": 21.5, "humidity": 40}}
    assert http.request("POST", "/api/mqtt/data", data).status == 401
    assert http.request("POST", "/api/mqtt/data", data, DEVICE_TOKEN).status == 202
    publish(mosquitto, "sensors/originals-cellar/temperature", '{"value": 12.5}')

    def names(device: str) -> set[str]:
        return {series["metric"]["__name__"] for series in victoria.series(f'{{device="{device}"}}')}

    eventually(lambda: len(names("originals-attic")) == 2, what="the posted reading")
    eventually(lambda: names("originals-cellar"), what="the published reading")
    assert {name.rpartition("_")[2] for name in names("originals-cellar")} == {"temperature"}

    stats = http.request("GET", "/api/queues/stats").json
    queue = next(queue for queue in stats["queues"] if queue["name"] == "sensor-data")
    assert queue["mode"] == "redis"
    assert {"waiting", "active", "completed", "failed"} <= queue["counts"].keys()
    assert queue["counts"]["completed"] == stats["stats"]["sensor-data"]["completed"]
    assert stats["queueSystem"].keys() == {"available", "redisAvailable", "timestamp"}
    assert stats["queueSystem"]["redisAvailable"] is True

    assert http.request("GET", "/api/docs.json").json["paths"]
    assert http.request("GET", "/api/docs").status == 200


def test_graphql_by_get(site: Original) -> None:
    http = site.http
    page = http.request("GET", "/graphql")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script" not in page.body.decode()
    found = http.request("GET", f"/graphql?query={quote('{ queues { name } }')}")
    assert (found.status, {"name": "sensor-data"} in found.json["data"]["queues"]) == (200, True)
    query = quote("query Q($all: Boolean!) { queues { name waiting @include(if: $all) } }")
    answer = http.request("GET", f"/graphql?query={query}&variables={quote(json.dumps({'all': True}))}")
    assert (answer.status, answer.json["data"]["queues"][0].keys()) == (200, {"name", "waiting"})
    assert http.request("GET", f"/graphql?query={query}&variables=nope").status == 400
    change = quote('mutation { pause(queue: "email") { changed } }')
    assert http.request("GET", f"/graphql?query={change}").status == 405
    assert not http.request("GET", "/api/queues/stats").json["stats"]["email"]["paused"]
    assert http.request("GET", f"/graphql?query={quote('{ queues { name }')}").status == 400


@pytest.mark.parametrize(
    ("topic", "payload", "fields"),
    [
        ("sensors/attic/temperature", '{"value": 21.5}', {"temperature": 21.5}),
        ("sensors/attic/temperature", '{"value": 21.5, "timestamp": 1710930600}', {"temperature": 21.5}),
        ("sensors/attic/temperature", '{"value": "21.5", "x": [[[[[[1]]]]]]}', {"temperature": 21.5}),
        ("sensors/attic/temperature", '{"value": 21.5, "unit": "C"}', {"value": 21.5, "unit": "C"}),
        ("sensors/attic", '{"value": 21.5}', {"value": 21.5}),
        ("sensors/attic/time", '{"value": 21.5}', {"value": 21.5}),
        ("sensors/attic/", '{"value": 21.5}', {"value": 21.5}),
    ],
)
def test_the_last_level_names_a_value_alone(topic: str, payload: str, fields: dict[str, object]) -> None:
    received_ns = 1_711_000_000 * 10**9
    named = reading_parser.parse(topic, payload.encode(), received_ns, ReadingRules(value_by_topic=True))
    assert [reading["fields"] for reading in named.readings] == [fields]
    plain = reading_parser.parse(topic, payload.encode(), received_ns, ReadingRules())
    assert "value" in plain.readings[0]["fields"]


def test_a_location_with_measurements_is_a_reading(make_settings) -> None:  # type: ignore[no-untyped-def]
    settings = make_settings()
    body = {"location": "attic", "measurements": {"temperature": 21.5}, "timestamp": 1710930600}
    posted = http_readings.parse_json(settings, json.dumps(body).encode())
    (reading,) = map(json.loads, posted.items)
    assert (reading["device"], reading["fields"]) == ("attic", {"temperature": 21.5})
    assert reading["ts_ns"] == 1710930600 * 10**9
    for bad in ({"location": 1.5, "measurements": {"t": 1}}, {"location": "a/b", "measurements": {"t": 1}}):
        assert http_readings.parse_json(settings, json.dumps(bad).encode()).refused == 1
    with pytest.raises(RejectedError):
        http_readings.parse_json(settings, b"[]")
