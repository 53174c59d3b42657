"""The rule by which a topic is quiet for much longer than usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.ops.health_rules import GIVEN_UP_SECONDS, HABIT_FACTOR, MIN_QUIET_SECONDS

if TYPE_CHECKING:
    from qctl.models import TopicStatus


def is_quiet(topic: TopicStatus) -> bool:
    """Tell whether a topic is quiet for much longer than usual."""
    if topic.usual_pause is None or topic.topic is None:
        return False
    limit = max(HABIT_FACTOR * topic.usual_pause, MIN_QUIET_SECONDS)
    return limit < topic.silence < GIVEN_UP_SECONDS
