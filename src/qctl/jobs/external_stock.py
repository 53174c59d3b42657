"""Stock of other systems, read page by page from a source named in QCTL_SOURCES.

A source at a URL gets the query parameters `businessId` and, for an incremental run, `updatedSince`. It replies with
JSON: a list of products, or `{"items": [...], "next": URL}` if more pages follow. A source that is a file contains the
same JSON, or is a CSV or .xlsx file like those of `process-inventory-import`.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

from qctl.errors import RejectedError
from qctl.files.folder import Folder
from qctl.http_client import Request, send
from qctl.jobs.stock_sheets import MAX_LISTED_COLUMNS, SheetReading, open_sheet, product_fields
from qctl.settings import Settings

log = logging.getLogger(__name__)

MAX_PAGES = 1000
"""Maximum pages of one synchronisation; a source with more is rejected because it may never end."""

Page = Sequence[Any]
"""Products as a source describes them, each to be parsed by `store.products.item`."""


def pages(settings: Settings, name: str, business: str, since: datetime | None) -> Iterator[Page]:
    """Yield the pages of a source: all products, or those that changed `since` a time.

    Raises RejectedError if the source is unknown, its host is not allowed, or its reply is not a list of products, and
    PartnerUnavailableError if it does not reply.
    """
    target = settings.sources.get(name)
    if target is None:
        raise RejectedError(f"source {name!r:.80} is not in QCTL_SOURCES")
    if target.startswith("/"):
        yield from _read_file(Path(target), settings.max_file_size, since)
        return
    query = {"businessId": business}
    if since is not None:
        query["updatedSince"] = since.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    url: str | None = f"{target}?{urlencode(query)}"
    headers = {"Accept": "application/json"}
    if name in settings.source_tokens:
        headers["Authorization"] = f"Bearer {settings.source_tokens[name]}"
    seen: set[str] = set()
    while url is not None:
        if url in seen or len(seen) >= MAX_PAGES:
            raise RejectedError(f"source {name!r} does not end: it repeats a page or has more than {MAX_PAGES} pages")
        seen.add(url)
        reply = send(Request(url, headers=headers, max_bytes=settings.max_file_size), settings.allowed_hosts)
        page, next_url = _parse(reply)
        yield page
        url = _resolve(target, url, next_url)


def _resolve(target: str, url: str, next_url: str | None) -> str | None:
    """The absolute URL of the next page. It must be on the same server, because the token is meant for that one."""
    if next_url is None:
        return None
    absolute = urljoin(url, next_url)
    if _server(absolute) != _server(target):
        raise RejectedError(f"the next page is on another server: {absolute!r:.200}")
    return absolute


def _server(url: str) -> str:
    return url.partition("://")[0] + "://" + url.partition("://")[2].partition("/")[0].lower()


def _parse(reply: bytes) -> tuple[Page, str | None]:
    """The products of a reply, and the URL of the next page."""
    try:
        document = json.loads(reply)
    except (ValueError, RecursionError):
        raise RejectedError("the reply of the source is not JSON") from None
    next_url = None
    if isinstance(document, Mapping):
        next_url = document.get("next") or None
        document = document.get("items")
    if not isinstance(document, list) or not isinstance(next_url, (str, type(None))):
        raise RejectedError("the reply of the source is neither a list of products nor {items, next}")
    return document, next_url


def _read_file(path: Path, max_bytes: int, since: datetime | None) -> Iterator[Page]:
    """The products of a file; none if it has not been modified since."""
    with Folder(path.parent).open(path.name, max_bytes) as file:
        content = file.read()
    if since is not None and datetime.fromtimestamp(path.stat().st_mtime, timezone.utc) < since:
        return
    if path.suffix.lower() not in (".csv", ".xlsx"):
        yield _parse(content)[0]
        return
    with open_sheet(io.BytesIO(content), SheetReading.of(), max_bytes) as sheet:
        if sheet.ignored:
            log.info("columns of the source are not used: %s", ", ".join(sheet.ignored[:MAX_LISTED_COLUMNS]))
        yield [line.problem or product_fields(line, sheet.delimiter) for line in sheet]
