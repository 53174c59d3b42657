"""Test subscriptions to Web Push over HTTP: whose they are, which push services are allowed, and when it is off."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.conftest import MakeGateway
from qctl.gateway.push_routes import POINT_BYTES
from support.gateway import Gateway
from support.push import Browser, decode, encode

SUBSCRIPTIONS = "/api/push/subscriptions"
ON = {
    "QCTL_PUSH_KEY": "6cRkQo1Kx5sTjT7XJx8b8nq0Qz3vT2oZ0w1b9k5yE2s",
    "QCTL_PUSH_CONTACT": "mailto:ops@shop.example",
    "QCTL_ALLOWED_HOSTS": "push.example,*.notify.push.example",
}


def test_a_user_subscribes_and_unsubscribes_browsers(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(**ON)
    ada, eve = gateway.token("ada"), gateway.token("eve")
    key = gateway.request("GET", "/api/push/key", token=ada)
    assert (key.status, len(decode(key.json["publicKey"]))) == (200, POINT_BYTES)
    assert gateway.request("GET", "/api/push/key").status == 401
    browsers = [Browser("https://push.example/send/1"), Browser("https://eu.notify.push.example/send/2")]
    for n, browser in enumerate(browsers, 1):
        answer = gateway.request("POST", SUBSCRIPTIONS, browser.subscription, ada)
        assert (answer.status, answer.json["subscriptions"]) == (201, n)
    assert gateway.request("POST", SUBSCRIPTIONS, browsers[0].subscription, ada).json["subscriptions"] == 2
    assert gateway.request("POST", SUBSCRIPTIONS, browsers[0].subscription).status == 401
    one = {"endpoint": browsers[0].endpoint}
    assert gateway.request("DELETE", SUBSCRIPTIONS, one, eve).status == 404
    assert gateway.request("DELETE", SUBSCRIPTIONS, one, ada).status == 200
    assert gateway.request("DELETE", SUBSCRIPTIONS, one, ada).status == 404
    assert browsers[0].endpoint not in gateway.output


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/send",
        "https://169.254.169.254/latest/meta-data",
        "https://push.example.evil.example/send",
        "https://push.example:6379/",
        "https://user:password@push.example/send",
        "https://push.example/ send",
        "file:///etc/passwd",
        "https://push.example/" + "x" * 1000,
        7,
    ],
    ids=lambda endpoint: str(endpoint)[:40],
)
def test_only_listed_push_services_are_taken(push_gateway: Gateway, endpoint: Any) -> None:
    subscription = {**Browser("https://push.example/send").subscription, "endpoint": endpoint}
    assert push_gateway.request("POST", SUBSCRIPTIONS, subscription, push_gateway.token("ada")).status == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p256dh", encode(b"\x04" + bytes(63))),
        ("p256dh", encode(b"\x02" + bytes(64))),
        ("p256dh", "not base64!"),
        ("auth", encode(bytes(15))),
        ("auth", None),
    ],
)
def test_keys_of_another_form_are_refused(push_gateway: Gateway, name: str, value: Any) -> None:
    subscription = Browser("https://push.example/send").subscription
    subscription["keys"][name] = value
    assert push_gateway.request("POST", SUBSCRIPTIONS, subscription, push_gateway.token("ada")).status == 400


def test_without_settings_web_push_is_off(shared_gateway: Gateway) -> None:
    token = shared_gateway.token("ada")
    assert shared_gateway.request("GET", "/api/push/key", token=token).status == 404
    subscription = Browser("https://push.example/send").subscription
    assert shared_gateway.request("POST", SUBSCRIPTIONS, subscription, token).status == 404


@pytest.fixture
def push_gateway(make_gateway: MakeGateway) -> Gateway:
    """A gateway with Web Push."""
    return make_gateway(**ON)
