"""Hostile text comes out inert, and secrets do not come out at all."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.safe import MASK, escape_line, escape_text, is_plain, redact, redact_url

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)
"""Lone surrogates too, as an undecodable byte gives them."""

NAMED_FORBIDDEN = {
    chr(point)
    for first, last in (
        (0x00, 0x1F),
        (0x7F, 0x9F),
        (0x200B, 0x200F),
        (0x2028, 0x202E),
        (0x2066, 0x2069),
        (0xD800, 0xDFFF),
        (0x061C, 0x061C),
        (0x2060, 0x2060),
        (0xFEFF, 0xFEFF),
    )
    for point in range(first, last + 1)
}
SECRET = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\"'<>@"), min_size=8, max_size=30
).filter(lambda s: "://" not in s and MASK not in s and s not in "password=token=secret")


@given(ANY_TEXT)
def test_no_active_character_comes_out(text: str) -> None:
    assert not NAMED_FORBIDDEN.intersection(escape_text(text).replace("\n", "").replace("\t", ""))
    assert not NAMED_FORBIDDEN.intersection(escape_line(text))


@given(ANY_TEXT)
def test_what_is_inert_stays_as_it_is(text: str) -> None:
    assert escape_text(escape_text(text)) == escape_text(text)
    assert escape_line(escape_line(text)) == escape_line(text) == escape_line(escape_text(text))


@given(st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Mn"))))
def test_printable_text_is_not_touched(text: str) -> None:
    assert escape_text(text) == escape_line(text) == text


@given(st.lists(st.text(max_size=20) | st.sampled_from(["token=a", "redis://a:b@c", "eyJhbGciOiJI.a.b"]), max_size=4))
def test_parts_of_plain_text_stay_as_they_are(parts: list[str]) -> None:
    if is_plain(" ".join(parts)):
        assert [escape_line(redact(part)) for part in parts] == parts
        assert escape_text(redact(" ".join(parts))) == " ".join(parts)


@pytest.mark.parametrize("text", ["token=a", "a\nb", "\u202e", "redis://:a@b", "Bearer abcdefgh", "a" * 10_001])
def test_text_that_has_to_be_changed_is_not_plain(text: str) -> None:
    assert is_plain("POST /job/create 201 3 ms")
    assert not is_plain(text)


def test_what_is_written_out_says_which_character_it_was() -> None:
    for character in NAMED_FORBIDDEN:
        assert escape_line(character).encode("ascii").decode("unicode_escape") == character


@given(ANY_TEXT, st.integers(1, 40))
def test_no_more_than_the_limit_comes_out(text: str, limit: int) -> None:
    shown = escape_text(text, limit)
    assert len(shown) <= limit
    assert escape_text(shown, limit) == shown
    assert (shown == escape_text(text)) or shown.endswith("…")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("txt.\u202eexe", r"txt.\u202eexe"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("\udc80", r"\udc80"),
        ("\U000e0041", r"\U000e0041"),
        ("kept\n\there\r", "kept\n\there\\r"),
    ],
)
def test_the_form_of_what_is_written_out(hostile: str, shown: str) -> None:
    assert escape_text(hostile) == shown


def test_a_line_stays_one_line() -> None:
    assert escape_line("a\nb\tc\u2028d") == r"a\nb\tc\u2028d"


@given(SECRET, st.sampled_from(["redis://:{}@h:1/0", "x amqp://user:{}@h y", "unix://u:{}@/run/redis.sock?db=0"]))
def test_passwords_in_urls_are_hidden_anywhere(secret: str, text: str) -> None:
    assert secret not in redact(text.format(secret))
    assert redact(text.format(secret)) == text.format(MASK)


@given(st.text(min_size=1, max_size=30).filter(lambda s: s not in "redis://:***@host:6379/0"))
def test_the_password_of_a_url_is_hidden_whatever_it_is(secret: str) -> None:
    assert redact_url(f"redis://:{quote(secret, safe='')}@host:6379/0") == "redis://:***@host:6379/0"
    assert redact_url(f"redis://:{secret}@host:6379/0").endswith("***@host:6379/0")


@given(
    SECRET,
    st.sampled_from(["password", "REDIS_PASSWORD", "INFLUX_TOKEN", "apiKey", "x-api-key", "client_secret"]),
)
def test_values_of_keys_that_sound_secret_are_hidden(secret: str, key: str) -> None:
    around = {"before": 1, key: secret, "after": [2]}
    shown = redact(json.dumps(around))
    assert json.loads(shown) == {**around, key: MASK}
    assert json.loads(json.loads(redact(json.dumps(json.dumps(around))))) == {**around, key: MASK}
    assert secret not in redact(f"{key}={secret!r} host=h")
    assert secret not in redact(f"Error({around!r})")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2 host=db", "password=*** host=db"),
        ("GET /x?token=abc&page=2", "GET /x?token=***&page=2"),
        ("Authorization: Bearer abc.def\nHost: h", "Authorization: ***\nHost: h"),
        ("sent authorization=Basic dXNlcg== ok", "sent authorization=*** ok"),
        ("with bearer abcdefgh12345", "with bearer ***"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln ok", "jwt *** ok"),
        ("{'secret': b'x y', 'n': 1}", "{'secret': '***', 'n': 1}"),
        ('{"password": "cut off he', '{"password": "***"'),
        ("token=['a', 'b'] n=1", "token=*** n=1"),
        ("redis://a:b@h1,redis://c:d@h2", "redis://a:***@h1,redis://c:***@h2"),
    ],
)
def test_secrets_in_the_wild(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "ws://host:80#a@b and http://u@host:8080/x:y@z",
        "redis://localhost:6379/0",
        "see http://host:8080/users?mail=bob@example.com",
        "REDIS_PASSWORD: not set, but required by REDIS_HOST",
        "max_tokens=512 and the password is wrong",
        "https://user@host/path",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_a_url_that_is_none_is_no_error() -> None:
    assert redact_url("redis://u:p@[::1") == "redis://u:***@[::1"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["://a:", "password=", "token ", 'secret="\\', "cookie: ", "eyJaaaaaaaa.", "x-"])
def test_hostile_repetition_does_not_stall_it(piece: str) -> None:
    redact(piece * (500_000 // len(piece)))
