"""Private names that compat modules use: each exists in the installed library, and its loss is reported."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path

import pytest

from qctl.compat import (
    amqtt_plugin,
    engineio_server,
    fast_web_socket,
    paho_client,
    private_names,
    socketio_server,
    textual_serve_assets,
    uvicorn_guard,
    uvicorn_server,
)
from qctl.compat.private_names import PrivateNames, first_change, warn_once

LIBRARIES = (
    amqtt_plugin.PRIVATE_NAMES,
    paho_client.PRIVATE_NAMES,
    uvicorn_server.PRIVATE_NAMES,
    fast_web_socket.WEBSOCKET_NAMES,
    uvicorn_guard.HTTP_NAMES,
    uvicorn_guard.WEBSOCKET_NAMES,
    uvicorn_guard.SIZE_NAMES,
    engineio_server.PRIVATE_NAMES,
    socketio_server.PRIVATE_NAMES,
)

EVERY_NAME = [
    pytest.param(PrivateNames(names.library, (name,)), id=name.partition(":")[2].partition("(")[0])
    for names in LIBRARIES
    for name in names.names
]


@pytest.mark.parametrize("names", EVERY_NAME)
def test_the_library_has_the_name(names: PrivateNames) -> None:
    assert names.changed() is None, names.changed()


@pytest.mark.parametrize("names", EVERY_NAME)
def test_a_name_that_is_gone_is_reported(names: PrivateNames, monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, path = names.names[0].partition("(")[0].partition(":")
    owner = path.split(".")[0]
    if "." in path:
        monkeypatch.setattr(import_module(module), owner, type(owner, (), {}))
    else:
        monkeypatch.delattr(import_module(module), owner)
    assert names.changed() == f"{names.library} changed {path}"


class Thing:
    """A class of a library."""

    def __init__(self) -> None:
        self._state = 0

    def _act(self, first: int, second: int) -> None:
        """Do something."""


@pytest.mark.parametrize(
    ("name", "exists"),
    [
        ("Thing._state", True),
        ("Thing._act", True),
        ("Thing._act(first, second)", True),
        ("Thing._act(first)", True),
        ("Thing._act(second, first)", False),
        ("Thing._act(first, second, third)", False),
        ("Thing._gone", False),
        ("Gone._act", False),
        ("GONE", False),
    ],
)
def test_a_name_is_found_by_class_attribute_and_parameters(name: str, exists: bool) -> None:
    change = PrivateNames("things", (f"{__name__}:{name}",)).changed()
    assert change == (None if exists else f"things changed {name.partition('(')[0]}")


def test_a_module_that_is_gone_is_a_change() -> None:
    gone = PrivateNames("things", ("things.inner:Thing",))
    assert first_change(paho_client.PRIVATE_NAMES, gone) == "things changed Thing"
    assert first_change(paho_client.PRIVATE_NAMES) is None


def test_a_change_is_logged_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_names, "_warned", set())
    with caplog.at_level(logging.WARNING):
        warn_once("things changed Thing", "slower")
        warn_once("things changed Thing", "slower")
    assert [record.getMessage() for record in caplog.records] == ["things changed Thing: slower"]


def test_an_asset_that_is_gone_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert textual_serve_assets.changed() is None, textual_serve_assets.changed()
    monkeypatch.setattr(textual_serve_assets, "STATIC", tmp_path)
    assert textual_serve_assets.changed() == "textual-serve changed static/js/textual.js"
    assert textual_serve_assets.asset("js/textual.js") == tmp_path / "js/textual.js"
