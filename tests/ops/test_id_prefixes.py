"""Unique prefixes of job ids, wherever an operation takes an id."""

from __future__ import annotations

import pytest
from redis import Redis

from qctl.errors import NotFoundError, RefusedError
from qctl.models import EventFilter, Selector
from qctl.ops import Ops
from support import stock

ADA = "6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11"
BOB = "6f1c0a77-1111-4d0e-a0f5-0d3d8b7f4c11"


@pytest.fixture(autouse=True)
def _jobs(connection: Redis) -> None:
    stock.enqueue(connection, "mail", ADA, json=True)
    stock.die(connection, stock.enqueue(connection, "mail", BOB))


def test_unique_prefix_names_a_job(ops: Ops) -> None:
    assert ops.jobs.show("6f1c0a5").id == ADA
    assert ops.explain.job("6f1c0a5").id == ADA
    assert ops.jobs.editable("6f1c0a5").id == ADA
    assert ops.dead_letters.show("6f1c0a7").letter.id == BOB
    assert ops.jobs.choose("cancel", Selector(ids=("6f1c0a5", ADA))).count == 1


def test_ambiguous_prefix_is_refused_with_the_candidates(ops: Ops) -> None:
    for act in (ops.jobs.show, ops.dead_letters.show, lambda id_: ops.jobs.choose("delete", Selector(ids=(id_,)))):
        with pytest.raises(RefusedError) as refused:
            act("6f1c0a")
        assert refused.value.message == f"job id '6f1c0a' is ambiguous: {ADA}, {BOB}"


@pytest.mark.parametrize("typed", ["6f1c0", "6f1c0*", "6f1c0a5?", "f1c0a52-93f1"])
def test_short_or_other_text_names_no_job(ops: Ops, typed: str) -> None:
    with pytest.raises(NotFoundError):
        ops.jobs.show(typed)


def test_number_is_not_short_for_a_longer_number(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "order-12")
    chosen = ops.jobs.choose("delete", Selector(ids=("order-1",)))
    assert (chosen.count, len(chosen.missing)) == (0, 1)


def test_whole_id_wins_over_ids_that_it_begins(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "import", "x")
    stock.enqueue(connection, "mail", "import-b", "x")
    assert ops.jobs.show("import").id == "import"


def test_events_of_a_prefix(ops: Ops) -> None:
    ops.jobs.cancel(ops.jobs.choose("cancel", Selector(ids=(ADA,))))
    events = ops.events.list(EventFilter(job="6f1c0a5"))
    assert {event.fields["job"] for event in events} == {ADA}
