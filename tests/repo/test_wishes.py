"""Requests of users of queue tools that none of the tools had granted, each with the tests that show it here.

Numbered as they were collected, each with a thread in which it was asked for. The tests are named, so that none of
them goes unnoticed.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

WISHES = {
    "1 pause one queue, not all (rq/rq#2339)": (
        "ops/test_queues.py::test_pause_and_resume",
        "cli/test_commands.py::test_pause_passes_its_options",
        "broker/worker/test_claims.py::test_pause_of_a_lane_does_not_pause_its_base_queue",
    ),
    "2 a pause that holds at once (rq/rq#526)": (
        "broker/worker/test_pauses.py::test_no_job_starts_after_pause_returned_and_each_runs_once",
        "broker/worker/test_claims.py::test_rq_suspend_takes_effect_at_once",
    ),
    "3 alerts from the queue tool itself (felixmosh/bull-board#574)": (
        "ops/test_alerts.py::test_alerts_once_when_worse_at_intervals_and_after_recovery",
        "ops/test_alerts.py::test_mail_is_sent_through_the_queue_email",
        "ops/test_alerts.py::test_a_muted_rule_sends_no_alert",
    ),
    "4 find the 12 failures among 700,000 (hibiken/asynqmon#294)": (
        "broker/query/test_search.py::test_jobs_are_found_by_every_selector",
        "cli/test_bulk_actions.py::test_incomplete_search_is_reported",
    ),
    "5 retry all that failed, across queues, without a round trip each (sidekiq/sidekiq#5781)": (
        "ops/test_jobs.py::test_retries_all_of_a_pattern_from_the_top",
    ),
    "6 mend the payload, keep the original, retry (durabullhq/durabull#147)": (
        "ops/test_jobs.py::test_a_payload_is_edited_and_runs",
    ),
    "7 move a job to another queue (hibiken/asynq#220)": ("broker/admin/test_move_jobs.py",),
    "8 recover from an accidental clear (sidekiq/sidekiq#2351)": (
        "ops/test_queues.py::test_clear_restore_and_purge",
        "cli/test_commands.py::test_clear_prints_its_undo_command",
        "cli/test_bulk_actions.py::test_undo_command_is_printed",
    ),
    "9 JSON and filters on every command (hibiken/asynq#206)": (
        "cli/test_command_tree.py::test_json_has_the_schema_of_its_command",
        "cli/test_command_tree.py::test_every_format_prints_something",
    ),
    "10 export and import dead jobs (ThomasKoppensteiner/sidekiq-undertaker#51)": ("broker/admin/test_transfer.py",),
    "11 secrets do not show (Parallels/rq-dashboard#232)": (
        "cli/test_commands.py::test_dlq_redacts_secrets_without_reveal",
        "test_safe.py::test_values_of_keys_that_sound_secret_are_hidden",
    ),
    "12 run a cron entry now, pause it (hibiken/asynqmon#352)": (
        "ops/test_schedules.py::test_a_schedule_is_paused_run_and_removed",
    ),
    "13 several environments from one tool (emirce/bullstudio#72)": (
        "settings/test_contexts.py::test_a_flag_chooses_before_the_environment_before_use",
        "cli/test_every_command.py::test_read_only_context_refuses_changes",
    ),
    "14 read-only, but may retry (felixmosh/bull-board#941)": (
        "cli/test_every_command.py::test_read_only_permits_allowed_commands",
    ),
    "15 a big registry does not kill the tool (Parallels/rq-dashboard#396)": (
        "broker/query/test_dead_letter_causes.py",
        "broker/query/test_search.py",
        "cli/test_interrupted.py::test_interrupted_clear_can_be_continued",
    ),
    "16 history that survives a restart (mher/flower#542)": (
        "test_history.py::test_job_is_read_from_the_history_after_it_expires_in_redis",
        "test_history.py::test_counts_outlive_their_events",
    ),
    "17 latency in the metrics (mdawar/rq-exporter#24)": (
        "cli/commands/test_metrics.py::test_export_has_latency_rates_and_times_of_each_queue",
    ),
    "18 failed jobs do not fill Redis (rq/rq#964)": (
        "ops/test_cleanup.py::test_old_dead_letters_move_to_the_trash_and_can_be_restored",
        "broker/admin/test_trash.py::test_full_redis_is_cleared_and_purged",
    ),
    "19 jobs of killed workers run again (rq/rq#2015)": (
        "broker/worker/test_recovery.py::test_job_of_a_killed_worker_runs_again_within_30_s",
        "broker/worker/test_recovery.py::test_job_of_a_killed_stock_worker_runs_again",
    ),
    "20 all of it over RQ without a web application (Datahenge/btu#2)": (
        "cli/test_program.py::test_pause_clear_restore_and_resume_a_queue_of_stock_rq",
    ),
    "21 ingest holds back, isolates and counts instead of losing (influxdata/telegraf#2240)": (
        "sources/test_mqtt_bridge.py::test_a_full_buffer_holds_the_messages_back",
        "daemons/test_mqtt_bridge.py::test_bad_payloads_are_dead_letters_and_the_stream_goes_on",
        "daemons/test_mqtt_bridge.py::test_nothing_is_acknowledged_that_redis_does_not_have",
    ),
    "22 retries and schedules that one can follow (rq/rq#2193)": (
        "ops/test_schedules.py::test_a_retry_of_stock_rq",
        "ops/test_jobs.py::test_a_job_is_shown_with_all_its_data_without_its_queue",
    ),
}
"""Each wish with its tests: a function of a file, or a file that is about it as a whole."""


@cache
def functions(file: str) -> set[str]:
    """The test functions of a file."""
    # Not with `ast`: in Python up to 3.11.7 it fails at random in a process with threads (python/cpython#106905).
    return set(re.findall(r"^def (test_\w+)\(", (TESTS / file).read_text(), re.MULTILINE))


@pytest.mark.parametrize("wish", WISHES)
def test_every_wish_has_tests(wish: str) -> None:
    for named in WISHES[wish]:
        file, _, test = named.partition("::")
        assert functions(file), file
        assert not test or test in functions(file), named


def test_no_wish_was_forgotten() -> None:
    assert [int(wish.split()[0]) for wish in WISHES] == list(range(1, 23))
