"""Requests go to allowed hosts alone, follow nothing, and stay within limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qctl.errors import RejectedError
from qctl.http_client import PartnerUnavailableError, Request, is_allowed, send
from support.process import free_port
from support.web import Site, web_server


@pytest.fixture
def site() -> Iterator[Site]:
    with web_server() as running:
        yield running


def test_an_allowed_host_is_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    site.reply("/a", b"answer")
    request = Request(site.url("/a?b=c"), method="POST", body=b"{}", headers={"X-Trace-Id": "t"})
    assert send(request, (site.host,)) == b"answer"
    (request,) = site.requests
    assert (request.method, request.path, request.body, request.headers["X-Trace-Id"]) == ("POST", "/a?b=c", b"{}", "t")


def test_hosts_that_are_not_listed_are_not_asked(site: Site) -> None:
    site.reply("/", b"secret")
    for hosts in ((), ("127.0.0.1",), ("localhost",), (f"127.0.0.1:{site.port + 1}",)):
        with pytest.raises(RejectedError, match="QCTL_ALLOWED_HOSTS"):
            send(Request(site.url("/")), hosts)
    assert site.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://a.example/",
        "gopher://a.example/",
        "//a.example/",
        "http://",
        "http://a.example@evil.example/",
        "http://evil.example#@a.example/",
        "http://evil.example\\@a.example/",
        "http://a.example\r\nX: y/",
        "http://a.example/\n",
        "http://a.example/ b",
        "http://a.example:99999/",
        "http://a.example:81/",
        "http://ａ.example/",  # noqa: RUF001 - a wide letter
        "http://[::1]/",
        "http://a.example.evil.example/",
    ],
)
def test_urls_that_lead_elsewhere_are_rejected(url: str) -> None:
    with pytest.raises(RejectedError):
        send(Request(url), ("a.example",))


@pytest.mark.parametrize(
    ("url", "is_listed"),
    [
        ("https://wns2-a.notify.example.org/x", True),
        ("https://a.b.notify.example.org:443/x", True),
        ("https://notify.example.org/x", False),
        ("https://xnotify.example.org/x", False),
        ("https://notify.example.org.evil.example/x", False),
        ("https://a.notify.example.org:8443/x", False),
        ("https://10.0.0.1/x", False),
    ],
)
def test_a_wildcard_allows_names_below_it(url: str, is_listed: bool) -> None:
    assert is_allowed(url, ("*.notify.example.org",)) is is_listed


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(site: Site, status: int) -> None:
    site.reply("/from", status=status, Location=site.url("/to"))
    site.reply("/to", b"secret")
    with pytest.raises(RejectedError, match="not followed"):
        send(Request(site.url("/from")), (site.host,))
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, RejectedError), (401, RejectedError), (404, RejectedError), (410, RejectedError)]
    + [(status, PartnerUnavailableError) for status in (408, 429, 500, 502, 503)],
)
def test_what_the_server_says_decides(site: Site, status: int, error: type[Exception]) -> None:
    site.reply("/", status=status)
    with pytest.raises(error, match=str(status)):
        send(Request(site.url("/")), (site.host,))


def test_answers_are_limited(site: Site) -> None:
    site.reply("/", b"x" * 101)
    with pytest.raises(RejectedError, match="more than 100"):
        send(Request(site.url("/"), max_bytes=100), (site.host,))
    site.reply("/", b"x", Content_Encoding="gzip")
    with pytest.raises(RejectedError, match="encoding"):
        send(Request(site.url("/")), (site.host,))


def test_half_an_answer_is_none(site: Site) -> None:
    site.reply("/", b"half", Content_Length="8")
    with pytest.raises(PartnerUnavailableError):
        send(Request(site.url("/")), (site.host,))


def test_nobody_there_is_worth_another_try() -> None:
    port = free_port()
    with pytest.raises(PartnerUnavailableError, match="does not answer"):
        send(Request(f"http://127.0.0.1:{port}/"), (f"127.0.0.1:{port}",))
