"""The documentation is true: every route with an example and its errors, and whatever it allows to be sent is answered
as it says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

from support.gateway import BIN, Gateway

PUBLIC = ("/user/create", "/login", "/sync", "/healthz", "/prometheus/metrics")
"""The seed document's routes that take no token."""

OURS = (*PUBLIC, "/job", "/job/create", "/job/stats", "/metrics", "/graphql")

SLOW = ("/user/create", "/login")
"""Each answer costs a hash. By default their input is tried by hand alone, in test_accounts.py."""

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def operations(gateway: Gateway) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every route by its path."""
    for path, methods in gateway.ask("GET", "/api/openapi.json").json["paths"].items():
        for operation in methods.values():
            yield path, operation


def test_every_route_is_told_of_with_its_errors(gateway: Gateway) -> None:
    found = list(operations(gateway))
    assert set(OURS) <= {path for path, _ in found}
    for path, operation in found:
        assert operation["description"], path
        assert operation["tags"], path
        assert "422" not in operation["responses"], path
        errors = {status: told for status, told in operation["responses"].items() if status >= "400"}
        assert ("401" in errors) is ("security" in operation) or path == "/login", path
        if path in OURS and path != "/healthz":
            assert all(told["content"]["application/json"]["example"]["error"] for told in errors.values()), path
            assert path in PUBLIC or "503" in errors, path


def test_what_comes_in_and_goes_out_has_examples(gateway: Gateway) -> None:
    schemas = gateway.ask("GET", "/api/openapi.json").json["components"]["schemas"]
    for name in ("NewUser", "Credentials", "NewJob", "User", "LoggedIn", "Job", "Counts"):
        for field, told in schemas[name]["properties"].items():
            assert field in ("success", "status") or told["examples"], (name, field)


def test_the_page_loads_nothing_from_elsewhere(gateway: Gateway) -> None:
    page = gateway.ask("GET", "/api/docs")
    assert page.status == 200
    text = page.body.decode()
    sources = re.findall(r"""(?:src|href)="([^"]+)""", text)
    assert len(sources) == 3
    for source in sources:
        assert source.startswith("/api/docs/static/")
        assert gateway.ask("GET", source).status == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_whatever_it_allows_is_answered_as_it_says(gateway: Gateway, long_run: bool) -> None:
    tried = OURS if long_run else tuple(path for path in OURS if path not in SLOW)
    only = [word for path in tried for word in ("--include-path", path)]
    command = [
        *(str(BIN / "schemathesis"), "run", f"{gateway.url}/api/openapi.json", *only),
        *("--header", f"Authorization: Bearer {gateway.user()}"),
        *("--phases", "examples,coverage", "--checks", ",".join(CHECKS)),
        *("--workers", "2", "--no-color", "--continue-on-failure"),
    ]
    ran = subprocess.run(command, cwd=gateway.folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert f"Tested: {len(tried)}" in ran.stdout
    assert [line for line in gateway.log if str(line.get("status", "")).startswith("5")] == []
