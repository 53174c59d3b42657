"""Hooks for Schemathesis: puts text that no database keeps into every body, and checks that it is refused."""

from __future__ import annotations

import random
from typing import Any

import schemathesis

HOSTILE = ("\ud800", "x\udfff", "a\0b", "\udc00\ud800")


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Replace one text of a body: a value, or the name of a field below the first level."""
    places = list(texts(body, top=True))
    if places:
        container, key = random.choice(places)
        hostile = random.choice(HOSTILE)
        if isinstance(container[key], str):
            container[key] = hostile
        else:
            container[key] = {hostile: 1}
    return body


def texts(body: Any, *, top: bool = False) -> Any:
    """The places of all texts, and of all objects below the first level."""
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        if isinstance(value, str) or (isinstance(value, dict) and not top):
            yield body, key
        yield from texts(value)


def is_hostile(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value or any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return any(is_hostile(part) for item in value.items() for part in item)
    return isinstance(value, list) and any(map(is_hostile, value))


@schemathesis.check
def hostile_text_is_refused(ctx: Any, response: Any, case: Any) -> None:
    """A body with such text is answered with 400, whatever else is in it."""
    if is_hostile(case.body):
        assert response.status_code == 400, response.status_code
