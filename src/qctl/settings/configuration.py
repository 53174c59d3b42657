"""The configuration as shown to people: effective settings with their origins, contexts, and problems."""

from __future__ import annotations

import os
import stat
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from secrets import randbelow, token_urlsafe

from qctl.errors import NotFoundError, QctlError, RefusedError, SettingsError
from qctl.models import ContextInfo, Finding, SettingInfo
from qctl.ownership import NOT_OWNER_MODE
from qctl.safe import MASK, redact, redact_url
from qctl.settings import Settings, contexts, env_example
from qctl.settings.all_settings import GROUPS
from qctl.settings.contexts import Context
from qctl.settings.exposure import check_exposure
from qctl.settings.field import Setting
from qctl.settings.listeners import collisions
from qctl.settings.profiles import ignored_examples, with_profile
from qctl.settings.push import KEY_BYTES, P256_ORDER
from qctl.settings.servers import Source, mixed_servers
from qctl.settings.sources import DEFAULT, SettingValue, problems, resolve, unknown_settings


def effective_settings(sources: Sequence[Source]) -> list[SettingInfo]:
    """List every setting with its value, valid or not, and its origin, in the order of `.env.example`."""
    return [_info(value) for value in resolve(_specs(), with_profile(sources))]


def context_settings(context: Context) -> list[SettingInfo]:
    """List the settings that a context sets, in the same order."""
    return [_info(value) for value in resolve(_specs(), [context.source]) if value.origin != DEFAULT]


def _specs() -> list[Setting]:
    return sorted(Settings.specs(), key=lambda spec: GROUPS.index(spec.group))


def _info(value: SettingValue) -> SettingInfo:
    if not value.raw:
        return SettingInfo(value.name, None, value.origin, value.secret)
    # A URL is useful without its password; any other secret is masked as a whole.
    shown = redact_url(value.raw) if "://" in value.raw else MASK if value.secret else redact(value.raw)
    return SettingInfo(value.name, shown, value.origin, value.secret)


def list_contexts(sources: Sequence[Source]) -> list[ContextInfo]:
    """List every context in the order of the file, and mark the chosen one. Raises SettingsError."""
    choice = contexts.chosen_context(sources)
    return [
        _context_info(context, choice.by if choice and choice.name == context.name else None)
        for context in contexts.load_contexts().values()
    ]


def _context_info(context: Context, chosen_by: str | None) -> ContextInfo:
    try:
        settings = Settings.from_sources([context.source])
    except SettingsError as error:
        return ContextInfo(context.name, chosen_by=chosen_by, problem=error.message)
    redis = redact_url(settings.redis_target) if settings.redis_is_named else None
    return ContextInfo(context.name, redis, settings.read_only, chosen_by)


def check_configuration(sources: Sequence[Source]) -> list[Finding]:
    """Find all problems of the configuration; without any, one finding says so.

    `sources` lack the context: the chosen one is looked up here. A finding is `down` if commands cannot run, and
    `degraded` if something differs from what its author meant.
    """
    findings = list(_findings(sources))
    return findings or [Finding("settings", "ok", "all settings are valid, and all names are known")]


def _findings(sources: Sequence[Source]) -> Iterator[Finding]:
    chosen: list[Source] = []
    try:
        choice = contexts.chosen_context(sources)
        chosen = [contexts.get_context(choice.name).source] if choice else []
        contexts.load_contexts()
    except (NotFoundError, SettingsError) as error:
        yield Finding("contexts", "down", error.message, error.hint)
    all_sources = [*sources, *chosen]
    invalid = [*problems(resolve(Settings.specs(), with_profile(all_sources))), *mixed_servers(all_sources)]
    for problem in invalid:
        yield Finding("settings", "down", problem.message, problem.hint)
    if not invalid:
        try:
            settings = Settings.from_sources(all_sources)
            yield from check_exposure(settings)
            for collision in collisions(settings):
                yield Finding("ports", "down", collision.message, collision.hint)
        except SettingsError as error:
            yield Finding("settings", "down", error.message, error.hint)
    for name, source in ignored_examples(all_sources):
        reason = f"{name} of {source.name} is an example from documentation, and counts as not set"
        yield Finding("secrets", "degraded", reason, f"remove {name}, or set it to the output of: openssl rand -hex 32")
    for unknown in unknown_settings(sources, Settings.names()):
        yield Finding("names", "degraded", unknown.message, "known settings: see .env.example")
    yield from _exposed_files(sources)


def _exposed_files(sources: Sequence[Source]) -> Iterator[Finding]:
    """Find files that contain secrets and that other users may read."""
    for source in sources:
        values = resolve(Settings.specs(), [source])
        secrets = [value.name for value in values if value.origin != DEFAULT and value.secret]
        if not secrets or not os.path.isfile(source.name):
            continue
        status = os.stat(source.name)
        # Root lets a group read its file on purpose: that of the daemons, as `systemd.units` does.
        if status.st_mode & (stat.S_IRWXO if status.st_uid == 0 else NOT_OWNER_MODE):
            reason = f"{source.name} contains {', '.join(secrets)}, and other users may read it"
            yield Finding("secrets", "degraded", reason, f"chmod 600 {source.name}")


def _new_push_key() -> str:
    """A private key of P-256, in base64url."""
    number = randbelow(P256_ORDER - 1) + 1
    return urlsafe_b64encode(number.to_bytes(KEY_BYTES, "big")).decode().rstrip("=")


def write_env_file(file: Path, *, replace: bool = False, profile: str | None = None) -> None:
    """Write a file of all settings, commented out except for new keys and the profile, accessible to its owner only.

    Raises RefusedError if the file exists, unless `replace`.
    """
    text = env_example(profile).replace("#QCTL_GATEWAY_SECRET=", f"QCTL_GATEWAY_SECRET={token_urlsafe(32)}")
    text = text.replace("#QCTL_PUSH_KEY=", f"QCTL_PUSH_KEY={_new_push_key()}")
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL)
    try:
        with open(os.open(file, flags, 0o600), "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), 0o600)
            out.write(text)
    except FileExistsError:
        raise RefusedError(f"{str(file)!r} exists already", "replace it with --force, or edit it") from None
    except OSError as error:
        raise QctlError(f"cannot write {str(file)!r}: {error.strerror}") from error
