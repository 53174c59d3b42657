"""Stores of images: the contract of folder and S3 bucket, and errors of a bucket."""

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

Stored = dict[str, bytes]


def picture(form: str = "PNG", colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(out, form)
    return out.getvalue()


class StoreContract:
    """Needs fixtures of its subclasses: `store`, settings of an empty store; `stored`, a function that reads it."""

    def test_image_is_stored_unchanged(self, store: Settings, stored: Callable[[], Stored]) -> None:
        name = images.store_image(store, picture("WEBP"))
        assert name.endswith(".webp")
        assert stored() == {name: picture("WEBP")}

    def test_same_image_is_stored_once(self, store: Settings, stored: Callable[[], Stored]) -> None:
        names = [images.store_image(store, data) for data in (picture(), picture(colour="blue"), picture())]
        assert names[0] == names[2] != names[1]
        assert stored().keys() == set(names)

    @pytest.mark.parametrize("data", [b"", b"<svg/>", picture()[:40]])
    def test_invalid_image_is_rejected(self, store: Settings, stored: Callable[[], Stored], data: bytes) -> None:
        with pytest.raises(RejectedError):
            images.store_image(store, data)
        assert stored() == {}


class TestFolder(StoreContract):
    @pytest.fixture
    def store(self, settings: Settings) -> Settings:
        return settings

    @pytest.fixture
    def stored(self, store: Settings) -> Callable[[], Stored]:
        return lambda: {file.name: file.read_bytes() for file in store.images.glob("*")}


class TestBucket(StoreContract):
    @pytest.fixture
    def store(self, s3: S3Server, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(**s3.environ)

    @pytest.fixture
    def stored(self, s3: S3Server) -> Callable[[], Stored]:
        return s3.objects

    def test_object_has_the_media_type(self, store: Settings, s3: S3Server) -> None:
        name = images.store_image(store, picture("JPEG"))
        assert s3.connect().head_object(Bucket=s3.bucket, Key=name)["ContentType"] == "image/jpeg"

    def test_no_local_file_is_written(self, store: Settings) -> None:
        images.store_image(store, picture())
        assert not store.images.exists()

    @pytest.mark.parametrize("wrong", [{"QCTL_S3_BUCKET": "missing"}, {"QCTL_S3_BUCKET": "No Such/Name"}])
    def test_missing_bucket_is_misconfigured(
        self, s3: S3Server, make_settings: Callable[..., Settings], wrong: dict[str, str]
    ) -> None:
        with pytest.raises(SinkMisconfiguredError, match="bucket"):
            images.store_image(make_settings(**{**s3.environ, **wrong}), picture())

    def test_unreachable_server_is_unavailable(self, make_settings: Callable[..., Settings], s3: S3Server) -> None:
        away = make_settings(**{**s3.environ, "QCTL_S3_URL": f"http://127.0.0.1:{free_port()}"})
        with pytest.raises(SinkUnavailableError, match="does not answer"):
            images.store_image(away, picture())


@pytest.fixture
def own_s3(tmp_path: Path) -> Iterator[S3Server]:
    """An S3 server that checks access keys."""
    folder = tmp_path / "s3"
    folder.mkdir()
    with S3Server(folder, checks_keys=True) as server:
        yield server


def test_rejected_keys_are_misconfigured_and_not_shown(
    own_s3: S3Server, make_settings: Callable[..., Settings]
) -> None:
    with pytest.raises(SinkMisconfiguredError, match="rejects the request") as rejected:
        images.store_image(make_settings(**own_s3.environ), picture())
    assert "test-secret" not in str(rejected.value)
    assert rejected.value.hint is not None
    assert "QCTL_S3_KEY_ID" in rejected.value.hint


def test_frozen_server_is_unavailable(
    own_s3: S3Server, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "REPLY_TIMEOUT_SECONDS", 0.3)
    s3._client.cache_clear()
    own_s3.freeze()
    with pytest.raises(SinkUnavailableError, match="does not answer"):
        images.store_image(make_settings(**own_s3.environ), picture())
    s3._client.cache_clear()


def test_missing_credentials_are_named(
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


def test_missing_driver_has_an_install_hint(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    with pytest.raises(SinkMisconfiguredError) as missing:
        images.store_image(make_settings(QCTL_S3_BUCKET="b"), picture())
    assert missing.value.hint == "pip install 'qctl[s3]'"
