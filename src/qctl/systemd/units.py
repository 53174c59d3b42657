"""The units as they are put on a machine: those that come with qctl, with the place of its programs written in."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from platformdirs import user_config_path

from qctl.catalog import QUEUES
from qctl.errors import QctlError, RefusedError
from qctl.settings import configuration
from qctl.systemd import programs

USER = "qctl"
"""User that the daemons of the machine run as."""

SYSUSERS = "qctl.sysusers"

DEFAULT = (
    *("qctl.target", "qctl-mqtt-bridge.service", "qctl-socket-batcher.service", "qctl-scheduler.service"),
    "qctl-gateway.service",
    *(f"qctl-worker@{queue}.service" for queue in QUEUES),
    *("qctl-cleanup.timer", "qctl-check.timer"),
)
"""Enabled units: one worker for each queue, and everything else once."""

_PROGRAM = re.compile(r"^(ExecStart=)/usr/local/bin/", re.MULTILINE)


def folder(user: bool) -> Path:
    """Folder of the units of the machine, or of this user."""
    return user_config_path("systemd") / "user" if user else Path("/etc/systemd/system")


@dataclass(frozen=True)
class Installation:
    """The units for one machine, or with `user` for one user. `programs` is the folder of qctl's programs."""

    user: bool = False
    programs: Path = Path(sys.executable).parent

    def texts(self) -> dict[str, str]:
        """Every file by its path below `folder`.

        A user's manager may not set up the sandbox, which takes root, and knows another target to start with.
        """
        shipped = files("qctl.systemd") / "shipped"
        names = ["qctl.target", *(each.name for each in shipped.iterdir() if each.name.startswith("qctl-"))]
        found = {
            name: (shipped / name).read_text(encoding="utf-8")
            for name in sorted(names)
            if name.endswith((".service", ".timer", ".target"))
        }
        if self.user:
            found = {name: text.replace("multi-user.target", "default.target") for name, text in found.items()}
        else:
            sandbox = "qctl-.service.d/sandbox.conf"
            found[sandbox] = (shipped / sandbox).read_text(encoding="utf-8")
        return {name: _PROGRAM.sub(rf"\g<1>{self.programs}/", text) for name, text in found.items()}

    def install(self) -> list[Path]:
        """Write them, make the user and the folder of settings, and enable all. Starts nothing. Returns what is new.

        Raises UnreachableError without systemd, RefusedError where qctl lies where its daemons could not reach it, or
        where the files may not be written.
        """
        programs.require()
        if not self.user and str(self.programs.resolve()).startswith(("/home/", "/root/")):
            raise RefusedError(
                f"qctl is installed in {self.programs}, which daemons of the machine must not read",
                "install it in a venv below /opt, or give your own manager the units with --user",
            )
        try:
            written = [self._write(folder(self.user) / name, text) for name, text in self.texts().items()]
            if not self.user:
                self._make_user()
            settings = self._write_settings()
        except PermissionError as error:
            raise RefusedError(f"{error.filename} may not be written", "run it as root, or with --user") from None
        programs.systemctl(self.user, "daemon-reload")
        programs.systemctl(self.user, "enable", "--quiet", *DEFAULT)
        return [*written, *settings]

    @staticmethod
    def _write(place: Path, text: str) -> Path:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        return place

    def _make_user(self) -> None:
        place = Path("/etc/sysusers.d/qctl.conf")
        self._write(place, (files("qctl.systemd") / "shipped" / SYSUSERS).read_text(encoding="utf-8"))
        ran = subprocess.run(["systemd-sysusers", str(place)], capture_output=True, text=True, check=False)
        if ran.returncode:
            raise QctlError(f"the user {USER} cannot be made: {ran.stderr.strip()[:200]}")

    def _write_settings(self) -> list[Path]:
        """Write the file of settings where there is none, and give it to those who run the daemons."""
        place = (user_config_path("qctl") if self.user else Path("/etc/qctl")) / ".env"
        is_new = not place.exists()
        if is_new:
            place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            configuration.write_env_file(place, replace=False)
        if not self.user:
            owner = pwd.getpwnam(USER)
            os.chown(place, owner.pw_uid, owner.pw_gid)
        return [place] if is_new else []
