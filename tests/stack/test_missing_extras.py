"""Test that `qctl up` skips a daemon whose extra is not installed, and the server that only it needs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qctl.settings import Settings
from qctl.stack import run
from qctl.stack.daemons import daemons, without_extra
from support.process import free_port


def test_daemon_without_its_extra_is_skipped(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qctl.extras.is_installed", lambda extra: extra not in ("mqtt", "gateway"))
    settings = make_settings(PORT=str(free_port()), MQTT_PORT=str(free_port()))
    skipped = [spec.name for spec in without_extra(settings)]
    assert skipped == ["mqtt-bridge", "gateway"]
    assert {"socket-batcher", "scheduler"} <= {program.name for program in daemons(settings)}
    names = {program.name for program in run._programs(settings, None, {}, patience=0.0)}
    assert names.isdisjoint({*skipped, "mosquitto", "amqtt"})


def test_nothing_is_skipped_if_every_extra_is_installed(make_settings: Callable[..., Settings]) -> None:
    assert without_extra(make_settings()) == []
