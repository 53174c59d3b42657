"""Lua scripts: files in `lua/` beside the Python that calls them, loaded by name, run by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import NoScriptError

from qctl.broker.redis import key_prefix
from qctl.broker.redis.protocol import Argument
from qctl.broker.redis.script_signature import Signature

__all__ = ["Argument", "Script"]

_BROKER = Path(__file__).parents[1]

_TYPES = "redis/types"
"""The script part that checks the types of keys."""


class Script:
    """A Lua file, or one that continues others. Its head declares KEYS, ARGV and replies, and why it is atomic."""

    def __init__(self, name: str, *, after: str | Sequence[str] = ()) -> None:
        self.name = name
        parts = [*((after,) if isinstance(after, str) else after), name]
        sources = [_source(part) for part in parts]
        self.signature = Signature()
        for source in sources:
            self.signature.add(source)
        self.body = self.signature.prelude(with_types=_TYPES in parts) + "".join(sources)
        self._guard = [key_prefix.GUARD] if key_prefix.GUARD and not self.signature.names_every_key else []
        self.sha = hashlib.sha1(self.body.encode()).hexdigest()  # noqa: S324 - Redis names scripts so

    def __call__(self, connection: Redis, /, **values: Any) -> object:
        """Run it with values by name. A Redis that does not know the script (it has restarted) is sent the text.

        Text may hold bytes that are not UTF-8, decoded with `surrogateescape`, regardless of the connection's decoding.
        Raises TypeError if a name is missing or unknown.
        """
        keys, args = self.pack(values)
        sent = [arg.encode(errors="surrogateescape") if isinstance(arg, str) else arg for arg in (*keys, *args)]
        try:
            return connection.evalsha(self.sha, len(keys), *sent)
        except NoScriptError:
            return connection.eval(self.body, len(keys), *sent)

    def stage(self, pipe: Pipeline, /, **values: Any) -> None:
        """Add it to a pipeline with values by name. Its text is sent, because a pipeline cannot send it afterwards."""
        keys, args = self.pack(values)
        pipe.eval(self.body, len(keys), *keys, *args)

    def pack(self, values: Mapping[str, Any]) -> tuple[list[Argument], list[Argument]]:
        """KEYS and ARGV for values by name. Raises TypeError if a name is missing or unknown."""
        try:
            keys, args = self.signature.pack(values)
        except TypeError as error:
            raise TypeError(f"{self.name}.lua: {error}") from None
        return keys + self._guard, args


def _source(name: str) -> str:
    room, script = name.split("/")
    return (_BROKER / room / "lua" / f"{script}.lua").read_text(encoding="utf-8")
