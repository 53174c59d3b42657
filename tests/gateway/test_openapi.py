"""Test the OpenAPI document: every route has examples and errors, and responses match the document."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

from support.gateway import BIN, Gateway
from support.workers import TESTS

PUBLIC = ("/user/create", "/login", "/sync", "/healthz", "/prometheus/metrics", "/prometheus/health")
"""Routes without authentication."""

TESTED = (*PUBLIC, "/logout", "/job", "/job/create", "/job/stats", "/metrics", "/metrics/reset", "/graphql")

SLOW = ("/user/create", "/login")
"""Routes that compute a password hash: left out unless the run is long; test_accounts.py covers their input."""

ENDING = ("/logout",)
"""Routes that end the login that the others need; tests/security/test_sessions.py covers them."""

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def operations(gateway: Gateway) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with its path."""
    for path, methods in gateway.request("GET", "/api/openapi.json").json["paths"].items():
        for operation in methods.values():
            yield path, operation


def test_every_route_is_documented_with_its_errors(gateway: Gateway) -> None:
    found = list(operations(gateway))
    assert set(TESTED) <= {path for path, _ in found}
    for path, operation in found:
        assert path in TESTED or path.startswith(("/api/", "/admin/")), (
            "test_openapi_of_operators.py covers these prefixes"
        )
        assert operation["description"], path
        assert operation["tags"], path
        assert "422" not in operation["responses"] or path == "/api/v2/write", path  # InfluxDB's partial write
        errors = {status: body for status, body in operation["responses"].items() if status >= "400"}
        assert ("401" in errors) is ("security" in operation) or path == "/login", path
        if path in TESTED and path not in ("/healthz", "/prometheus/health"):
            assert all(body["content"]["application/json"]["example"]["error"] for body in errors.values()), path
            assert path in PUBLIC or "503" in errors, path


def has_example(schema: dict[str, Any], known: dict[str, Any]) -> bool:
    """Check that a schema has an example for every required value."""
    if schema.keys() & {"example", "examples", "enum", "const", "default"} or schema.get("type") == "boolean":
        return True
    if {"type": "null"} in schema.get("anyOf", ()) or schema.get("format") == "binary":
        return True
    if "$ref" in schema:
        return has_example(known[schema["$ref"].rpartition("/")[2]], known)
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    parts += [schema[name] for name in ("items", "additionalProperties") if isinstance(schema.get(name), dict)]
    return bool(parts) and all(has_example(part, known) for part in parts)


def test_every_body_and_parameter_has_an_example(gateway: Gateway) -> None:
    known = gateway.request("GET", "/api/openapi.json").json["components"]["schemas"]
    for path, operation in operations(gateway):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for kind, body in [item for part in bodies for item in part.get("content", {}).items()]:
            is_page = kind == "text/html"
            assert is_page or body.keys() & {"example", "examples"} or has_example(body["schema"], known), (path, body)
        for parameter in operation.get("parameters", ()):
            assert has_example(parameter["schema"], known) or "examples" in parameter, (path, parameter["name"])


def test_documentation_page_loads_only_own_files(gateway: Gateway) -> None:
    page = gateway.request("GET", "/api/docs")
    assert page.status == 200
    text = page.body.decode()
    sources = re.findall(r"""(?:src|href)="([^"]+)""", text)
    assert len(sources) == 3
    for source in sources:
        assert source.startswith("/api/docs/static/")
        assert gateway.request("GET", source).status == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_responses_match_the_document(gateway: Gateway, long_run: bool) -> None:
    left_out = ENDING if long_run else (*SLOW, *ENDING)
    paths = tuple(path for path in TESTED if path not in left_out)
    include = [word for path in paths for word in ("--include-path", path)]
    command = [
        *(str(BIN / "schemathesis"), "run", f"{gateway.url}/api/openapi.json", *include),
        *("--header", f"Authorization: Bearer {gateway.user()}"),
        *("--phases", "examples,coverage", "--checks", ",".join(CHECKS)),
        *("--workers", "2", "--no-color", "--continue-on-failure"),
    ]
    ran = subprocess.run(command, cwd=gateway.folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert f"Tested: {len(paths)}" in ran.stdout
    assert [line for line in gateway.log if str(line.get("status", "")).startswith("5")] == []


def test_random_bodies_with_hostile_text_are_refused(gateway: Gateway) -> None:
    """Lone surrogates and NUL, anywhere in a body that is otherwise valid by the document."""
    paths = ("/job/create", "/graphql", "/login")
    lines_before = len(gateway.log)
    command = [
        *(str(BIN / "schemathesis"), "run", f"{gateway.url}/api/openapi.json"),
        *[word for path in paths for word in ("--include-path", path)],
        *("--header", f"Authorization: Bearer {gateway.user()}"),
        *("--phases", "fuzzing", "--mode", "positive", "--max-examples", "10", "--seed", "7", "--no-color"),
        *("--checks", "not_a_server_error,hostile_text_is_refused", "--continue-on-failure"),
    ]
    env = os.environ | {"SCHEMATHESIS_HOOKS": "support.hostile_text_hooks", "PYTHONPATH": str(TESTS)}
    ran = subprocess.run(command, cwd=gateway.folder, capture_output=True, text=True, check=False, env=env)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr
    assert f"Tested: {len(paths)}" in ran.stdout
    refused = {
        line["path"]
        for line in gateway.log[lines_before:]
        if line.get("event") == "request" and line["status"] == "400"
    }
    assert refused == set(paths)
