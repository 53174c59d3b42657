"""Stock of another system, page by page: a source of QCTL_SOURCES.

A source at a URL is asked with `businessId` and, where only what changed is wanted, `updatedSince`. It answers with
JSON: a list of products, or `{"items": [...], "next": URL}` where more follow. A source that is a file holds the same
JSON, or is a CSV file as imports are.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

from qctl.errors import RejectedError
from qctl.files.csv_table import Sheet
from qctl.files.folder import Folder
from qctl.http_client import Request, send
from qctl.jobs.file import COLUMNS, told
from qctl.settings import Settings

PAGES = 1000
"""Pages of one synchronisation; more is a source that does not end."""

Page = Sequence[Any]
"""What a source tells of some products, each to be read by `store.items.item`."""


def pages(settings: Settings, name: str, business: str, since: datetime | None) -> Iterator[Page]:
    """What a source tells, all of it, or what changed `since` a time.

    Raises RejectedError where there is no such source, it may not be asked, or it tells no products, and
    PartnerUnavailableError where it does not answer.
    """
    target = settings.sources.get(name)
    if target is None:
        raise RejectedError(f"QCTL_SOURCES names no source {name!r:.80}")
    if target.startswith("/"):
        yield from _file(Path(target), settings.max_file_size, since)
        return
    asked = {"businessId": business}
    if since is not None:
        asked["updatedSince"] = since.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    url: str | None = f"{target}?{urlencode(asked)}"
    headers = {"Accept": "application/json"}
    if name in settings.source_tokens:
        headers["Authorization"] = f"Bearer {settings.source_tokens[name]}"
    seen: set[str] = set()
    while url is not None:
        if url in seen or len(seen) >= PAGES:
            raise RejectedError(f"source {name} does not end: it repeats a page, or has more than {PAGES}")
        seen.add(url)
        answer = send(Request(url, headers=headers, most=settings.max_file_size), settings.allowed_hosts)
        page, following = _read(answer)
        yield page
        url = _next(target, url, following)


def _next(target: str, url: str, following: str | None) -> str | None:
    """The URL of the next page: of the same server, which is the one that the token is for."""
    if following is None:
        return None
    found = urljoin(url, following)
    if _server(found) != _server(target):
        raise RejectedError(f"the next page is on another server: {found!r:.200}")
    return found


def _server(url: str) -> str:
    return url.partition("://")[0] + "://" + url.partition("://")[2].partition("/")[0].lower()


def _read(answer: bytes) -> tuple[Page, str | None]:
    """The products of an answer, and where the next ones are."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        raise RejectedError("what the source tells is not JSON") from None
    following = None
    if isinstance(found, Mapping):
        following = found.get("next") or None
        found = found.get("items")
    if not isinstance(found, list) or not isinstance(following, (str, type(None))):
        raise RejectedError("what the source tells is neither a list of products nor {items, next}")
    return found, following


def _file(path: Path, most: int, since: datetime | None) -> Iterator[Page]:
    """The products of a file, none where it was not written since."""
    with Folder(path.parent).open(path.name, most) as file:
        content = file.read()
    if since is not None and datetime.fromtimestamp(path.stat().st_mtime, timezone.utc) < since:
        return
    if path.suffix.lower() != ".csv":
        yield _read(content)[0]
        return
    sheet = Sheet(io.BytesIO(content), COLUMNS, ("sku", "quantity"))
    yield [line.problem or told(line, sheet.delimiter) for line in sheet]
