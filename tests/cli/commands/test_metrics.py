"""`qctl metrics`: metrics for people and for Prometheus."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.conftest import Ran
from cli.fake import FakeOps
from cli.fake_watching import METRICS, QUEUE
from qctl.errors import RedisUnreachableError
from qctl.histogram import Histogram
from qctl.models import QueueStats, Series, Stats, Totals
from qctl.view.prometheus import exposition

Qctl = Callable[..., Ran]

AWAY = RedisUnreachableError("Redis at x does not answer")


def samples(text: str) -> dict[tuple[str, str], float]:
    """Return every sample by its name and labels. The parser rejects what Prometheus would reject."""
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# --- export -------------------------------------------------------------------------------------------------


def test_export_has_the_totals_of_queuecraft(qctl: Qctl) -> None:
    seen = samples(qctl("metrics", "export").out)
    assert {name: seen[f"qctl_{name}", ""] for name in QUEUECRAFT_TOTALS} == QUEUECRAFT_TOTALS


QUEUECRAFT_TOTALS = {
    "jobs_total": 36,  # 30 done, 4 waiting, 2 dead
    "jobs_pending": 4,
    "jobs_running": 0,
    "jobs_completed_total": 30,
    "jobs_failed_total": 10,
    "jobs_retries_total": 5,
    "jobs_dlq": 2,
    "jobs_success_rate": 75,
    "jobs_failure_rate": 25,
    "rate_limit_hits_total": 7,
}


def test_export_has_latency_rates_and_times_of_each_queue() -> None:
    late = replace(QUEUE, oldest_age=42.5, waits=Histogram({0: 10}), out_rate=1.5, workers=2, memory=5000)
    seen = samples(exposition(replace(METRICS, stats=Stats(METRICS.stats.at, [late], Totals.of([late])))))
    email = {name.removeprefix("qctl_queue_"): value for (name, queue), value in seen.items() if queue == "email"}
    assert email["latency_seconds"] == 42.5
    assert (email["depth"], email["finished_per_second"], email["workers"], email["memory_bytes"]) == (4, 1.5, 2, 5000)
    assert (email["error_ratio"], email["finished_total"], email["retried_total"]) == (0.25, 30, 5)
    assert seen["qctl_queue_run_seconds", "0.99,email"] == pytest.approx(4.8, rel=0.05)
    assert seen["qctl_queue_wait_seconds", "0.5,email"] == pytest.approx(1, rel=0.05)
    assert seen["qctl_queue_jobs", "email,dead"] == 2
    assert (seen["qctl_redis_up", ""], seen["qctl_redis_memory_bytes", ""]) == (1, 1_000_000)


def test_export_has_metrics_of_pipelines_and_topics() -> None:
    seen = samples(exposition(METRICS))
    readings = {name.removeprefix("qctl_"): value for (name, label), value in seen.items() if label == "readings"}
    assert readings == {
        "buffer_items": 40,
        "buffer_age_seconds": 0.5,
        "ingest_received_total": 12_000,
        "ingest_batched_total": 11_960,
        "ingest_rejected_total": 3,
        "ingest_sessions_lost_total": 2,
        "ingest_broker_dropped_total": 0,
        "ingest_received_per_second": 120.5,
        "ingest_batches": 2,
        "ingest_lag_seconds": 75,
    }
    assert seen["qctl_ingest_received_total", "messages"] == 0
    assert ("qctl_ingest_received_per_second", "messages") not in seen
    assert seen["qctl_topic_received_per_second", "readings,sensors/hall"] == 2
    assert seen["qctl_topic_lag_seconds", "readings,sensors/hall"] == 0.25


def test_unknown_values_are_omitted() -> None:
    queue = QueueStats("q", error="its key holds text", waiting=1)
    empty = replace(METRICS, stats=Stats(METRICS.stats.at, [queue], Totals.of([queue])), ever={}, memory=None)
    seen = samples(exposition(empty))
    assert ("qctl_jobs_success_rate", "") not in seen
    assert ("qctl_redis_memory_bytes", "") not in seen
    assert {name for name, label in seen if label == "q"} == {"qctl_queue_up", "qctl_queue_paused"}
    assert seen["qctl_queue_up", "q"] == 0


def test_hostile_names_are_escaped_and_distinct() -> None:
    names = ["\x1b[31m", r"\x1b[31m", 'a"b', "a\nb", "a\\b", "{x}", "\udcff", "ü\u202e"]
    queues = [QueueStats(name, waiting=n) for n, name in enumerate(names)]
    ever = {name: {"finished": n} for n, name in enumerate(names)}
    text = exposition(replace(METRICS, stats=Stats(METRICS.stats.at, queues, Totals.of(queues)), ever=ever))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    seen = samples(text)
    depths = {label: value for (name, label), value in seen.items() if name == "qctl_queue_depth"}
    finished = {label: value for (name, label), value in seen.items() if name == "qctl_queue_finished_total"}
    assert sorted(depths.values()) == list(range(len(names)))
    assert depths == finished


def test_export_without_redis_reports_it_as_down(qctl: Qctl) -> None:
    ran = qctl("metrics", "export", ops=FakeOps(metrics__read=AWAY))
    assert ran.code == 4
    assert samples(ran.out) == {("qctl_redis_up", ""): 0}
    assert "does not answer" in ran.err


def test_export_replaces_a_file_atomically(qctl: Qctl, tmp_path: Path) -> None:
    file = tmp_path / "qctl.prom"
    file.write_text("old")
    ran = qctl("metrics", "export", "--to", str(file))
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert samples(file.read_text())["qctl_jobs_dlq", ""] == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [path for path in tmp_path.iterdir() if path.is_file()] == [file]


def test_unwritable_file_is_reported(qctl: Qctl, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for target in ("nowhere/qctl.prom", "folder"):
        ran = qctl("metrics", "export", "--to", str(tmp_path / target))
        assert (ran.code, ran.out) == (1, "")
        assert "cannot be written" in ran.err
    assert [path.name for path in tmp_path.iterdir() if path.name != "config"] == ["folder"]


@pytest.mark.parametrize("option", [("--json",), ("-o", "csv")])
def test_export_refuses_output_formats(option: tuple[str, ...], qctl: Qctl) -> None:
    assert qctl("metrics", "export", *option).code == 2


# --- show ---------------------------------------------------------------------------------------------------


def test_show_passes_period_and_step(qctl: Qctl) -> None:
    ops = FakeOps()
    qctl("metrics", "show", "email", "--since", "24h", "--step", "1h", ops=ops)
    qctl("metrics", "show", ops=ops)
    qctl("metrics", "show", "--since", "5m", ops=ops)
    calls = ops.calls_of("metrics__series")
    assert calls[0] == ((["email"],), {"seconds": 86_400.0, "step": 3600.0})
    assert [options["step"] for _, options in calls[1:]] == [300.0, 60.0]


def test_show_prints_a_table_of_steps(qctl: Qctl) -> None:
    heading, first, *_ = qctl("metrics", "show", "-o", "table").out.splitlines()
    assert heading.split()[:3] == ["FROM", "DEPTH", "IN"]
    assert "1.0s 4.8s 4.8s" in first
    assert "25%" in first or "RUN" in heading


@pytest.mark.parametrize("metric", ["depth", "rate", "wait", "run"])
def test_show_plots_a_metric(metric: str, qctl: Qctl) -> None:
    ran = qctl("metrics", "show", "--plot", metric)
    assert ran.code == 0
    assert len(ran.out.splitlines()) >= 10
    assert "\x1b" not in ran.out
    if metric != "depth":
        assert ("p95" if metric in ("wait", "run") else "failed") in ran.out


def test_plot_without_metrics_says_so(qctl: Qctl) -> None:
    ran = qctl("metrics", "show", "--plot", "wait", ops=FakeOps(metrics__series=Series([], 300.0, [])))
    assert (ran.code, ran.out) == (0, "No metrics in this period.\n")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("--since", "5"), "--since: '5' has no unit"),
        (("--since", "30s"), "--since: '30s' is shorter than 60s"),
        (("--step", "1x"), "--step: '1x' has a unit other than"),
        (("--plot", "all"), "'all' is not one of"),
    ],
)
def test_malformed_option_exits_2(line: tuple[str, ...], message: str, qctl: Qctl) -> None:
    ran = qctl("metrics", "show", *line)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
