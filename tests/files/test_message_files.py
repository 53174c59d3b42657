"""Test the files of chat messages: harmless names, all or nothing, and a bound on their space."""

from __future__ import annotations

import io
import stat
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.errors import BudgetError, NotFoundError, SinkError
from qctl.files.message_files import MAX_NAME_CHARS, MIN_FILE_BYTES, MessageFiles, harmless_name
from qctl.models import MessageFile
from qctl.settings import Settings


def new_file(size: int, name: str = "a.txt") -> MessageFile:
    return MessageFile(str(uuid4()), name, size)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plan.pdf", "plan.pdf"),
        ("Übersicht 2026 \U0001f40d.tar.gz", "Übersicht 2026 \U0001f40d.tar.gz"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\system32\\evil.exe", "evil.exe"),
        ("/", "file"),
        ("", "file"),
        ("..", "file"),
        (".bashrc", "bashrc"),
        ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie_ x=1.txt"),
        ('x"; filename="evil.html', "x__ filename=_evil.html"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("zero\u200bwidth\ufeff.txt", "zerowidth.txt"),
        ("a\0b\x1b[31m.txt", "ab[31m.txt"),
        ("line\u2028break\u0085.txt", "linebreak.txt"),
        ("half \ud800.txt", "half .txt"),
        ("x" * 500 + ".pdf", "x" * (MAX_NAME_CHARS - 4) + ".pdf"),
        ("x." + "y" * 500, "x." + "y" * (MAX_NAME_CHARS - 2)),
    ],
    ids=ascii,
)
def test_name_is_made_harmless(name: str, expected: str) -> None:
    assert harmless_name(name) == expected


@given(st.text(st.characters(categories=[*"LMNPSZ", "Cc", "Cf", "Co", "Cs", "Cn"]), max_size=300))
def test_any_name_becomes_one_line_of_bounded_length(name: str) -> None:
    found = harmless_name(name)
    assert 1 <= len(found) <= MAX_NAME_CHARS
    assert not set(found) & set('/\\<>:"|?*;%')
    assert not found.startswith(".")
    assert not {unicodedata.category(c)[0] for c in found} & {"C"}
    found.encode()


def test_file_is_private_and_has_its_id_as_its_name(settings: Settings) -> None:
    files, file = MessageFiles(settings), new_file(5)
    files.write(file, io.BytesIO(b"hello"))
    (stored,) = settings.message_files.iterdir()
    assert (stored.name, stat.S_IMODE(stored.stat().st_mode)) == (file.id, 0o600)
    with files.open(file) as content:
        assert content.read() == b"hello"
    files.remove(file)
    with pytest.raises(NotFoundError):
        files.open(file)


def test_a_link_in_the_folder_is_not_followed(settings: Settings) -> None:
    files, file = MessageFiles(settings), new_file(100)
    secret = settings.home / "secret"
    secret.write_text("secret")
    settings.message_files.mkdir()
    (settings.message_files / file.id).symlink_to(secret)
    with pytest.raises(NotFoundError):
        files.open(file)


class Broken(io.BytesIO):
    """A file whose content cannot be read to its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


def test_nothing_is_left_of_a_file_that_cannot_be_written(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(QCTL_MESSAGE_FILES_BYTES=str(MIN_FILE_BYTES))
    files = MessageFiles(settings)
    for _ in range(3):
        with pytest.raises(SinkError):
            files.write(new_file(3), Broken(b"abc"))
    assert list(settings.message_files.iterdir()) == []
    files.write(new_file(3), io.BytesIO(b"abc"))


def test_files_have_a_bound_that_those_of_other_gateways_count_for(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(QCTL_MESSAGE_FILES_BYTES=str(3 * MIN_FILE_BYTES))
    one, other = MessageFiles(settings), MessageFiles(settings)
    sent = [new_file(1), new_file(MIN_FILE_BYTES)]
    for file in sent:
        one.write(file, io.BytesIO(b"x" * file.size))
    with pytest.raises(BudgetError):
        other.write(new_file(MIN_FILE_BYTES + 1), io.BytesIO(b"x" * (MIN_FILE_BYTES + 1)))
    other.write(new_file(0), io.BytesIO())
    with pytest.raises(BudgetError):
        other.write(new_file(1), io.BytesIO(b"x"))
    assert len(list(settings.message_files.iterdir())) == 3
    one.remove(sent[0])
    assert len(list(settings.message_files.iterdir())) == 2


def test_many_at_once_stay_within_the_bound(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(QCTL_MESSAGE_FILES_BYTES=str(4 * MIN_FILE_BYTES))
    files = MessageFiles(settings)

    def write(_: int) -> bool:
        try:
            files.write(new_file(10), io.BytesIO(b"0123456789"))
        except BudgetError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(24))) == 4
    assert len(list(settings.message_files.iterdir())) == 4
