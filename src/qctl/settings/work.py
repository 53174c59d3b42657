"""Settings of the bundled jobs: files, external systems, stock, notifications."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from qctl.settings import data_parsers, parsers, server_parsers
from qctl.settings.field import SettingsPart, setting
from qctl.settings.parsers import whole_number

YEAR_SECONDS = 31_536_000

_PAIR = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]{0,63})=(\S+)\s*")
_NEXT = re.compile(r",(?=\s*[A-Za-z0-9._-]+=)")
_HOST = re.compile(
    r"([A-Za-z0-9._-]{1,253}|\*(\.[A-Za-z0-9-]+)+\.[A-Za-z][A-Za-z0-9-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
)
"""A host, or `*` with the end of its name, of two labels or more."""


class _Names(dict[str, str]):
    """Values by name; hashable, because settings are compared and put into sets."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


def _pairs(raw: str) -> _Names:
    """Parse name=value pairs, comma separated."""
    pairs = _Names()
    for piece in _NEXT.split(parsers.text(raw)):
        match = _PAIR.fullmatch(piece)
        if not match or match[1] in pairs:
            raise ValueError("is not a comma-separated list of name=value with unique names")
        pairs[match[1]] = match[2]
    return pairs


def _sources(raw: str) -> _Names:
    """Parse names of sources, each with a URL or a path."""
    sources = _pairs(raw)
    for target in sources.values():
        if "://" in target:
            server_parsers.server_url("http", "https")(target)
        elif not target.startswith("/"):
            raise ValueError("has a source that is neither an http:// or https:// URL nor an absolute path")
    return sources


def _hosts(raw: str) -> tuple[str, ...]:
    """Parse hosts, each with an optional port, comma separated."""
    hosts = tuple(part.lower() for part in parsers.split_list(raw))
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise ValueError("is not a list of hosts: api.example, shop.example:8443")
    return hosts


def _folder(raw: str) -> Path:
    """Parse a folder; a relative path lies in QCTL_HOME."""
    try:
        return Path(parsers.text(raw)).expanduser()
    except RuntimeError:
        raise ValueError("starts with the home folder of an unknown user") from None


class WorkSettings(SettingsPart):
    """Part of `Settings`; not loaded by itself."""

    max_file_size: int = setting(
        "MAX_FILE_SIZE",
        whole_number(1, 1 << 30),
        "10485760",
        group="work",
        doc="Maximum size (bytes, after unpacking) of a file that is read or sent: imports, images, files of messages, "
        "answers of sources",
    )
    upload_dir: Path = setting(
        "UPLOAD_DIR",
        _folder,
        "uploads",
        group="work",
        doc="Folder that imports and images are read from; a relative path lies in QCTL_HOME",
    )
    sheet_encoding: str = setting(
        "QCTL_SHEET_ENCODING",
        data_parsers.encoding,
        "windows-1252",
        group="work",
        doc="Encoding of CSV files that are not UTF-8 and have no byte order mark: windows-1250 for Central Europe, "
        "windows-1251 for Cyrillic, shift_jis, gb18030",
    )
    exports_dir: Path = setting(
        "EXPORTS_DIR",
        _folder,
        "exports",
        group="work",
        doc="Folder that exports and reports are written to; a relative path lies in QCTL_HOME",
    )
    images_keep_location: bool = setting(
        "QCTL_IMAGES_KEEP_LOCATION",
        parsers.boolean,
        "false",
        group="work",
        doc="true: images are stored with the place where they were taken (GPS data). false: it is removed",
    )
    images_dir: Path = setting(
        "QCTL_IMAGES_DIR",
        _folder,
        "images",
        group="work",
        doc="Folder that stores images of chat messages; a relative path lies in QCTL_HOME",
    )
    message_files_dir: Path = setting(
        "QCTL_MESSAGE_FILES_DIR",
        _folder,
        "message-files",
        group="work",
        doc="Folder in which gateways store files of chat messages; a relative path lies in QCTL_HOME",
    )
    message_files_bytes: int = setting(
        "QCTL_MESSAGE_FILES_BYTES",
        whole_number(0, 1 << 50),
        "10737418240",
        group="work",
        doc="Maximum size (bytes) of all files of chat messages together; beyond it messages with files are refused",
    )
    s3_bucket: str | None = setting(
        "QCTL_S3_BUCKET",
        parsers.text,
        group="work",
        doc="S3 bucket that stores images of chat messages; it must exist. Default: QCTL_IMAGES_DIR instead of a "
        "bucket",
    )
    s3_url: str | None = setting(
        "QCTL_S3_URL",
        server_parsers.server_url("http", "https"),
        group="work",
        doc="URL of the S3-compatible server: https://minio.example:9000. Default: AWS",
    )
    s3_region: str = setting("QCTL_S3_REGION", parsers.text, "us-east-1", group="work", doc="Region of the bucket")
    s3_key_id: str | None = setting(
        "QCTL_S3_KEY_ID",
        parsers.text,
        group="work",
        secret=True,
        doc="Access key that may write to the bucket (s3:PutObject is enough). Default: the profile or machine role "
        "that AWS's own tools use",
    )
    s3_secret_key: str | None = setting(
        "QCTL_S3_SECRET_KEY", parsers.text, group="work", secret=True, doc="Secret of the access key"
    )
    keep_reports: int = setting(
        "QCTL_KEEP_REPORTS",
        whole_number(60, 10 * YEAR_SECONDS),
        "2592000",
        group="work",
        doc="Age (s) at which cleanup-reports deletes a report",
    )
    keep_exports: int = setting(
        "QCTL_KEEP_EXPORTS",
        whole_number(60, 10 * YEAR_SECONDS),
        "604800",
        group="work",
        doc="Age (s) at which cleanup-exports deletes an export, or the rejected rows of an import",
    )
    keep_images: int = setting(
        "QCTL_KEEP_IMAGES",
        whole_number(3600, 10 * YEAR_SECONDS),
        "604800",
        group="work",
        doc="Age (s) at which cleanup-images deletes an image in UPLOAD_DIR or QCTL_IMAGES_DIR, or a file in "
        "QCTL_MESSAGE_FILES_DIR, that no chat message uses",
    )
    sources: Mapping[str, str] = setting(
        "QCTL_SOURCES",
        _sources,
        group="work",
        empty=_Names(),
        doc="Systems that sync-external reads stock from: supplier-api=https://api.example/stock, "
        "warehouse=/srv/stock.csv",
    )
    source_tokens: Mapping[str, str] = setting(
        "QCTL_SOURCE_TOKENS",
        _pairs,
        group="work",
        secret=True,
        empty=_Names(),
        doc="Bearer tokens of sources: supplier-api=TOKEN",
    )
    allowed_hosts: tuple[str, ...] = setting(
        "QCTL_ALLOWED_HOSTS",
        _hosts,
        group="work",
        empty=(),
        doc="Hosts that sources, webhooks, ntfy and Web Push may use, comma separated; a port only if it is not the "
        "standard one. *.notify.windows.com: all names that end so",
    )
    low_stock_email: str | None = setting(
        "QCTL_LOW_STOCK_EMAIL",
        parsers.text,
        group="work",
        doc="Address that receives the list of products running low. Default: no mail",
    )
    low_stock_threshold: int = setting(
        "QCTL_LOW_STOCK_THRESHOLD",
        whole_number(0, 10**12),
        "10",
        group="work",
        doc="Number of pieces at which a product runs low, for products without a threshold of their own",
    )
    notifications_per_minute: int = setting(
        "QCTL_NOTIFICATIONS_PER_MINUTE",
        whole_number(0, 1_000_000),
        "10",
        group="work",
        doc="Maximum webhooks, pushes and mails per receiver in any 60 s; more are stored in the app only. 0: no limit",
    )
