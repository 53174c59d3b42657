"""Sending to a real SMTP server: its reply determines the error."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.mail.compose import compose
from qctl.mail.transport import MailDeferredError, send
from qctl.settings import Settings
from support.certificates import certified
from support.mail import Mailbox, UnrulyServer, smtp_server
from support.process import free_port


@pytest.fixture
def mail() -> EmailMessage:
    return compose("welcome-email", {"userName": "Ann"}, to="ann@example.org", sent_by="a@b.c", key="job-1")


@pytest.fixture
def server() -> Iterator[Mailbox]:
    with smtp_server() as mailbox:
        yield mailbox


def settings_for(make_settings: Callable[..., Settings], port: int, **names: str) -> Settings:
    return make_settings(SMTP_HOST="127.0.0.1", SMTP_PORT=str(port), SMTP_SECURITY="none", **names)


def test_mail_arrives(make_settings: Callable[..., Settings], mail: EmailMessage, server: Mailbox) -> None:
    send(mail, settings_for(make_settings, server.port))
    assert server.recipients == ["ann@example.org"]
    assert server.mails[0]["Message-ID"] == mail["Message-ID"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("450 busy", MailDeferredError),
        ("452 no room", MailDeferredError),
        ("421 closing", SinkUnavailableError),
        ("550 no such user", RejectedError),
        ("553 bad name", RejectedError),
    ],
)
def test_reply_determines_the_error(
    make_settings: Callable[..., Settings], mail: EmailMessage, server: Mailbox, answer: str, error: type[QctlError]
) -> None:
    server.answers = [answer]
    with pytest.raises(error, match=answer.split()[0]):
        send(mail, settings_for(make_settings, server.port))
    assert server.mails == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # a login without TLS, on this machine
def test_wrong_credentials_are_misconfigured(make_settings: Callable[..., Settings], mail: EmailMessage) -> None:
    with smtp_server(password="right") as server:
        login = {"SMTP_USER": "qctl", "SMTP_PASSWORD": "wrong"}
        with pytest.raises(SinkMisconfiguredError, match="535"):
            send(mail, settings_for(make_settings, server.port, **login))
        send(mail, settings_for(make_settings, server.port, SMTP_USER="qctl", SMTP_PASSWORD="right"))
        assert len(server.mails) == 1


def test_unreachable_server_is_unavailable(make_settings: Callable[..., Settings], mail: EmailMessage) -> None:
    with pytest.raises(SinkUnavailableError, match="does not answer"):
        send(mail, settings_for(make_settings, free_port()))


def test_starttls_is_required(make_settings: Callable[..., Settings], mail: EmailMessage, server: Mailbox) -> None:
    with pytest.raises(SinkMisconfiguredError, match="STARTTLS"):
        send(mail, make_settings(SMTP_HOST="127.0.0.1", SMTP_PORT=str(server.port)))
    assert server.mails == []


def test_without_server_a_mail_is_written_to_one_file(settings: Settings, mail: EmailMessage, tmp_path: Path) -> None:
    assert send(mail, settings) == send(mail, settings)
    (file,) = (tmp_path / "outbox").iterdir()
    assert file.suffix == ".eml"
    assert file.stat().st_mode & 0o777 == 0o600
    stored = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert stored["Subject"] == "Welcome, Ann"


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the server requires STARTTLS first
def test_server_with_untrusted_certificate_gets_no_mail(
    make_settings: Callable[..., Settings], mail: EmailMessage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = certified(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with smtp_server(password="right", tls=context) as server:
        login = {"SMTP_USER": "qctl", "SMTP_PASSWORD": "right"}
        settings = make_settings(SMTP_HOST="127.0.0.1", SMTP_PORT=str(server.port), **login)
        with pytest.raises(SinkMisconfiguredError, match="CERTIFICATE_VERIFY_FAILED"):
            send(mail, settings)
        assert server.mails == []
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        send(mail, settings)
        assert len(server.mails) == 1


@pytest.mark.parametrize("reply", ["250 bye", "421 4.4.2 timeout exceeded", "500 what", ""])
def test_a_mail_that_was_taken_is_sent_whatever_follows(
    make_settings: Callable[..., Settings], mail: EmailMessage, reply: str
) -> None:
    with UnrulyServer(QUIT=reply) as server:
        send(mail, settings_for(make_settings, server.port))
        assert server.taken == 1


@pytest.mark.parametrize(
    ("replies", "error", "taken"),
    [
        ({"GREETING": "421 busy"}, SinkUnavailableError, 0),
        ({"GREETING": "554 no service"}, SinkUnavailableError, 0),
        ({"GREETING": ""}, SinkUnavailableError, 0),
        ({"EHLO": "", "HELO": ""}, SinkUnavailableError, 0),
        ({"AUTH": "454 4.7.0 Temporary authentication failure"}, MailDeferredError, 0),
        ({"AUTH": "421 4.7.0 Try again later"}, MailDeferredError, 0),
        ({"AUTH": "535 wrong"}, SinkMisconfiguredError, 0),
        ({"AUTH": ""}, SinkUnavailableError, 0),
        ({"MAIL": "451 try again"}, MailDeferredError, 0),
        ({"MAIL": "552 too large"}, RejectedError, 0),
        ({"MAIL": ""}, MailDeferredError, 0),
        ({"RCPT": "450 4.2.0 Greylisted, try again in 300 seconds"}, MailDeferredError, 0),
        ({"RCPT": "550 nobody"}, RejectedError, 0),
        ({"DATA": "451 later"}, MailDeferredError, 0),
        ({"DATA": "554 no"}, RejectedError, 0),
        ({"CONTENT": "451 later"}, MailDeferredError, 1),
        ({"CONTENT": "554 spam"}, RejectedError, 1),
        ({"CONTENT": "421 shutting down"}, SinkUnavailableError, 1),
        ({"CONTENT": ""}, MailDeferredError, 1),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_misbehaviour_at_each_verb_is_the_error_that_it_is(
    make_settings: Callable[..., Settings],
    mail: EmailMessage,
    replies: dict[str, str],
    error: type[QctlError],
    taken: int,
) -> None:
    login = {"SMTP_USER": "u", "SMTP_PASSWORD": "p"}
    with UnrulyServer(**replies) as server:
        with pytest.raises(error):
            send(mail, settings_for(make_settings, server.port, **login))
        assert server.taken == taken


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [("450 Greylisted, try again in 300 seconds", 300), ("451 come back in 5 minutes", 300), ("450 later", None)],
)
def test_the_time_that_a_greylisting_server_names_is_read(
    make_settings: Callable[..., Settings], mail: EmailMessage, reply: str, seconds: float | None
) -> None:
    with UnrulyServer(RCPT=reply) as server, pytest.raises(MailDeferredError) as deferred:
        send(mail, settings_for(make_settings, server.port))
    assert deferred.value.retry_after == seconds


def test_an_address_with_letters_of_all_the_world_needs_a_server_with_smtputf8(
    make_settings: Callable[..., Settings],
) -> None:
    mail = compose(
        "welcome-email", {"userName": "J\u00fcrgen"}, to="j\u00fcrgen@m\u00fcller.de", sent_by="a@b.c", key="1"
    )
    with UnrulyServer() as server, pytest.raises(RejectedError, match="SMTPUTF8"):
        send(mail, settings_for(make_settings, server.port))
    with UnrulyServer(EHLO="250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8") as server:
        send(mail, settings_for(make_settings, server.port))
        assert server.taken == 1
