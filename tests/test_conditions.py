"""The filter language: what it selects, and how it refuses what is wrong or hostile."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl import conditions
from qctl.errors import UsageError

JOB = {
    "id": ["job-1"],
    "queue": ["email.high"],
    "state": ["failed", "dead"],
    "name": ["app.tasks.send_mail", "send_mail"],
    "owner": ["Ada"],
    "worker": [""],
    "error": ['ValueError: it said "no"\nTraceback'],
    "argument": ['["a@b.c"]'],
    "cause": ["0d9c5c1fb0a7"],
}


def meets(text: str, age: float | None = 7200.0) -> bool:
    return conditions.matches(conditions.parse(text), JOB.__getitem__, age)


@pytest.mark.parametrize(
    "text",
    [
        'state=failed and name~"send" and age>1h and error~"valueerror"',
        "state = DEAD",
        "queue=email* and not queue=email",
        "name=send_mail or name=nothing",
        "(owner=bob or owner=ada) and age<=2h and age>=2h",
        "error~'it said \"no\"'",
        "owner!=bob and owner!~ob and not (age<1h)",
        "job~mail AND fingerprint=0d9*",
        'worker=""',
        "not not state=failed",
        "argument~a@b.c",
    ],
)
def test_condition_holds(text: str) -> None:
    assert meets(text)


@pytest.mark.parametrize(
    "text", ["state=queued", "name~x or age<2h", "queue=email", "owner!=ada", "queue=email?high", "queue=[e]mail*"]
)
def test_condition_does_not_hold(text: str) -> None:
    assert not meets(text)


def test_unknown_age_is_neither_long_nor_short() -> None:
    assert not meets("age>1s", None)
    assert not meets("age<1s", None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "character 1: expected a field"),
        ("stat=failed", "character 1: unknown field 'stat'; did you mean 'state'?"),
        ("state=failed nam~x", "character 14: expected `and`, `or` or the end, not 'nam'"),
        ("state=failed and", "character 17: expected a field"),
        ("age=1h", "character 4: expected one of < <= > >= after age"),
        ("age>1x", "character 5"),
        ("name>1", "character 5: expected one of != !~ = ~ after name"),
        ("name~", "character 6: expected a value after ~"),
        ("(state=failed", "character 14: expected `)`"),
        ("error~'open", "character 7: a quote is not closed"),
        ("a" * 1001, "has 1001 characters; allowed: 1000"),
        ("(" * 21 + "id=1", "nested deeper than 20"),
        ("not " * 30 + "id=1", "nested deeper than 20"),
        (" or ".join(["id=1"] * 51), "more than 50 comparisons"),
        ("id=1 ! x", "unexpected '!'"),
    ],
)
def test_mistake_is_named_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        conditions.parse(text)
    assert re.search(re.escape(problem), f"{caught.value.message}; {caught.value.hint}")
    assert caught.value.message.startswith("--where")


@given(st.text(alphabet="()=!~<>\"' andorts*age1h", max_size=120) | st.text(max_size=80))
def test_any_text_is_a_condition_or_a_usage_error(text: str) -> None:
    try:
        condition = conditions.parse(text)
    except UsageError:
        return
    assert conditions.matches(condition, JOB.__getitem__, 1.0) in (True, False)


def test_wildcards_do_not_backtrack_for_long() -> None:
    condition = conditions.parse(f"name={'a*' * 200}b")
    assert not conditions.matches(condition, lambda _: ["a" * 20_000], 1.0)


def test_required_values_narrow_the_search() -> None:
    def required(text: str) -> list[str] | None:
        return conditions.required(conditions.parse(text), "state")

    assert required("name~x and (state=failed or state=quarantined)") == ["failed", "quarantined"]
    assert required("state=failed or name~x") is None
    assert required("not state=failed") is None
    assert required("state!=failed") is None


def test_words_are_completed() -> None:
    assert conditions.complete("st") == ["state"]
    assert conditions.complete("state=failed ") == ["state=failed and ", "state=failed or "]
    assert conditions.complete("state=failed and na") == ["state=failed and name"]
    assert conditions.complete("error~") == []
    assert "queue" in conditions.complete("")
