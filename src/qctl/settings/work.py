"""Settings of the work that jobs do: files, other systems, stock, notes to receivers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qctl.settings import parsers
from qctl.settings.field import setting
from qctl.settings.parsers import whole_number

YEAR = 31_536_000
"""Seconds."""

_PAIR = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]{0,63})=(\S+)\s*")
_NEXT = re.compile(r",(?=\s*[A-Za-z0-9._-]+=)")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


class _Names(dict[str, str]):
    """What names stand for; settings are compared and kept in sets."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


def _pairs(raw: str) -> _Names:
    """name=value, comma separated."""
    found = _Names()
    for piece in _NEXT.split(parsers.text(raw)):
        match = _PAIR.fullmatch(piece)
        if not match or match[1] in found:
            raise ValueError("is not a list of name=value, each name once")
        found[match[1]] = match[2]
    return found


def _sources(raw: str) -> _Names:
    """Names of sources, and the URL or the path of each."""
    found = _pairs(raw)
    for target in found.values():
        if "://" in target:
            parsers.server_url("http", "https")(target)
        elif not target.startswith("/"):
            raise ValueError("has a source that is neither http:// or https:// nor a whole path")
    return found


def _hosts(raw: str) -> tuple[str, ...]:
    """Hosts, with a port where it is not the usual one, comma separated."""
    found = tuple(part.lower() for part in (piece.strip() for piece in raw.split(",")) if part)
    if not all(_HOST.fullmatch(host) for host in found):
        raise ValueError("is not a list of hosts, as in api.example, shop.example:8443")
    return found


def _folder(raw: str) -> Path:
    """A folder, relative to QCTL_HOME where it is not a whole path."""
    try:
        return Path(parsers.text(raw)).expanduser()
    except RuntimeError:
        raise ValueError("begins with the home of a user who is not known") from None


@dataclass(frozen=True)
class WorkSettings:
    """That part of `Settings`; it is not loaded by itself."""

    max_file_size: int = setting(
        "MAX_FILE_SIZE",
        whole_number(1, 1 << 30),
        "10485760",
        group="work",
        doc="Largest file in bytes that is read, after unpacking too: imports, images, answers of sources",
    )
    upload_dir: Path = setting(  # noqa: RUF009 - a field, no shared value
        "UPLOAD_DIR",
        _folder,
        "uploads",
        group="work",
        doc="Folder that imports and images are read from, in QCTL_HOME where it is no whole path",
    )
    exports_dir: Path = setting(  # noqa: RUF009 - a field, no shared value
        "EXPORTS_DIR",
        _folder,
        "exports",
        group="work",
        doc="Folder that exports and reports are written to, in QCTL_HOME where it is no whole path",
    )
    images_dir: Path = setting(  # noqa: RUF009 - a field, no shared value
        "QCTL_IMAGES_DIR",
        _folder,
        "images",
        group="work",
        doc="Folder that images of chat messages are kept in, in QCTL_HOME where it is no whole path",
    )
    s3_bucket: str | None = setting(
        "QCTL_S3_BUCKET",
        parsers.text,
        group="work",
        doc="Bucket of S3, or of a server that speaks as it does, that images of chat messages are kept in; it must "
        "exist. Unset: QCTL_IMAGES_DIR",
    )
    s3_url: str | None = setting(
        "QCTL_S3_URL",
        parsers.server_url("http", "https"),
        group="work",
        doc="Server with the bucket, as in https://minio.example:9000. Unset: AWS",
    )
    s3_region: str = setting("QCTL_S3_REGION", parsers.text, "us-east-1", group="work", doc="Region of the bucket")
    s3_key_id: str | None = setting(
        "QCTL_S3_KEY_ID",
        parsers.text,
        group="work",
        secret=True,
        doc="Access key that may write into the bucket (s3:PutObject is enough). Unset: what AWS's own tools would "
        "use, a profile or the role of the machine",
    )
    s3_secret_key: str | None = setting(
        "QCTL_S3_SECRET_KEY", parsers.text, group="work", secret=True, doc="Secret of that access key"
    )
    keep_reports: int = setting(
        "QCTL_KEEP_REPORTS",
        whole_number(60, 10 * YEAR),
        "2592000",
        group="work",
        doc="Seconds after which cleanup-reports deletes a report",
    )
    keep_exports: int = setting(
        "QCTL_KEEP_EXPORTS",
        whole_number(60, 10 * YEAR),
        "604800",
        group="work",
        doc="Seconds after which cleanup-exports deletes an export, or the rows that an import refused",
    )
    keep_images: int = setting(
        "QCTL_KEEP_IMAGES",
        whole_number(3600, 10 * YEAR),
        "604800",
        group="work",
        doc="Seconds after which cleanup-images deletes an image in UPLOAD_DIR or QCTL_IMAGES_DIR that no chat message "
        "has, or has any more",
    )
    sources: Mapping[str, str] = setting(
        "QCTL_SOURCES",
        _sources,
        group="work",
        empty=_Names(),
        doc="Systems that sync-external takes stock from, as in supplier-api=https://api.example/stock, "
        "warehouse=/srv/stock.csv",
    )
    source_tokens: Mapping[str, str] = setting(
        "QCTL_SOURCE_TOKENS",
        _pairs,
        group="work",
        secret=True,
        empty=_Names(),
        doc="Bearer tokens for those that want one, as in supplier-api=TOKEN",
    )
    allowed_hosts: tuple[str, ...] = setting(
        "QCTL_ALLOWED_HOSTS",
        _hosts,
        group="work",
        empty=(),
        doc="Hosts that sources and webhooks may be on, with a port where it is not the usual one, comma separated",
    )
    low_stock_email: str | None = setting(
        "QCTL_LOW_STOCK_EMAIL",
        parsers.text,
        group="work",
        doc="Address that is told which products run out. Unset: nobody is",
    )
    low_stock_threshold: int = setting(
        "QCTL_LOW_STOCK_THRESHOLD",
        whole_number(0, 10**12),
        "10",
        group="work",
        doc="From how few pieces on a product runs out that has no threshold of its own",
    )
    notifications_per_minute: int = setting(
        "QCTL_NOTIFICATIONS_PER_MINUTE",
        whole_number(0, 1_000_000),
        "10",
        group="work",
        doc="Webhooks and mails a receiver gets in any 60 s; what is above is kept in the app alone. 0 is no limit",
    )
