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
        assert path in OURS or path.startswith(("/api/", "/admin/")), "tried with what its documentation allows"
        assert operation["description"], path
        assert operation["tags"], path
        assert "422" not in operation["responses"], path
        errors = {status: told for status, told in operation["responses"].items() if status >= "400"}
        assert ("401" in errors) is ("security" in operation) or path == "/login", path
        if path in OURS and path != "/healthz":
            assert all(told["content"]["application/json"]["example"]["error"] for told in errors.values()), path
            assert path in PUBLIC or "503" in errors, path


def shown(schema: dict[str, Any], known: dict[str, Any]) -> bool:
    """Whether a schema tells what such a value looks like, where it is one that has to be there."""
    if schema.keys() & {"example", "examples", "enum", "const", "default"} or schema.get("type") == "boolean":
        return True
    if {"type": "null"} in schema.get("anyOf", ()) or schema.get("format") == "binary":
        return True
    if "$ref" in schema:
        return shown(known[schema["$ref"].rpartition("/")[2]], known)
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    parts += [schema[name] for name in ("items", "additionalProperties") if isinstance(schema.get(name), dict)]
    return bool(parts) and all(shown(part, known) for part in parts)


def test_what_comes_in_and_goes_out_has_examples(gateway: Gateway) -> None:
    known = gateway.ask("GET", "/api/openapi.json").json["components"]["schemas"]
    for path, operation in operations(gateway):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for kind, body in [each for told in bodies for each in told.get("content", {}).items()]:
            page = kind == "text/html"
            assert page or body.keys() & {"example", "examples"} or shown(body["schema"], known), (path, body)
        for parameter in operation.get("parameters", ()):
            assert shown(parameter["schema"], known) or "examples" in parameter, (path, parameter["name"])


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
