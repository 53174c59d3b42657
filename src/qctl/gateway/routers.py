"""The routers of the gateway, one per module; add new ones here.

Starlette tries routes in this order, so the busiest come first.
"""

from __future__ import annotations

from fastapi import APIRouter

from qctl.gateway import (
    chat_queue_routes,
    chat_routes,
    graphql_routes,
    influx_routes,
    job_routes,
    login,
    metrics_routes,
    panel,
    push_routes,
    queue_routes,
    reading_routes,
    sign_up_page,
)

ROUTERS: tuple[APIRouter, ...] = (
    reading_routes.router,
    influx_routes.router,
    job_routes.direct,
    job_routes.router,
    login.router,
    sign_up_page.router,
    metrics_routes.router,
    queue_routes.router,
    chat_queue_routes.router,
    chat_queue_routes.admin,
    panel.router,
    chat_routes.router,
    push_routes.router,
    graphql_routes.router,
)
