"""Replies of a pipeline that goes on where a command fails.

A key may hold another type than it should: somebody else wrote to it. That must not hide everything beside it.
"""

from __future__ import annotations

from typing import Any, TypeVar

from redis.client import Pipeline
from redis.exceptions import NoPermissionError, ResponseError

T = TypeVar("T")


def ask(pipe: Pipeline) -> list[Any]:
    """Run the pipeline. Commands that failed are errors among the replies."""
    return list(pipe.execute(raise_on_error=False))


def is_wrong_type(reply: object) -> bool:
    """Whether the key held another type."""
    return isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE")


def granted(reply: T, default: T) -> T:
    """A reply, or `default` where the key held another type. Raises any other error that came in its place."""
    if is_wrong_type(reply):
        return default
    if isinstance(reply, Exception):
        raise reply
    return reply


def is_refused(reply: object) -> bool:
    """Whether Redis does not let this user ask."""
    return isinstance(reply, NoPermissionError)
