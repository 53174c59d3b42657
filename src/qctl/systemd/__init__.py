"""The daemons under systemd: installing their units, and managing them.

Everything runs systemctl and journalctl with lists of arguments, never through a shell.
"""

from qctl.systemd.manager import Systemd
from qctl.systemd.units import Installation

__all__ = ["Installation", "Systemd"]
