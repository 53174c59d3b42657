"""Settings of the bundled jobs: accepted and refused values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.errors import SettingsError
from qctl.safe import escape_cell, unescape_cell
from qctl.settings import Settings


def test_relative_folders_lie_in_the_home_folder(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(UPLOAD_DIR="in/here", EXPORTS_DIR="/srv/out")
    assert settings.uploads == settings.home / "in" / "here"
    assert settings.exports == Path("/srv/out")
    assert settings.images == settings.home / "images"


def test_sources_and_hosts_are_parsed(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(
        QCTL_SOURCES="api=https://a.example/v1/stock, file=/srv/a,b.csv",
        QCTL_SOURCE_TOKENS="api=secret=,x",
        QCTL_ALLOWED_HOSTS="A.example, b.example:8443,[::1]:80,*.c.example:8443",
    )
    assert settings.sources == {"api": "https://a.example/v1/stock", "file": "/srv/a,b.csv"}
    assert settings.source_tokens == {"api": "secret=,x"}
    assert settings.allowed_hosts == ("a.example", "b.example:8443", "[::1]:80", "*.c.example:8443")
    assert "secret=" not in repr(settings)
    assert hash(settings) == hash(settings)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("QCTL_SOURCES", "x"),
        ("QCTL_SOURCES", "x=relative.csv"),
        ("QCTL_SOURCES", "x=ftp://a.example/"),
        ("QCTL_SOURCES", "x=https://user:pw@a.example/"),
        ("QCTL_SOURCES", "x=/a,x=/b"),
        ("QCTL_ALLOWED_HOSTS", "https://a.example"),
        ("QCTL_ALLOWED_HOSTS", "*"),
        ("QCTL_ALLOWED_HOSTS", "*.example"),
        ("QCTL_ALLOWED_HOSTS", "*.0.0.1"),
        ("QCTL_ALLOWED_HOSTS", "a.*.example"),
        ("QCTL_PUSH_KEY", "A" * 43),
        ("QCTL_PUSH_KEY", "_" * 42 + "8"),
        ("QCTL_PUSH_KEY", "short"),
        ("QCTL_PUSH_CONTACT", "ops@a.example"),
        ("QCTL_PUSH_CONTACT", "mailto:ops@a.example\nX: y"),
        ("QCTL_ALLOWED_HOSTS", "a.example/path"),
        ("MAX_FILE_SIZE", "10MB"),
        ("MAX_FILE_SIZE", "0"),
    ],
)
def test_invalid_sources_and_hosts_are_refused(make_settings: Callable[..., Settings], name: str, raw: str) -> None:
    with pytest.raises(SettingsError, match=name):
        make_settings(**{name: raw})


@given(st.text(st.sampled_from("'=+-@\t\r\0\uff1da"), max_size=6) | st.text())
def test_a_cell_is_no_formula_and_comes_back(text: str) -> None:
    cell = escape_cell(text)
    for part in (cell, *cell.split(";")[1:]):
        assert not part.startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20"))
    assert unescape_cell(cell) == text
