"""Where images are kept: what a folder and a bucket of a real S3 server promise alike, and what a bucket may refuse."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from qctl.errors import RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.files import images, s3
from qctl.settings import Settings
from support.process import free_port
from support.servers import S3Server

Kept = dict[str, bytes]


def picture(form: str = "PNG", colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(out, form)
    return out.getvalue()


class StoreContract:
    """Takes fixtures of its subclasses: `store`, settings that lead to an empty one; `kept`, what is in it."""

    def test_an_image_is_kept_as_it_came(self, store: Settings, kept: Callable[[], Kept]) -> None:
        name = images.store_image(store, picture("WEBP"))
        assert name.endswith(".webp")
        assert kept() == {name: picture("WEBP")}

    def test_the_same_image_again_is_one(self, store: Settings, kept: Callable[[], Kept]) -> None:
        names = [images.store_image(store, data) for data in (picture(), picture(colour="blue"), picture())]
        assert names[0] == names[2] != names[1]
        assert kept().keys() == set(names)

    @pytest.mark.parametrize("data", [b"", b"<svg/>", picture()[:40]])
    def test_what_is_no_image_is_not_kept(self, store: Settings, kept: Callable[[], Kept], data: bytes) -> None:
        with pytest.raises(RejectedError):
            images.store_image(store, data)
        assert kept() == {}


class TestFolder(StoreContract):
    @pytest.fixture
    def store(self, settings: Settings) -> Settings:
        return settings

    @pytest.fixture
    def kept(self, store: Settings) -> Callable[[], Kept]:
        return lambda: {file.name: file.read_bytes() for file in store.images.glob("*")}


class TestBucket(StoreContract):
    @pytest.fixture
    def store(self, s3: S3Server, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(**s3.environ)

    @pytest.fixture
    def kept(self, s3: S3Server) -> Callable[[], Kept]:
        return s3.objects

    def test_a_browser_is_told_what_it_is(self, store: Settings, s3: S3Server) -> None:
        name = images.store_image(store, picture("JPEG"))
        assert s3.connect().head_object(Bucket=s3.bucket, Key=name)["ContentType"] == "image/jpeg"

    def test_nothing_is_left_on_this_machine(self, store: Settings) -> None:
        images.store_image(store, picture())
        assert not store.images.exists()

    @pytest.mark.parametrize("wrong", [{"QCTL_S3_BUCKET": "nobody-made-it"}, {"QCTL_S3_BUCKET": "No Such/Name"}])
    def test_a_bucket_that_is_not_there_needs_somebody(
        self, s3: S3Server, make_settings: Callable[..., Settings], wrong: dict[str, str]
    ) -> None:
        with pytest.raises(SinkMisconfiguredError, match="bucket"):
            images.store_image(make_settings(**{**s3.environ, **wrong}), picture())

    def test_a_server_that_is_away_makes_it_wait(self, make_settings: Callable[..., Settings], s3: S3Server) -> None:
        away = make_settings(**{**s3.environ, "QCTL_S3_URL": f"http://127.0.0.1:{free_port()}"})
        with pytest.raises(SinkUnavailableError, match="does not answer"):
            images.store_image(away, picture())


@pytest.fixture
def own_s3(tmp_path: Path) -> Iterator[S3Server]:
    """A server that looks at keys."""
    folder = tmp_path / "s3"
    folder.mkdir()
    with S3Server(folder, checks_keys=True) as server:
        yield server


def test_keys_that_are_refused_need_somebody_and_are_not_told(
    own_s3: S3Server, make_settings: Callable[..., Settings]
) -> None:
    with pytest.raises(SinkMisconfiguredError, match="rejects the request") as refused:
        images.store_image(make_settings(**own_s3.environ), picture())
    assert "test-secret" not in str(refused.value)
    assert refused.value.hint is not None
    assert "QCTL_S3_KEY_ID" in refused.value.hint


def test_a_server_that_stands_still_makes_it_wait(
    own_s3: S3Server, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "REPLY_TIMEOUT_SECONDS", 0.3)
    s3._client.cache_clear()
    own_s3.freeze()
    with pytest.raises(SinkUnavailableError, match="does not answer"):
        images.store_image(make_settings(**own_s3.environ), picture())
    s3._client.cache_clear()


def test_without_keys_or_a_role_it_says_so(
    s3: S3Server, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    without = {name: value for name, value in s3.environ.items() if "KEY" not in name}
    with pytest.raises(SinkMisconfiguredError, match="credentials"):
        images.store_image(make_settings(**without), picture())


def test_a_driver_that_is_not_installed_is_named(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    with pytest.raises(SinkMisconfiguredError) as missing:
        images.store_image(make_settings(QCTL_S3_BUCKET="b"), picture())
    assert missing.value.hint == "pip install 'qctl[s3]'"
