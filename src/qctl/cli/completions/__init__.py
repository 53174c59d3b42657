"""The completions of bash, zsh and fish, made from the tree of commands: `python -m qctl.cli.completions FOLDER`.

The scripts hold every command and option, so that nothing is started while these are completed. Names of queues, jobs,
schedules and workers are asked of `qctl` itself (`qctl.cli.completion_names`).
"""

from qctl.cli.completions.scripts import SCRIPTS, write

__all__ = ["SCRIPTS", "write"]
