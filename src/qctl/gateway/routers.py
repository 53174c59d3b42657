"""The parts of the gateway: each module's router. Add yours here. They are asked in this order, so what is asked most
comes first."""

from __future__ import annotations

from fastapi import APIRouter

from qctl.gateway import chat, graphql, jobs, login, message_queues, meters, panel, queues, readings

ROUTERS: tuple[APIRouter, ...] = (
    readings.router,
    jobs.router,
    login.router,
    meters.router,
    queues.router,
    message_queues.router,
    message_queues.admin,
    panel.router,
    chat.router,
    graphql.router,
)
