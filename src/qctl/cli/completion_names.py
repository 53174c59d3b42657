"""Names for shell completion: `_QCTL_NAMES=queue qctl WORDS SO FAR` prints one name per line.

The user waits at the prompt, so nothing heavy is imported, and an error prints nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise

from qctl.broker.redis.completion_names import names
from qctl.errors import QctlError
from qctl.safe import escape_line
from qctl.settings import Settings, contexts, sources

KIND = "_QCTL_NAMES"
"""Environment variable with the kind of names to print. `qctl.cli.entry` checks it first."""

_SETTINGS = {"--redis-url": "REDIS_URL", "--home": "QCTL_HOME", "--context": "QCTL_CONTEXT"}


def main(kind: str, words: Sequence[str]) -> int:
    """Print the names of a kind in the Redis that the words of a command line select."""
    try:
        candidates = names(_settings(words).redis_target, kind)
    except (QctlError, OSError, ValueError, KeyError):
        return 0
    sys.stdout.writelines(f"{name}\n" for name in candidates if _is_shell_word(name))
    return 0


def _settings(words: Sequence[str]) -> Settings:
    pairs = pairwise(words)
    ranked = sources.find_sources({_SETTINGS[option]: value for option, value in pairs if option in _SETTINGS})
    choice = contexts.chosen_context(ranked)
    if choice:
        ranked.append(contexts.get_context(choice.name).source)
    return Settings.from_sources(ranked)


def _is_shell_word(name: str) -> bool:
    """Return True if the name is one printable word and no option."""
    return name.isascii() and escape_line(name) == name and not set(name) & set(" \t") and not name.startswith("-")
