"""Completion scripts for bash, zsh and fish, generated from the command tree.

The scripts contain every command and option, so that completing these starts no process. For names of queues, jobs,
schedules and workers they run `qctl` (`qctl.cli.completion_names`).
"""

from qctl.cli.completions.scripts import SCRIPTS, write

__all__ = ["SCRIPTS", "write"]
