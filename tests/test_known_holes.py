"""The table of versions with known holes."""

from __future__ import annotations

import pytest

from qctl import known_holes


@pytest.mark.parametrize(
    ("product", "version", "bad"),
    [
        ("Redis", "6.2.14", True),
        ("Redis", "6.2.23", False),
        ("Redis", "7.0.15", True),
        ("Redis", "7.2.15", False),
        ("Redis", "8.8.1", False),
        ("Redis", "8.10.1", False),
        ("Valkey", "9.1.0", True),
        ("Valkey", "9.1.2", False),
        ("Valkey", "7.2.13", True),
        ("mosquitto", "2.0.11", True),
        ("mosquitto", "2.0.22", False),
        ("mosquitto", "2.1.2", False),
        ("RQ", "3.0.0", False),
        ("Redis", "", False),
        ("Redis", "unknown", False),
    ],
)
def test_a_version_is_known_to_be_bad_until_the_fix_of_its_branch(product: str, version: str, bad: bool) -> None:
    warning = known_holes.warning(product, version)
    assert (warning is not None) is bad
    if warning:
        assert f"{product} {version} has known holes (CVE-" in warning
        assert "Your vendor may have mended it" in warning


@pytest.mark.parametrize(
    ("product", "version", "wanted"),
    [("Redis", "6.2.14", "6.2.23"), ("Redis", "7.0.15", "8.8.1"), ("mosquitto", "2.0.11", "2.0.19")],
)
def test_the_fix_names_a_version_of_the_same_branch_if_there_is_one(product: str, version: str, wanted: str) -> None:
    assert f"upgrade to {product} {wanted} or newer" in known_holes.fix(product, version)
