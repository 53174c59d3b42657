"""Names for a shell that completes a word: `_QCTL_NAMES=queue qctl WORDS SO FAR` prints one a line.

A person waits for it at the prompt, so nothing heavy is imported, and whatever is in the way prints nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from qctl.broker.redis.completion_names import names
from qctl.errors import QctlError
from qctl.safe import escape_line
from qctl.settings import Settings, contexts, sources

KIND = "_QCTL_NAMES"
"""The variable that names what is wanted. `qctl.cli.entry` looks for it first of all."""

_FLAGS = {"--redis-url": "REDIS_URL", "--home": "QCTL_HOME", "--context": "QCTL_CONTEXT"}


def main(kind: str, words: Sequence[str]) -> int:
    """Print the names of a kind that the Redis has which these words of a command line mean."""
    try:
        found = names(_settings(words).redis_target, kind)
    except (QctlError, OSError, ValueError, KeyError):
        return 0
    sys.stdout.writelines(f"{name}\n" for name in found if _fits_a_shell(name))
    return 0


def _settings(words: Sequence[str]) -> Settings:
    flags = {_FLAGS[words[n]]: words[n + 1] for n in range(len(words) - 1) if words[n] in _FLAGS}
    places = sources.find_sources(flags)
    choice = contexts.chosen_context(places)
    if choice:
        places.append(sources.context_below(contexts.get_context(choice.name).source, places))
    return Settings.from_sources(places)


def _fits_a_shell(name: str) -> bool:
    """Whether it is one word that a terminal shows as it is, and no option."""
    return name.isascii() and escape_line(name) == name and not set(name) & set(" \t") and not name.startswith("-")
