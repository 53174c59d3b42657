"""The shipped monitoring files name only metrics that qctl exports and commands that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.lines import TREE
from qctl.gateway.app import FORM_OVERHEAD_BYTES
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.view.prometheus import exposition

DEPLOY = Path(__file__).parents[2] / "deploy"

METRIC = re.compile(r"\bqctl_[a-z0-9_]+")


@pytest.fixture
def exported(settings: Settings) -> dict[str, str]:
    """The families that are exported from an empty Redis, and what kind each is."""
    ops = Ops(settings)
    text = exposition(ops.metrics.read())
    ops.close()
    return dict(line.split()[2:4] for line in text.splitlines() if line.startswith("# TYPE"))


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def rules() -> list[dict[str, Any]]:
    return [rule for group in read("alerts.yml")["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def test_every_named_metric_is_exported(exported: dict[str, str]) -> None:
    named = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert len(named) > 20
    assert named <= exported.keys()


def test_rates_are_of_counters_alone(exported: dict[str, str]) -> None:
    counted = {name for text in expressions() for name in re.findall(r"(?:rate|increase)\((qctl_[a-z0-9_]+)", text)}
    assert {exported[name] for name in counted} == {"counter"}
    assert all(expression.count("(") == expression.count(")") for expression in expressions())


def test_every_rule_says_what_is_wrong_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "fix"}
        for line in re.findall(r"qctl ([a-z ]+)", rule["annotations"]["fix"]):
            words = tuple(line.split())
            assert any(words[: len(path)] == path for path in TREE), rule["alert"]


def test_prometheus_scrapes_what_the_gateway_serves() -> None:
    (job,) = read("prometheus.yml")["scrape_configs"]
    assert job["job_name"] == "qctl"
    assert job["metrics_path"] == "/prometheus/metrics"
    assert job["static_configs"][0]["targets"] == [f"127.0.0.1:{Settings.load({}).gateway_port}"]
    assert all((DEPLOY / name).is_file() for name in read("prometheus.yml")["rule_files"])


def test_no_panel_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        assert panel["description"]
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_the_proxy_lets_pass_what_the_gateway_takes_and_keeps_clients_where_they_are() -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    assert text.count("{") == text.count("}")
    assert all(line.rstrip().endswith((";", "{", "}")) for line in statements(text))
    most = int(re.findall(r"client_max_body_size (\d+)m;", text)[0]) << 20
    assert most >= Settings.load({}).max_file_size + FORM_OVERHEAD_BYTES
    assert "hash $binary_remote_addr consistent;" in text
    assert "ssl_protocols       TLSv1.2 TLSv1.3;" in text
    assert "location /socket.io/" in text
    panel = text.partition("/admin/queues {")[2].partition("}")[0]
    assert "proxy_set_header Upgrade" in panel
    assert "proxy_set_header Host $http_host" in panel
    assert "http2 on" not in " ".join(statements(text)), "nginx 1.22 of Debian 12 does not know it"


def statements(text: str) -> list[str]:
    """Its lines without comments."""
    return [line for line in (re.sub(r"\s*#.*", "", line) for line in text.splitlines()) if line.strip()]
