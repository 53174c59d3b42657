"""The parts of the gateway: each module's router. Add yours here."""

from __future__ import annotations

from fastapi import APIRouter

from qctl.gateway import jobs, login, meters

ROUTERS: tuple[APIRouter, ...] = (login.router, jobs.router, meters.router)
