"""Contexts: several environments from one tool."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from qctl.errors import NotFoundError, QctlError, SettingsError
from qctl.settings import contexts, sources
from qctl.settings.contexts import Choice

Write = Callable[..., Path]


@pytest.fixture
def write() -> Write:
    """Write config.toml: `write("[contexts.a]", mode=0o600)`."""

    def file(text: str, mode: int = 0o600) -> Path:
        path = contexts.config_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    return file


def test_values_are_written_as_the_environment_writes_them(write: Write) -> None:
    write('[contexts.a]\nREDIS_HOST = "h"\nREDIS_PORT = 7\nQCTL_READ_ONLY = true\n[contexts."b.c-d_e"]\n')
    found = contexts.load_contexts()
    assert list(found) == ["a", "b.c-d_e"]
    assert found["a"].values == {"REDIS_HOST": "h", "REDIS_PORT": "7", "QCTL_READ_ONLY": "true"}
    assert found["a"].source.name == "context a"


def test_a_missing_file_has_no_contexts() -> None:
    assert contexts.load_contexts() == {}
    assert contexts.chosen_context(sources.find_sources({}, {})) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[contexts.a", "not valid TOML"),
        ("x = 1", "unknown entry 'x'"),
        ("contexts = 1", "'contexts' is not a table"),
        ("[contexts]\na = 1", "contexts.a is not a table"),
        ('[contexts."a b"]', "'a b' is not the name of a context"),
        ("[contexts.a]\nredis_urll = 'x'", "unknown setting 'redis_urll'"),
        ("[contexts.a]\nQCTL_CONTEXT = 'b'", "unknown setting 'QCTL_CONTEXT'"),
        ("[contexts.a]\nREDIS_PORT = [1]", "REDIS_PORT is not a string, number or boolean"),
        ("a = " + "[" * 5000, "not valid TOML"),
    ],
)
def test_an_invalid_file_is_refused(text: str, problem: str, write: Write) -> None:
    file = write(text)
    with pytest.raises(SettingsError, match=problem.replace("[", r"\[")) as caught:
        contexts.load_contexts()
    assert caught.value.name == str(file)


def test_a_misspelt_setting_gets_suggestions(write: Write) -> None:
    write("[contexts.a]\nredis_urll = 'x'")
    with pytest.raises(SettingsError) as caught:
        contexts.load_contexts()
    assert caught.value.hint == "did you mean 'REDIS_URL'?"


@pytest.mark.parametrize("secret", ['REDIS_URL = "redis://:hunter2@h/0"', 'REDIS_PASSWORD = "hunter2"'])
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_file_with_secrets_must_be_private(secret: str, mode: int, write: Write) -> None:
    file = write(f"[contexts.a]\n{secret}\n", mode)
    with pytest.raises(SettingsError, match="contains secrets, and other users may read or write it") as caught:
        contexts.load_contexts()
    assert caught.value.hint == f"chmod 600 {file}"
    assert "hunter2" not in str(caught.value)
    file.chmod(0o600)
    assert list(contexts.load_contexts()) == ["a"]


def test_a_file_without_secrets_may_be_read_by_all(write: Write) -> None:
    write('[contexts.a]\nREDIS_URL = "redis://h/0"\n', 0o644)
    assert list(contexts.load_contexts()) == ["a"]


def test_an_unknown_context_gets_suggestions(write: Write) -> None:
    write("[contexts.prod]\n[contexts.stage]\n")
    with pytest.raises(NotFoundError, match="context 'prd' not found") as caught:
        contexts.get_context("prd")
    assert caught.value.hint == "did you mean 'prod'?"


def test_a_flag_chooses_before_the_environment_before_use(write: Write) -> None:
    write("[contexts.a]\n[contexts.b]\n[contexts.c]\n")
    contexts.choose_context("c")
    assert contexts.chosen_context(sources.find_sources({}, {})) == Choice("c", "qctl context use")
    environ = {"QCTL_CONTEXT": "b"}
    assert contexts.chosen_context(sources.find_sources({}, environ)) == Choice("b", "environment")
    assert contexts.chosen_context(sources.find_sources({"QCTL_CONTEXT": "a"}, environ)) == Choice("a", "flag")
    contexts.choose_context(None)
    contexts.choose_context(None)
    assert contexts.chosen_context(sources.find_sources({}, {})) is None


def test_an_unknown_context_cannot_be_chosen(write: Write) -> None:
    write("[contexts.a]\n")
    with pytest.raises(NotFoundError):
        contexts.choose_context("b")
    assert contexts.chosen_context(sources.find_sources({}, {})) is None


def test_an_unreadable_choice_is_named(write: Write) -> None:
    chosen = write("[contexts.a]\n").with_name("context")
    chosen.write_text("a b\x1b[31m")
    with pytest.raises(SettingsError, match="is not the name of a context") as caught:
        contexts.chosen_context(sources.find_sources({}, {}))
    assert caught.value.hint == "qctl context use --none"
    chosen.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        contexts.chosen_context(sources.find_sources({}, {}))


def test_a_folder_in_place_of_the_file_raises_a_qctl_error(write: Write) -> None:
    os.mkdir(write("[contexts.a]\n").with_name("context"))
    with pytest.raises(QctlError, match="cannot write"):
        contexts.choose_context("a")
