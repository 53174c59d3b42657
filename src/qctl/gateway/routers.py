"""The parts of the gateway: each module's router. Add yours here."""

from __future__ import annotations

from fastapi import APIRouter

from qctl.gateway import chat, graphql, jobs, login, message_queues, meters, panel, queues, readings

ROUTERS: tuple[APIRouter, ...] = (
    login.router,
    jobs.router,
    meters.router,
    queues.router,
    message_queues.router,
    message_queues.admin,
    panel.router,
    readings.router,
    chat.router,
    graphql.router,
)
