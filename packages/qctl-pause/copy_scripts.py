"""Copy qctl's claim scripts, as Redis gets them, beside the module of qctl-pause."""

from __future__ import annotations

from pathlib import Path

from qctl.broker.redis.scripts import Script
from qctl.broker.worker import claim_request as request
from qctl.broker.worker import claims, lease, pausable_queue

SCRIPTS: dict[str, Script] = {
    "claim": request._claim,
    "renew": lease._renew,
    "release": pausable_queue._release,
    "putback": claims._putback,
    "quarantine": claims._quarantine,
}

if __name__ == "__main__":
    for name, script in SCRIPTS.items():
        (Path(__file__).parent / "src" / "qctl_pause" / f"{name}.lua").write_text(script.body, encoding="utf-8")
