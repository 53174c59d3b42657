"""Installs the units that come with qctl, with the path of its programs."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from qctl.catalog import QUEUES
from qctl.errors import QctlError, RefusedError
from qctl.settings import configuration, user_folders
from qctl.systemd import programs

USER = "qctl"
"""User that runs the machine's daemons."""

SETTINGS_FILE_MODE = 0o640
"""Root writes the settings of the daemons, and their group reads them."""

SYSUSERS_FILE = "qctl.sysusers"

ENABLED_UNITS = (
    *("qctl.target", "qctl-mqtt-bridge.service", "qctl-socket-batcher.service", "qctl-scheduler.service"),
    "qctl-gateway.service",
    *(f"qctl-worker@{queue}.service" for queue in QUEUES),
    *("qctl-cleanup.timer", "qctl-check.timer"),
)
"""Units that are enabled: one worker per queue, and one of everything else."""

_PROGRAM = re.compile(r"^(ExecStart=)/usr/local/bin/", re.MULTILINE)


def unit_folder(user: bool) -> Path:
    """The folder of the machine's units, or of this user's."""
    return user_folders.config_folder("systemd") / "user" if user else Path("/etc/systemd/system")


@dataclass(frozen=True)
class Installation:
    """The units of one machine, or with `user` of one user. `programs` is the folder of qctl's programs."""

    user: bool = False
    programs: Path = Path(sys.executable).parent

    def texts(self) -> dict[str, str]:
        """The text of every file, by its path below `unit_folder`.

        A user's manager has no rights to set up the sandbox, and has another target for the start of a session.
        """
        shipped = files("qctl.systemd") / "shipped"
        names = ["qctl.target", *(file.name for file in shipped.iterdir() if file.name.startswith("qctl-"))]
        texts = {
            name: (shipped / name).read_text(encoding="utf-8")
            for name in sorted(names)
            if name.endswith((".service", ".timer", ".target"))
        }
        if self.user:
            texts = {name: text.replace("multi-user.target", "default.target") for name, text in texts.items()}
        else:
            sandbox = "qctl-.service.d/sandbox.conf"
            texts[sandbox] = (shipped / sandbox).read_text(encoding="utf-8")
        return {name: _PROGRAM.sub(rf"\g<1>{self.programs}/", text) for name, text in texts.items()}

    def install(self) -> list[Path]:
        """Write the units, create the user and the settings file, and enable the units. Returns the written files.

        It starts nothing. Raises UnreachableError without systemd, RefusedError if the daemons could not read qctl
        where it is installed, or if the files cannot be written.
        """
        programs.require()
        if not self.user and str(self.programs.resolve()).startswith(("/home/", "/root/")):
            raise RefusedError(
                f"qctl is installed in {self.programs}, which the machine's daemons cannot read",
                "install it in a venv below /opt, or install the units for yourself with --user",
            )
        try:
            written = [self._write(unit_folder(self.user) / name, text) for name, text in self.texts().items()]
            if not self.user:
                self._create_user()
            settings = self._write_settings()
        except PermissionError as error:
            raise RefusedError(f"{error.filename} cannot be written", "run it as root, or with --user") from None
        programs.systemctl(self.user, "daemon-reload")
        programs.systemctl(self.user, "enable", "--quiet", *ENABLED_UNITS)
        return [*written, *settings]

    @staticmethod
    def _write(file: Path, text: str) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def _create_user(self) -> None:
        file = Path("/etc/sysusers.d/qctl.conf")
        self._write(file, (files("qctl.systemd") / "shipped" / SYSUSERS_FILE).read_text(encoding="utf-8"))
        completed = subprocess.run(["systemd-sysusers", str(file)], capture_output=True, text=True, check=False)
        if completed.returncode:
            raise QctlError(f"the user {USER} cannot be created: {completed.stderr.strip()[:200]}")

    def _write_settings(self) -> list[Path]:
        """Write the settings file if there is none. The daemons may read it, and root alone write it.

        Otherwise who breaks into a daemon would decide what root's own qctl does (see `ownership`).
        """
        file = (user_folders.config_folder() if self.user else Path("/etc/qctl")) / ".env"
        is_new = not file.exists()
        if is_new:
            file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            configuration.write_env_file(file, replace=False)
        if not self.user:
            os.chown(file, 0, pwd.getpwnam(USER).pw_gid)
            file.chmod(SETTINGS_FILE_MODE)
        return [file] if is_new else []
