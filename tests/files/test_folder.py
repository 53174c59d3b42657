"""No name and no file in a folder gives access to anything outside of it."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.errors import RejectedError, SinkMisconfiguredError
from qctl.files.folder import Folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.csv").write_text("outside")
    uploads = tmp_path / "uploads"
    (uploads / "in").mkdir(parents=True)
    (uploads / "in" / "a.csv").write_text("inside")
    return uploads


def test_file_inside_the_folder_is_read(root: Path) -> None:
    with Folder(root).open("in/a.csv", 100) as file:
        assert file.read() == b"inside"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../secret.csv",
        "in/../../secret.csv",
        "in/..",
        "/etc/passwd",
        "in//a.csv",
        "./in/a.csv",
        "in/a.csv/",
        "in/a.csv\0",
        "in/\n",
        "in",
        "none.csv",
        "in/a.csv/x",
        "x" * 300,
        "x/" * 600,
        "\ud800",
    ],
    ids=ascii,
)
def test_name_outside_the_folder_is_rejected(root: Path, name: str) -> None:
    with pytest.raises(RejectedError):
        Folder(root).open(name, 100)


@given(name=st.text(st.sampled_from("./\\\0ain~%2e"), max_size=20))
def test_arbitrary_name_never_leads_out_of_the_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    outside = tmp_path_factory.getbasetemp() / "shared-outside"
    inside = outside / "uploads" / "in"
    inside.mkdir(parents=True, exist_ok=True)
    for place in (outside / "a", outside / "uploads" / "in" / "a"):
        place.write_text("inside" if place.parent == inside else "outside")
    try:
        with Folder(outside / "uploads").open(name, 100) as file:
            assert file.read() == b"inside"
    except RejectedError:
        pass


def test_links_are_not_followed(root: Path) -> None:
    (root / "link.csv").symlink_to(root.parent / "secret.csv")
    (root / "inner.csv").symlink_to(root / "in" / "a.csv")
    (root / "folder").symlink_to(root.parent)
    os.link(root.parent / "secret.csv", root / "hard.csv")
    for name in ("link.csv", "inner.csv", "folder/secret.csv", "hard.csv"):
        with pytest.raises(RejectedError, match="link"):
            Folder(root).open(name, 100)


def test_pipes_sockets_and_devices_are_rejected_without_waiting(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "pipe.csv")
    monkeypatch.chdir(root)  # paths of sockets have a small maximum length
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.csv")
        for name in ("pipe.csv", "socket.csv"):
            with pytest.raises(RejectedError):
                Folder(root).open(name, 100)
    with pytest.raises(RejectedError, match="not a regular file"):
        Folder(Path("/dev")).open("zero", 100)


def test_large_or_growing_file_is_rejected(root: Path) -> None:
    (root / "large.csv").write_bytes(b"x" * 101)
    with pytest.raises(RejectedError, match="MAX_FILE_SIZE"):
        Folder(root).open("large.csv", 100)
    grows = root / "grows.csv"
    grows.write_bytes(b"x" * 100)
    with Folder(root).open("grows.csv", 100) as file:
        grows.write_bytes(b"x" * 200)
        with pytest.raises(RejectedError, match="MAX_FILE_SIZE"):
            file.read()


def test_swapping_a_folder_for_a_link_never_leads_out(root: Path) -> None:
    """A thread swaps the folder for a link to the outside as fast as it can, while files are read."""
    (root.parent / "a.csv").write_text("outside")
    real, link, place = root / "in", root / "link", root / "spot"
    link.symlink_to(root.parent)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            real.rename(place)
            place.rename(real)
            link.rename(place)
            place.rename(link)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(2000):
            try:
                with Folder(root).open("spot/a.csv", 100) as file:
                    seen.add(file.read())
            except RejectedError:
                seen.add(b"rejected")
    finally:
        stop.set()
        swapper.join()
    assert b"outside" not in seen
    assert b"rejected" in seen


def test_file_is_written_completely_or_not_at_all(root: Path) -> None:
    with Folder(root).writing("out.csv") as out:
        out.write(b"first")
        assert not (root / "out.csv").exists()
    assert (root / "out.csv").stat().st_mode & 0o777 == 0o600

    with suppress(ZeroDivisionError), Folder(root).writing("out.csv") as out:
        out.write(b"second")
        raise ZeroDivisionError
    assert (root / "out.csv").read_bytes() == b"first"
    assert sorted(path.name for path in root.iterdir()) == ["in", "out.csv"]


def test_link_in_place_of_an_export_is_replaced(root: Path) -> None:
    (root / "out.csv").symlink_to(root.parent / "secret.csv")
    with Folder(root).writing("out.csv") as out:
        out.write(b"x")
    assert not (root / "out.csv").is_symlink()
    assert (root.parent / "secret.csv").read_text() == "outside"


def test_folder_that_cannot_be_created_is_misconfigured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkMisconfiguredError), Folder(tmp_path / "file" / "exports").writing("x"):
        pass
