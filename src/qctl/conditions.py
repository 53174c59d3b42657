"""The filter language of lists and bulk verbs: `state=failed and name~"send" and age>1h and error~"timeout"`.

    condition  = all {"or" all}
    all        = part {"and" part}
    part       = "not" part | "(" condition ")" | comparison
    comparison = FIELD ("=" | "!=" | "~" | "!~" | "<" | "<=" | ">" | ">=") VALUE

A value is a word or a text in quotes. `=` compares regardless of case, with `*` for any text; `~` looks for a part of
the text; `<` and `>` compare ages. The text comes from users: its length, its terms and its depth are bounded, and
nothing is evaluated as a pattern that could take long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import NamedTuple

from qctl import durations
from qctl.errors import UsageError, did_you_mean

MAX_CHARACTERS = 1000
MAX_TERMS = 50
MAX_DEPTH = 20

TEXT_FIELDS = ("id", "queue", "state", "name", "owner", "worker", "error", "argument", "cause")
"""Fields that hold text. `error` is the error with its traceback, `cause` the fingerprint of a dead letter."""

AGE_FIELD = "age"
"""Time in the current state."""

FIELDS = (*TEXT_FIELDS, AGE_FIELD)

ALIASES = {"job": "name", "function": "name", "fingerprint": "cause"}

_TOKEN = re.compile(
    r"""\s*(?:(?P<sign>!=|!~|<=|>=|[=~<>()])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[^\s=~<>()!"']+))"""
)
_AGE_SIGNS = frozenset({"<", "<=", ">", ">="})
_TEXT_SIGNS = frozenset({"=", "!=", "~", "!~"})


@dataclass(frozen=True)
class Comparison:
    """One comparison. `seconds` is the parsed value of an age."""

    field: str
    sign: str
    value: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    part: Condition


@dataclass(frozen=True)
class Every:
    """All of these conditions."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Some:
    """At least one of these conditions."""

    parts: tuple[Condition, ...]


Condition = Comparison | Not | Every | Some


class _Token(NamedTuple):
    text: str
    kind: str
    """`sign`, `word`, `quoted`, or `end`."""
    at: int
    """Number of its first character, from 1."""


def parse(text: str, option: str = "--where") -> Condition:
    """Parse a condition. Raises UsageError that names the option and the place of the mistake."""
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"{option} has {len(text)} characters; allowed: {MAX_CHARACTERS}")
    return _Parser(list(_tokens(text, option)), option).parse()


def matches(condition: Condition, text_of: Callable[[str], list[str]], age: float | None) -> bool:
    """Tell whether a condition holds for a thing. `text_of` returns the texts of a field, `age` is in seconds."""
    if isinstance(condition, Every):
        return all(matches(part, text_of, age) for part in condition.parts)
    if isinstance(condition, Some):
        return any(matches(part, text_of, age) for part in condition.parts)
    if isinstance(condition, Not):
        return not matches(condition.part, text_of, age)
    if condition.field == AGE_FIELD:
        return age is not None and _compare_ages(condition.sign, age, condition.seconds)
    wanted = condition.value.casefold()
    texts = [text.casefold() for text in text_of(condition.field)]
    if condition.sign in ("~", "!~"):
        found = any(wanted in text for text in texts)
    else:
        found = any(_is_like(text, wanted) for text in texts)
    return found is not condition.sign.startswith("!")


def required(condition: Condition, field: str) -> list[str] | None:
    """Return the values of which a field must have one: those of `field=value`, joined by `or`. None if it is open."""
    if isinstance(condition, Comparison):
        return [condition.value] if condition.field == field and condition.sign == "=" else None
    if isinstance(condition, Every):
        return next((values for part in condition.parts if (values := required(part, field)) is not None), None)
    if isinstance(condition, Some):
        alternatives = [required(part, field) for part in condition.parts]
        return None if None in alternatives else [value for values in alternatives for value in values or ()]
    return None


def complete(text: str) -> list[str]:
    """Return the ways in which the last word of a condition may continue: fields, or `and` and `or` after a value."""
    try:
        tokens = list(_tokens(text, ""))
    except UsageError:
        return []
    *before, last = tokens[:-1] or [_Token("", "word", 1)]
    if text[-1:].isspace() or not text:
        before, last = [*tokens[:-1]], _Token("", "word", len(text) + 1)
    follows_value = (
        bool(before) and before[-1].kind in ("word", "quoted") and before[-1].text not in ("and", "or", "not")
    )
    words = ("and ", "or ") if follows_value else (*FIELDS, "not ")
    if before and before[-1].kind == "sign" and before[-1].text not in "()":
        return []
    start = text[: len(text) - len(last.text)]
    return [start + word for word in words if word.startswith(last.text)]


def _is_like(text: str, pattern: str) -> bool:
    """Match with `*` alone as wildcard."""
    if "*" not in pattern:
        return text == pattern
    literal = pattern.replace("[", "[[]").replace("?", "[?]")
    return fnmatchcase(text, re.sub(r"\*+", "*", literal))


def _compare_ages(sign: str, age: float, seconds: float) -> bool:
    return {"<": age < seconds, "<=": age <= seconds, ">": age > seconds, ">=": age >= seconds}[sign]


def _tokens(text: str, option: str) -> Iterator[_Token]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            at = position + len(text[position:]) - len(text[position:].lstrip()) + 1
            problem = "a quote is not closed" if text[at - 1] in "\"'" else f"unexpected {text[at - 1]!r}"
            raise UsageError(f"{option}, character {at}: {problem} in {text!r}")
        kind = match.lastgroup or ""
        at = match.start(kind) + (0 if kind in ("double", "single") else 1)
        yield _Token(match[kind], "quoted" if kind in ("double", "single") else kind, at)
        position = match.end()
    yield _Token("", "end", len(text) + 1)


class _Parser:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, tokens: list[_Token], option: str) -> None:
        self._tokens, self._option = tokens, option
        self._position = self._depth = self._terms = 0

    def parse(self) -> Condition:
        condition = self._some()
        if self._next.kind != "end":
            raise self._error(f"expected `and`, `or` or the end, not {self._next.text!r}")
        return condition

    @property
    def _next(self) -> _Token:
        return self._tokens[self._position]

    def _take(self, *texts: str) -> bool:
        """Skip the next token if it is one of these signs or words."""
        token = self._next
        if token.kind in ("quoted", "end") or token.text.lower() not in texts:
            return False
        self._position += 1
        return True

    def _some(self) -> Condition:
        parts = [self._every()]
        while self._take("or"):
            parts.append(self._every())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _every(self) -> Condition:
        parts = [self._part()]
        while self._take("and"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _part(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"nested deeper than {MAX_DEPTH}")
        if self._take("not"):
            part: Condition = Not(self._part())
        elif self._take("("):
            part = self._some()
            if not self._take(")"):
                raise self._error("expected `)`")
        else:
            part = self._comparison()
        self._depth -= 1
        return part

    def _comparison(self) -> Comparison:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise self._error(f"more than {MAX_TERMS} comparisons")
        field = self._field()
        sign = self._next
        signs = _AGE_SIGNS if field == AGE_FIELD else _TEXT_SIGNS
        if sign.kind != "sign" or sign.text not in signs:
            raise self._error(f"expected one of {' '.join(sorted(signs))} after {field}")
        self._position += 1
        value = self._next
        if value.kind not in ("word", "quoted"):
            raise self._error(f"expected a value after {sign.text}")
        self._position += 1
        seconds = 0.0
        if field == AGE_FIELD:
            seconds = durations.parse(value.text, f"{self._option}, character {value.at}")
        return Comparison(field, sign.text, value.text, seconds)

    def _field(self) -> str:
        token = self._next
        if token.kind != "word":
            raise self._error("expected a field", f"fields: {', '.join(FIELDS)}")
        name = ALIASES.get(token.text.lower(), token.text.lower())
        if name not in FIELDS:
            close = get_close_matches(name, FIELDS, n=1)
            hint = did_you_mean(close) if close else f"fields: {', '.join(FIELDS)}"
            raise self._error(f"unknown field {token.text!r}", hint)
        self._position += 1
        return name

    def _error(self, problem: str, hint: str | None = None) -> UsageError:
        return UsageError(f"{self._option}, character {self._next.at}: {problem}", hint)
