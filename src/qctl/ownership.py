"""Ownership rule for every file that qctl obeys: settings, job modules, alert rules, templates, keys, certificates.

The file and its folder belong to this user or to root, and nobody else may write to them. Otherwise whoever else can
would decide what qctl does, with the rights and passwords of the person who runs it. The folder counts because its
owner may replace any file in it. A folder such as /tmp, with the sticky bit, protects each file by the file's owner.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from qctl.errors import QctlError, SettingsError

NOT_OWNER_MODE = stat.S_IRWXG | stat.S_IRWXO
"""Permission bits of everybody but the owner of a file."""


class Violation(NamedTuple):
    """The file or folder that breaks the rule, the reason, and the command that mends it."""

    path: str
    reason: str
    fix: str

    @property
    def text(self) -> str:
        """The violation as the end of a sentence."""
        return f"{self.path} {self.reason}"


class UntrustedModuleError(QctlError, ImportError):
    """A module of the working folder breaks the ownership rule. To Python it is a module that cannot be imported."""


def require(file: str | os.PathLike[str]) -> None:
    """Raise SettingsError if a file breaks the rule. A missing or inaccessible one is left to whoever opens it."""
    violation = find_violation(file)
    if violation is None:
        return
    hint = f"{violation.fix}, or run qctl in another folder" if not os.path.isabs(file) else violation.fix
    cause = violation.reason if violation.path == os.fspath(file) else violation.text
    raise SettingsError(os.fspath(file), f"{cause}, so it is not read", hint)


def find_violation(file: str | os.PathLike[str]) -> Violation | None:
    """Find the first of a file, the links to it, and their folders that breaks the rule."""
    return next(
        (violation for path in _decisive_paths(Path(os.path.abspath(file))) if (violation := _check(path))), None
    )


def _decisive_paths(file: Path) -> Iterator[Path]:
    """The paths whose writers decide what is read: the file, a link in its place, and the folders of both."""
    yield file
    yield file.parent
    if file.is_symlink():
        target = Path(os.path.realpath(file))
        yield target
        yield target.parent


def _check(path: Path) -> Violation | None:
    try:
        status = path.lstat() if path.is_symlink() else path.stat()
    except OSError:
        return None
    me = os.geteuid()
    if status.st_uid not in (me, 0):
        reason = f"belongs to {_user_name(status.st_uid)}, neither to {_user_name(me)} nor to root"
        return Violation(str(path), reason, f"chown -h {_user_name(me)} {quote(str(path))}")
    if stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
        return None
    if status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and not _is_private_group(status)):
        return Violation(str(path), "can be written by other users", f"chmod go-w {quote(str(path))}")
    return None


def _user_name(uid: int) -> str:
    import pwd  # only for an error message

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _is_private_group(status: os.stat_result) -> bool:
    """Return True if the owner of a file is the only member of its group, as on systems with a group for each user."""
    import grp  # only for a file that its group may write
    import pwd

    try:
        owner, group = pwd.getpwuid(status.st_uid), grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    return owner.pw_gid == group.gr_gid and owner.pw_name == group.gr_name and set(group.gr_mem) <= {owner.pw_name}
