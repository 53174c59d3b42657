"""Jobs of the shop's own, as its developers would write them (QCTL_JOBS_MODULES=demo.shop).

A worker of the queue `shop` runs them.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import time
from typing import Any

from qctl import job, progress

ADDRESSES = {"ada": "12 St James's Square, London", "grace": "1 Navy Yard, Washington"}

PAGES = 40


@job("send-invoice", queue="shop", retries=1, backoff=1)
def send_invoice(customer: str, number: int) -> str:
    """An invoice by post; a customer without an address makes it fail."""
    time.sleep(0.1)
    return f"invoice {number} to {ADDRESSES[customer]}"


@job("charge-card", queue="shop", retries=6, backoff=2)
def charge_card(customer: str, cents: int) -> dict[str, int]:
    """Take money; every third time the bank does not answer, and a retry helps."""
    time.sleep(random.uniform(0.05, 0.3))
    if random.random() < 1 / 3:
        raise TimeoutError("the bank did not answer within 5 s")
    return {customer: -cents}


@job("draw-catalogue", queue="shop", retries=0, timeout=120)
def draw_catalogue(season: str) -> int:
    """A catalogue, page by page: long enough to be looked at, and stopped."""
    for page in range(1, PAGES + 1):
        time.sleep(random.uniform(0.3, 0.7))
        progress(page, PAGES, f"{season}, page {page}")
    return PAGES


@job("simulate", queue="shop")
def simulate(name: str, data: dict[str, Any] | None = None) -> str:
    """Whatever a user of the gateway calls it: some seconds of work, which fails where the name says so."""
    steps = int((data or {}).get("steps", 10))
    for step in range(1, steps + 1):
        time.sleep(random.uniform(0.1, 0.5))
        progress(step, steps, name)
        if step == 2 and "fail" in name.lower():
            raise RuntimeError(f"{name} was to fail")
    return f"{name} is done"


@job("shrink-picture", queue="shop")
def shrink_picture(name: str) -> None:
    """A picture that kills its worker, as a bug in a library does: after three times it is quarantined."""
    logging.getLogger(__name__).info("reading %s", name)
    os.kill(os.getpid(), signal.SIGKILL)
