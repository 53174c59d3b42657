"""Settings and contexts as a person asks after them: what is in force, where it comes from, what is wrong with it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from secrets import token_urlsafe

from qctl.errors import NotFoundError, QctlError, RefusedError, SettingsError
from qctl.models import ContextInfo, Finding, SettingInfo
from qctl.safe import MASK, redact, redact_url
from qctl.settings import GROUPS, Settings, contexts, env_example, sources
from qctl.settings.contexts import OTHERS, Context
from qctl.settings.sources import DEFAULT, SettingValue, Source


def effective_settings(places: Sequence[Source]) -> list[SettingInfo]:
    """Every setting with its value and its origin, good or bad, in the order of `.env.example`."""
    specs = sorted(fields(Settings), key=lambda spec: GROUPS.index(spec.metadata["group"]))
    return [_shown(each) for each in sources.resolve(specs, places)]


def context_settings(context: Context) -> list[SettingInfo]:
    """What a context sets."""
    found = sources.resolve(fields(Settings), [context.source])
    return [_shown(each) for each in found if each.origin != DEFAULT]


def _shown(each: SettingValue) -> SettingInfo:
    if not each.raw:
        return SettingInfo(each.name, None, each.origin, each.secret)
    # A URL is worth seeing without its password; any other secret is all secret.
    value = redact_url(each.raw) if "://" in each.raw else MASK if each.secret else redact(each.raw)
    return SettingInfo(each.name, value, each.origin, each.secret)


def list_contexts(places: Sequence[Source]) -> list[ContextInfo]:
    """Every context, and which one is chosen, in the order of the file. Raises SettingsError."""
    choice = contexts.chosen_context(places)
    return [
        _summary(context, choice.by if choice and choice.name == context.name else None)
        for context in contexts.load_contexts().values()
    ]


def _summary(context: Context, chosen_by: str | None) -> ContextInfo:
    try:
        settings = Settings.from_sources([context.source])
    except SettingsError as error:
        return ContextInfo(context.name, chosen_by=chosen_by, problem=error.message)
    redis = redact_url(settings.redis_target) if settings.redis_is_named else None
    return ContextInfo(context.name, redis, settings.read_only, chosen_by)


def check_configuration(places: Sequence[Source]) -> list[Finding]:
    """What is wrong with the configuration, all of it at once; one finding that says so where nothing is.

    `places` are without a context: the one that is chosen is looked up here. A finding is `down` where commands cannot
    run, `degraded` where something is not as its author meant.
    """
    findings = list(_findings(places))
    return findings or [Finding("settings", "ok", "every setting can be used, and every name is known")]


def _findings(places: Sequence[Source]) -> Iterator[Finding]:
    chosen: list[Source] = []
    try:
        choice = contexts.chosen_context(places)
        chosen = [contexts.get_context(choice.name).source] if choice else []
        contexts.load_contexts()
    except (NotFoundError, SettingsError) as error:
        yield Finding("contexts", "down", error.message, error.hint)
    counting = [*places, *(sources.context_below(context, places) for context in chosen)]
    wrong = sources.problems(sources.resolve(fields(Settings), counting))
    for problem in wrong:
        yield Finding("settings", "down", problem.message, problem.hint)
    if not wrong:
        try:
            Settings.from_sources(counting)
        except SettingsError as error:
            yield Finding("settings", "down", error.message, error.hint)
    for unknown in sources.unknown_settings(places, Settings.names()):
        yield Finding("names", "degraded", unknown.message, "see .env.example for what there is")
    yield from _open_files(places)


def _open_files(places: Sequence[Source]) -> Iterator[Finding]:
    """The files of settings that hold secrets and that others may read."""
    for place in places:
        held = [
            each.name for each in sources.resolve(fields(Settings), [place]) if each.origin != DEFAULT and each.secret
        ]
        if not held or not os.path.isfile(place.name):
            continue
        if stat.S_IMODE(os.stat(place.name).st_mode) & OTHERS:
            reason = f"{place.name} holds {', '.join(held)}, and others may read it"
            yield Finding("secrets", "degraded", reason, f"chmod 600 {place.name}")


def write_env_file(file: Path, *, replace: bool = False) -> None:
    """Write a file of all settings, commented out but for a new QCTL_GATEWAY_SECRET, for its owner alone.

    Raises RefusedError where there is one.
    """
    text = env_example().replace("#QCTL_GATEWAY_SECRET=", f"QCTL_GATEWAY_SECRET={token_urlsafe(32)}")
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL)
    try:
        with open(os.open(file, flags, 0o600), "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), 0o600)
            out.write(text)
    except FileExistsError:
        raise RefusedError(f"{file} is there already", "write it anew with --force, or edit it") from None
    except OSError as error:
        raise QctlError(f"{file} cannot be written: {error.strerror}") from error
