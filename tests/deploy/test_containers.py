"""The container files run every daemon, with settings that exist, and ask for secrets instead of shipping them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.routing import APIRoute

from qctl import catalog
from qctl.gateway.metrics_routes import router
from qctl.ops import Ops
from qctl.settings import Settings, env_example
from qctl.view.prometheus import exposition

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = DEPLOY / "container" / "compose.yaml"
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))

SETTINGS = frozenset(re.findall(r"^#([A-Z_0-9]+)=", env_example(), re.MULTILINE))
COMMANDS = {spec.command for spec in catalog.DAEMONS.values()}
LONGEST_JOB_SECONDS = max(spec.timeout for spec in catalog.JOBS.values())


def services() -> dict[str, Any]:
    """The services of compose.yaml that run qctl."""
    every = yaml.safe_load(COMPOSE.read_text())["services"]
    return {name: service for name, service in every.items() if service["image"] == "localhost/qctl"}


def documents(kind: str) -> list[dict[str, Any]]:
    """The Kubernetes objects of one kind."""
    found = [document for path in KUBERNETES for document in yaml.safe_load_all(path.read_text())]
    return [document for document in found if document["kind"] == kind]


def containers() -> list[dict[str, Any]]:
    return [container for pod in pods() for container in pod["containers"]]


def pods() -> list[dict[str, Any]]:
    return [deployment["spec"]["template"]["spec"] for deployment in documents("Deployment")]


def seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


def test_compose_runs_every_daemon() -> None:
    assert {tuple(service["command"]) for service in services().values()} == COMMANDS


def test_kubernetes_runs_every_daemon() -> None:
    assert {tuple(container["command"]) for container in containers()} == COMMANDS


def test_containers_get_settings_that_exist() -> None:
    for service in services().values():
        assert set(service["environment"]) <= SETTINGS
    for kind, field in (("ConfigMap", "data"), ("Secret", "stringData")):
        for document in documents(kind):
            assert set(document[field]) <= SETTINGS


def test_secrets_are_asked_for() -> None:
    example = (DEPLOY / "container" / "site.env.example").read_text()
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text()))
    assert required
    assert all(re.search(rf"^{name}=$", example, re.MULTILINE) for name in required)
    assert {value for secret in documents("Secret") for value in secret["stringData"].values()} == {""}


def test_ports_are_published_on_loopback_alone() -> None:
    every = yaml.safe_load(COMPOSE.read_text())["services"].values()
    ports = [port for service in every for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_a_stopped_worker_may_end_its_longest_job() -> None:
    workers = [service for service in services().values() if service["command"][0] == "qctl-worker"]
    assert all(seconds(service["stop_grace_period"]) > LONGEST_JOB_SECONDS for service in workers)
    for pod in pods():
        if pod["containers"][0]["command"][0] == "qctl-worker":
            assert pod["terminationGracePeriodSeconds"] > LONGEST_JOB_SECONDS


def test_containers_run_without_root_and_without_a_writable_image() -> None:
    assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in services().values())
    for pod, container in zip(pods(), containers(), strict=True):
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]


def test_probed_routes_exist() -> None:
    paths = {probe["httpGet"]["path"] for pod in containers() for probe in probes(pod)}
    paths |= set(re.findall(r"http://127\.0\.0\.1:2000(/\w+)", COMPOSE.read_text()))
    assert paths == {"/healthz", "/sync"}
    assert paths <= {route.path for route in router.routes if isinstance(route, APIRoute)}


def probes(container: dict[str, Any]) -> list[dict[str, Any]]:
    found = [container.get(name, {}) for name in ("readinessProbe", "livenessProbe")]
    return [probe for probe in found if "httpGet" in probe]


def test_autoscaling_asks_for_exported_metrics_of_queues_that_its_workers_serve(settings: Settings) -> None:
    ops = Ops(settings)
    exported = re.findall(r"^# TYPE (\w+)", exposition(ops.metrics.read()), re.MULTILINE)
    ops.close()
    served = {container["name"]: set(container["command"][1:]) for container in containers()}
    for scaled in documents("ScaledObject"):
        name = scaled["spec"]["scaleTargetRef"]["name"].removeprefix("qctl-")
        query = scaled["spec"]["triggers"][0]["metadata"]["query"]
        assert set(re.findall(r"qctl_\w+", query)) <= set(exported)
        assert set(re.search(r'queue=~"([^"]+)"', query)[1].split("|")) == served[name]  # type: ignore[index]


@pytest.mark.parametrize("path", re.findall(r"- (\.\.?/[\w./-]+):", COMPOSE.read_text()))
def test_mounted_files_exist(path: str) -> None:
    assert (COMPOSE.parent / path).exists()


def test_the_image_gets_every_file_that_the_wheel_needs(tmp_path: Path) -> None:
    root = DEPLOY.parent
    included = re.findall(r"^!(\S+)", (root / ".containerignore").read_text(), re.MULTILINE)
    assert {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "src", "daemons"} <= set(included)
    tracked = subprocess.run(
        ["git", "ls-files", *included], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    linked = {path for path in tracked.splitlines() if (root / path).is_symlink()}
    for path in linked:
        assert (root / path).resolve().relative_to(root).parts[0] in included
