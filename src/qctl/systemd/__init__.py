"""The daemons under systemd: their units, and what an operator does with them.

Everything goes through systemctl and journalctl, with lists of arguments and never through a shell.
"""

from qctl.systemd.manager import Systemd
from qctl.systemd.units import Installation

__all__ = ["Installation", "Systemd"]
