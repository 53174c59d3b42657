"""Names for shell completion: `_QCTL_NAMES=queue qctl WORDS SO FAR` prints one name per line.

With `_QCTL_DESCRIBED=1` a tab and a description follow the names that have one: zsh and fish show it.

The user waits at the prompt, so nothing heavy is imported, and an error prints nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise

from qctl.broker.redis.completion_names import described_names
from qctl.errors import QctlError
from qctl.safe import escape_line
from qctl.settings import contexts, sources
from qctl.settings.site import SiteSettings

KIND = "_QCTL_NAMES"
"""Environment variable with the kind of names to print. `qctl.cli.entry` checks it first."""

DESCRIBED = "_QCTL_DESCRIBED"

ENQUEUE = "enqueue"
"""Kind of the words of `qctl job enqueue`: jobs of the catalog, then the arguments of the named one."""

MAX_DESCRIPTION_CHARACTERS = 60

_SETTINGS = {"--redis-url": "REDIS_URL", "--home": "QCTL_HOME", "--context": "QCTL_CONTEXT"}


def main(kind: str, words: Sequence[str]) -> int:
    """Print the names of a kind in the Redis that the words of a command line select."""
    try:
        found = enqueue_words(words) if kind == ENQUEUE else described_names(_settings(words).redis_target, kind)
    except (QctlError, OSError, ValueError, KeyError):
        return 0
    described = bool(os.environ.get(DESCRIBED))
    for name, text in found.items():
        if _is_shell_word(name):
            description = escape_line(text, MAX_DESCRIPTION_CHARACTERS) if described else ""
            sys.stdout.write(f"{name}\t{description}\n" if description else f"{name}\n")
    return 0


def enqueue_words(words: Sequence[str]) -> Mapping[str, str]:
    """Return the arguments that the named job may still get, as `name=`, or all jobs if none is named."""
    from qctl import catalog  # takes longer than all other imports, and only this kind needs it

    spec = next((catalog.JOBS[word] for word in words if word in catalog.JOBS), None)
    if spec is None:
        return {name: spec.doc for name, spec in sorted(catalog.JOBS.items()) if not spec.batch}
    given = {word.partition("=")[0] for word in words if "=" in word}
    return {
        f"{argument.name}=": argument.doc or argument.kind for argument in spec.arguments if argument.name not in given
    }


def _settings(words: Sequence[str]) -> SiteSettings:
    pairs = pairwise(words)
    ranked = sources.find_sources({_SETTINGS[option]: value for option, value in pairs if option in _SETTINGS})
    choice = contexts.chosen_context(ranked)
    if choice:
        ranked.append(contexts.get_context(choice.name).source)
    return SiteSettings.from_sources(ranked)


def _is_shell_word(name: str) -> bool:
    """Return True if the name is one printable word and no option."""
    return name.isascii() and escape_line(name) == name and not set(name) & set(" \t") and not name.startswith("-")
