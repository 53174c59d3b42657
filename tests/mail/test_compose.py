"""Mails are composed from templates; no value of a payload becomes a header, a recipient or markup."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.errors import RejectedError, SettingsError
from qctl.mail.compose import compose, parse_address, parse_sender

FROM = "Shop <shop@example.org>"


def test_text_and_html_contain_the_values() -> None:
    mail = compose("welcome-email", {"userName": "Ann & Bö <b>"}, to="ann@example.org", sent_by=FROM, key="job-1")
    assert (mail["To"], mail["From"], mail["Subject"]) == ("ann@example.org", FROM, "Welcome, Ann & Bö <b>")
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "Hello Ann & Bö <b>," in text
    assert "Hello Ann &amp; Bö &lt;b&gt;," in html


def test_same_key_gives_the_same_message_id() -> None:
    ids = [
        compose("welcome-email", {"userName": "x"}, to="a@b.c", sent_by=FROM, key=key)["Message-ID"] for key in "aab"
    ]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@example.org>")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "ann",
        "ann@",
        "@example.org",
        "a@b@c",
        "a b@example.org",
        "ann@example.org\r\nBcc: eve@example.org",
        "ann@example.org, eve@example.org",
        "Ann <ann@example.org>",
        '"a\\"b"@example.org',
        "ann@exa mple.org",
        "ann@-example.org",
        "ann@ex..ämple.org",
        "ann@\u200bexämple.org\u202e",
        "a" * 250 + "@example.org",
        "ann@example.org\0",
        "ann@[127.0.0.1]",
        None,
        5,
    ],
)
def test_invalid_address_is_rejected(bad: object) -> None:
    with pytest.raises(RejectedError, match="not an email address"):
        parse_address(bad)


@pytest.mark.parametrize("good", ["ann@example.org", "a.b+c@sub.example.org", "x@localhost"])
def test_plain_address_is_accepted(good: str) -> None:
    assert parse_address(good) == good


def test_domain_that_is_not_ascii_is_written_as_idna() -> None:
    assert parse_address("ann@müller.de") == "ann@xn--mller-kva.de"
    assert parse_address("ann@straße.de") == "ann@xn--strae-oqa.de"
    assert parse_address("jürgen@例え.jp") == "jürgen@xn--r8jz45g.jp"


@given(st.text(max_size=60))
def test_arbitrary_name_adds_no_recipient_or_header(name: str) -> None:
    try:
        mail = compose("welcome-email", {"userName": name}, to="ann@example.org", sent_by=FROM, key="k")
    except RejectedError:
        return
    raw = bytes(mail)
    headers = raw.split(b"\r\n\r\n", 1)[0]
    names = [line.split(b":")[0] for line in headers.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert sorted(names) == sorted(
        [b"To", b"From", b"Subject", b"Date", b"Message-ID", b"Auto-Submitted", b"Content-Type", b"MIME-Version"]
    )


def test_own_templates_take_precedence(tmp_path: Path) -> None:
    (tmp_path / "welcome-email.subject.txt").write_text("Moin {{ userName }}")
    mail = compose("welcome-email", {"userName": "Ann"}, to="a@b.c", sent_by=FROM, key="k", folder=tmp_path)
    assert mail["Subject"] == "Moin Ann"
    assert "your account is ready" in str(mail.get_body(("plain",)))


def test_own_template_runs_in_a_sandbox(tmp_path: Path) -> None:
    (tmp_path / "welcome-email.txt").write_text("{{ userName.__class__.__mro__ }}")
    with pytest.raises(Exception, match="unsafe"):
        compose("welcome-email", {"userName": "Ann"}, to="a@b.c", sent_by=FROM, key="k", folder=tmp_path)


def test_invalid_sender_names_the_setting() -> None:
    assert str(parse_sender(FROM)) == FROM
    with pytest.raises(SettingsError, match="SMTP_FROM"):
        parse_sender("nobody")
