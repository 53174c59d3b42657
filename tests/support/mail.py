"""A real SMTP server (aiosmtpd) on 127.0.0.1 that keeps what it is sent, or answers as it is told; and one that
misbehaves at a verb."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, BinaryIO, ClassVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from support.process import free_port


class Mailbox:
    """Collects the mail that a server was sent. `answers` are used up one a recipient before anything is taken."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answers: list[str] = []
        self.port = free_port()

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content: Any = envelope.content
        self.mails.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]
        self.recipients += envelope.rcpt_tos
        return "250 taken"


@contextmanager
def smtp_server(password: str | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """Runs a server; with `password` it wants user `qctl` and that, with `tls` it wants STARTTLS first."""
    mailbox = Mailbox()

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"qctl", (password or "").encode())
        return AuthResult(success=good, handled=good)

    options: dict[str, Any] = {}
    if password is not None:
        options = {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    if tls is not None:
        options |= {"tls_context": tls, "require_starttls": True}
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **options)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


class UnrulyServer:
    """An SMTP server that gives the `replies` to verbs, in place of good ones. An empty reply closes the connection.

    `DATA` is the reply to the verb, `CONTENT` that to the mail, `GREETING` the first line. `taken` counts mails, also
    those after which it closed the connection.
    """

    GOOD: ClassVar = {
        "GREETING": "220 mx.example ESMTP",
        "EHLO": "250-mx.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
        "AUTH": "235 ok",
        "DATA": "354 go",
        "CONTENT": "250 2.0.0 queued",
        "QUIT": "221 bye",
    }

    def __init__(self, **replies: str) -> None:
        self.replies = {**self.GOOD, **replies}
        self.taken = 0
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    outer._serve(self.rfile, self.wfile)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def _serve(self, lines: BinaryIO, out: BinaryIO) -> None:
        if not self._say(out, "GREETING"):
            return
        for line in lines:
            verb = line.split()[0].decode().upper() if line.split() else ""
            if not self._say(out, verb) or verb == "QUIT":
                return
            if verb == "DATA" and self.replies["DATA"].startswith("354"):
                for content in lines:
                    if content == b".\r\n":
                        break
                self.taken += 1
                if not self._say(out, "CONTENT"):
                    return

    def _say(self, out: BinaryIO, verb: str) -> bool:
        """Send the reply to a verb. False if the connection is to be closed."""
        reply = self.replies.get(verb, "250 ok")
        out.write(f"{reply}\r\n".encode() if reply else b"")
        out.flush()
        return bool(reply)

    def __enter__(self) -> UnrulyServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
