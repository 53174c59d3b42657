"""The Lua scripts: files beside this one, loaded by name, run by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

Argument = str | bytes | int | float


class Script:
    """One Lua file, or one that goes on where others end. Its head states KEYS, ARGV, what it returns and why it is
    atomic."""

    def __init__(self, name: str, *, after: str | Sequence[str] = ()) -> None:
        self.name = name
        before = (after,) if isinstance(after, str) else after
        self.body = "".join(_source(part) for part in (*before, name))
        self.sha = hashlib.sha1(self.body.encode()).hexdigest()  # noqa: S324 - Redis names scripts so

    def __call__(self, connection: Redis, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run it. A Redis that does not know the script (it has restarted) is sent the text.

        Text may hold bytes that are not UTF-8, as `surrogateescape` reads them, whatever the connection makes of it.
        """
        sent = [arg.encode(errors="surrogateescape") if isinstance(arg, str) else arg for arg in (*keys, *args)]
        try:
            return connection.evalsha(self.sha, len(keys), *sent)
        except NoScriptError:
            return connection.eval(self.body, len(keys), *sent)


def _source(name: str) -> str:
    room, script = name.split("/")
    return (files("qctl.broker") / room / "lua" / f"{script}.lua").read_text(encoding="utf-8")
