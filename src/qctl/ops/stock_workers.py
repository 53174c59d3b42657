"""Advice to operators about stock workers that ignore pauses."""

from __future__ import annotations

HOW_TO_OBEY = (
    "in the environment of these workers run: pip install qctl-pause; "
    "then start them with: rq worker --queue-class qctl_pause.PausableQueue"
)
"""The package to install where a stock worker runs, and the option to start it with. For RQ 1.16 and newer."""
