"""The site: its folder, its files, and the settings that all of its programs run with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qctl.settings import Settings

ROOT = Path(__file__).parents[1]

OWN_PORTS = {"MQTT_PORT": "1884", "PORT": "3001", "QCTL_GATEWAY_PORT": "2001"}
"""Ports beside those of a `qctl up` that is in use."""

INHERITED_SETTINGS = ("LOG_LEVEL", "LOG_FORMAT", *OWN_PORTS)
"""Settings inherited from the environment. No other is: one that names a real server, of Redis or of
mail, would have made-up data sent there."""

CLOSED = 9
"""The port of a supplier that never answers: discard's, on which nothing listens nowadays."""

ALERTS = """\
[[alert]]
name = "dead-letters"
max-dead = "1:1000"
repeat = "1h"
email = ["ops@shop.example"]

[[alert]]
name = "reports-late"
queues = ["report"]
max-age = "10s:1h"
min-workers = "1"
email = ["boss@shop.example"]

[[alert]]
name = "errors"
queues = ["shop", "email"]
max-errors = "20%:90%"
email = ["shop-team@shop.example"]
"""

DELIVERY = """\
Article;Qty;Price
lamp;40;29,90
chair;12;89,00
table;a few;240,00
rug;7;130,00
lamp;41;29,90
"""
"""A supplier's file, with two lines that nobody can import."""

WAREHOUSE = "sku,name,quantity,threshold\nlamp,Desk lamp,35,10\nchair,Chair,4,10\nsofa,Sofa,2,1\n"


@dataclass(frozen=True)
class Site:
    """The demo's home and ports. `partner` is the port of the supplier's server (`partner.py`)."""

    home: Path
    partner: int

    @property
    def environ(self) -> dict[str, str]:
        """The environment of every program of the site."""
        known = {spec.env for spec in Settings.specs()}
        ours = {name: value for name, value in os.environ.items() if name not in known or name in INHERITED_SETTINGS}
        supplier = f"127.0.0.1:{self.partner}"
        own = {
            "QCTL_HOME": str(self.home),
            "QCTL_JOBS_MODULES": "demo.shop",
            "GATEWAY_DEFAULT_JOB": "simulate",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "QCTL_SOURCES": f"supplier=http://{supplier}/stock, warehouse={self.home}/warehouse.csv, "
            f"closed=http://127.0.0.1:{CLOSED}/stock",
            "QCTL_ALLOWED_HOSTS": f"{supplier},127.0.0.1:{CLOSED}",
            "QCTL_LOW_STOCK_EMAIL": "buyer@shop.example",
            "QCTL_SCHEDULE_STOCK_CHECK": "* * * * *",
            "QCTL_ALERT_INTERVAL": "5",
            "SMTP_FROM": "Shop <shop@shop.example>",
        }
        return {"LOG_FORMAT": "text", **OWN_PORTS, **ours, **own}

    @property
    def settings(self) -> Settings:
        """The settings that the site's programs see. Right only once its Redis runs."""
        return Settings.load(environ=self.environ, dotenv=Path(os.devnull))

    def furnish(self) -> None:
        """Make the folder, and in it the files that jobs read and the rules of alerts. Done again, they are as new."""
        settings = self.settings
        settings.make_home()
        settings.uploads.mkdir(exist_ok=True)
        for file, text in self._files(settings.uploads):
            file.write_text(text, encoding="utf-8")

    def _files(self, uploads: Path) -> Iterator[tuple[Path, str]]:
        yield self.home / "alerts.toml", ALERTS
        yield self.home / "warehouse.csv", WAREHOUSE
        yield uploads / "delivery.csv", DELIVERY
        yield uploads / "holiday.png", "this is no image"
