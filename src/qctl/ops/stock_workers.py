"""What an operator can do about stock workers that ignore pauses."""

from __future__ import annotations

HOW_TO_OBEY = (
    "in the environment of these workers run: pip install qctl-pause; "
    "then start them with: rq worker --queue-class qctl_pause.PausableQueue"
)
"""What to install where a stock worker runs, and with which option to start it. Holds for RQ 1.16 and newer."""
