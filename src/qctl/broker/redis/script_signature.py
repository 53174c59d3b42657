"""The signature of a Lua script: the names of its KEYS and ARGV, as the head of the file declares them.

    -- KEYS
    --   waiting LIST
    --   lanes... LIST of each lane: as many as there are
    -- ARGV
    --   id
    --   reason: empty to leave the breaker alone
    -- KEYS queues[n]
    --   claims HASH
    -- ARGV queues[n]
    --   name

A caller passes values by these names, and the script finds local variables of these names: `waiting` and `id` hold one
value, `lanes` a table, and `queues_count` is the number of the rows `queues`; `queues_at(n)` returns the n-th as a
table with the fields `claims` and `name`. On the wire the numbers of values and rows come first among ARGV.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qctl.broker.redis.protocol import Argument

MAX_UNPACKED_VALUES = 4000
"""Maximum values of a list that are sure to fit on Lua's stack, which has 8,000 slots."""

_SECTION = re.compile(r"-- (KEYS|ARGV)(?: (\w+)\[n\])?")
_ENTRY = re.compile(r"--   ([a-z]\w*)(\.\.\.)?(?: ([A-Z]+)\b)?.*")

_RESERVED = frozenset(
    {
        *("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not"),
        *("or", "repeat", "return", "then", "true", "until", "while"),
    }
)


@dataclass
class Rows:
    """A variable number of values: rows of named columns, or a plain list, which has one column."""

    name: str
    is_list: bool
    keys: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    row_types: set[type] = field(default_factory=set)
    """Row types whose fields were checked against the columns."""

    def pack(self, rows: Sequence[Any], keys: list[Argument], args: list[Argument]) -> None:
        """Append the rows' values. Raises TypeError if their fields are not the columns, in the head's order."""
        if self.is_list:
            (keys if self.keys else args).extend(rows)
            return
        width = len(self.keys)
        for row in rows:
            if type(row) not in self.row_types:
                self._check(type(row))
            keys += row[:width]
            args += row[width:]

    def _check(self, row_type: type) -> None:
        columns = (*self.keys, *self.args)
        fields = getattr(row_type, "_fields", None)
        if fields != columns:
            raise TypeError(f"{self.name}: each row is a NamedTuple of {', '.join(columns)}, not {fields or row_type}")
        self.row_types.add(row_type)


@dataclass
class Signature:
    """KEYS and ARGV of a script, or of several that run as one: a name that two of them declare is one value."""

    keys: dict[str, str] = field(default_factory=dict)
    """Name -> type of the key, in the order on the wire."""
    args: dict[str, str] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)

    def add(self, source: str) -> None:
        """Add what the head of a script declares. Raises ValueError if it contradicts an earlier head."""
        for kind, group, name, is_list, type_ in _entries(source):
            if name in _RESERVED:
                raise ValueError(f"{name} is a word of Lua")
            if group or is_list:
                rows = self.rows.setdefault(group or name, Rows(group or name, is_list))
                target = rows.keys if kind == "KEYS" else rows.args
            else:
                target = self.keys if kind == "KEYS" else self.args
            if target.setdefault(name, type_) != type_:
                raise ValueError(f"{name} is declared as {target[name]} and as {type_}")
        names = [*self.keys, *self.args, *self.rows]
        if len(set(names)) != len(names):
            raise ValueError(f"a name stands for two values: {', '.join(sorted(names))}")

    @property
    def names_every_key(self) -> bool:
        """True if the script has one key, and makes no name of another one."""
        makes_names = any(name.endswith(("prefix", "suffix")) for name in (*self.args, *self._columns()))
        return len(self.keys) == 1 and not makes_names and not any(rows.keys for rows in self.rows.values())

    def _columns(self) -> Iterator[str]:
        for rows in self.rows.values():
            yield from rows.args

    def pack(self, values: Mapping[str, Any]) -> tuple[list[Argument], list[Argument]]:
        """KEYS and ARGV for values by name. Raises TypeError if a name is missing or unknown."""
        try:
            keys = [values[name] for name in self.keys]
            args: list[Argument] = [len(values[name]) for name in self.rows]
            args += [values[name] for name in self.args]
            for name, rows in self.rows.items():
                rows.pack(values[name], keys, args)
        except KeyError as error:
            raise TypeError(f"{error.args[0]} is missing") from None
        if len(values) != len(self.keys) + len(self.args) + len(self.rows):
            unknown = values.keys() - self.keys.keys() - self.args.keys() - self.rows.keys()
            raise TypeError(f"unknown: {', '.join(sorted(unknown))}")
        return keys, args

    def prelude(self, *, with_types: bool) -> str:
        """Lua that assigns the values to their names; with `with_types` also the table KIND, with each key's type."""
        lines = []
        if self.keys:
            lines.append(f"local {', '.join(self.keys)} = unpack(KEYS, 1, {len(self.keys)})")
        counts = [f"{name}_count" for name in self.rows]
        if counts:
            numbers = ", ".join(f"tonumber(ARGV[{n + 1}])" for n in range(len(counts)))
            lines.append(f"local {', '.join(counts)} = {numbers}")
        if self.args:
            first, last = len(counts) + 1, len(counts) + len(self.args)
            lines.append(f"local {', '.join(self.args)} = unpack(ARGV, {first}, {last})")
        key_at, arg_at = str(len(self.keys)), str(len(counts) + len(self.args))
        for rows in self.rows.values():
            lines.append(_list_of(rows, key_at, arg_at) if rows.is_list else _rows_of(rows, key_at, arg_at))
            key_at += f" + {len(rows.keys)} * {rows.name}_count" if rows.keys else ""
            arg_at += f" + {len(rows.args)} * {rows.name}_count" if rows.args else ""
        if with_types:
            lines.append(self._kinds())
        return "".join(f"{line}\n" for line in lines)

    def _kinds(self) -> str:
        kinds = ", ".join(f"[{name}] = '{type_.lower()}'" for name, type_ in self.keys.items())
        lists = [rows for rows in self.rows.values() if rows.is_list and rows.keys]
        each = [
            f"for _, key in ipairs({rows.name}) do KIND[key] = '{rows.keys[rows.name].lower()}' end" for rows in lists
        ]
        return "\n".join([f"local KIND = {{{kinds}}}", *each])


def _rows_of(rows: Rows, key_at: str, arg_at: str) -> str:
    """Lua of the function that returns one row."""
    columns = [f"{name} = KEYS[k + {n}]" for n, name in enumerate(rows.keys, 1)]
    columns += [f"{name} = ARGV[a + {n}]" for n, name in enumerate(rows.args, 1)]
    return (
        f"local function {rows.name}_at(n)\n"
        f"    local k, a = {key_at} + {len(rows.keys)} * (n - 1), {arg_at} + {len(rows.args)} * (n - 1)\n"
        f"    return {{{', '.join(columns)}}}\n"
        "end"
    )


def _list_of(rows: Rows, key_at: str, arg_at: str) -> str:
    """Lua of the table of a list. `unpack` is fast, but Lua's stack does not hold a very long list."""
    table, first = ("KEYS", key_at) if rows.keys else ("ARGV", arg_at)
    name, count = rows.name, f"{rows.name}_count"
    return (
        f"local {name} = {{}}\n"
        f"if {count} <= {MAX_UNPACKED_VALUES} then {name} = {{unpack({table}, {first} + 1, {first} + {count})}}\n"
        f"else for n = 1, {count} do {name}[n] = {table}[{first} + n] end end"
    )


def _entries(source: str) -> Iterator[tuple[str, str, str, bool, str]]:
    """The declarations of a head: KEYS or ARGV, name of the rows or empty, name, whether a list, type of a key."""
    kind = group = ""
    for line in source.splitlines():
        if not line.startswith("--"):
            return
        if section := _SECTION.fullmatch(line):
            kind, group = section[1], section[2] or ""
        elif kind and (entry := _ENTRY.fullmatch(line)):
            type_ = entry[3] or ""
            if kind == "KEYS" and not type_:
                raise ValueError(f"{entry[1]}: a key has a type")
            yield kind, group, entry[1], bool(entry[2]), type_ if kind == "KEYS" else ""
        elif not line.startswith("--    "):
            kind = group = ""
