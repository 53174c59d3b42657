"""Test that responses to operators, devices, chats and logins match the OpenAPI document."""

from __future__ import annotations

import re
import subprocess

import pytest

from support.gateway import BIN, Gateway

KEY = "the-admin-key-of-all-these-tests-of-2026"

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


TESTED_PATHS = "^/(api/|admin/|login$|user/)"
"""Pattern of the paths of this test; the others are in `test_openapi.TESTED`."""


@pytest.mark.timeout(900)
def test_responses_match_the_document(shared_gateway: Gateway, long_run: bool) -> None:
    command = [
        *(str(BIN / "schemathesis"), "run", f"{shared_gateway.url}/api/openapi.json"),
        *("--include-path-regex", TESTED_PATHS, "--checks", CHECKS, "--phases", "examples,fuzzing"),
        *("--header", f"X-Admin-Key: {KEY}", "--header", f"Authorization: Bearer {shared_gateway.user()}"),
        *("--max-examples", "200" if long_run else "5", "--generation-deterministic"),
        *("--request-timeout", "30", "--no-color", "--continue-on-failure"),
    ]
    ran = subprocess.run(command, cwd=shared_gateway.folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:]
    paths = shared_gateway.request("GET", "/api/openapi.json").json["paths"]
    operations = sum(len(methods) for path, methods in paths.items() if re.search(TESTED_PATHS, path))
    assert f"Tested: {operations}" in ran.stdout
    assert [line for line in shared_gateway.log if str(line.get("status", "")).startswith("5")] == []
