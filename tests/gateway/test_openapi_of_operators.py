"""What operators, devices and chats may send, and who comes, as the documentation allows it, is answered as it says."""

from __future__ import annotations

import re
import subprocess

import pytest

from support.gateway import BIN, Gateway

KEY = "the-admin-key-of-these-tests"

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


HERE = "^/(api/|admin/|login$|user/)"
"""The paths of this test; the others' are those of `test_openapi.OURS`."""


@pytest.mark.timeout(900)
def test_whatever_it_allows_is_answered_as_it_says(shared_gateway: Gateway, long_run: bool) -> None:
    command = [
        *(str(BIN / "schemathesis"), "run", f"{shared_gateway.url}/api/openapi.json"),
        *("--include-path-regex", HERE, "--checks", CHECKS, "--phases", "examples,fuzzing"),
        *("--header", f"X-Admin-Key: {KEY}", "--header", f"Authorization: Bearer {shared_gateway.user()}"),
        *("--max-examples", "200" if long_run else "5", "--generation-deterministic"),
        *("--request-timeout", "30", "--no-color", "--continue-on-failure"),
    ]
    ran = subprocess.run(command, cwd=shared_gateway.folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:]
    paths = shared_gateway.ask("GET", "/api/openapi.json").json["paths"]
    told = sum(len(methods) for path, methods in paths.items() if re.search(HERE, path))
    assert f"Tested: {told}" in ran.stdout
    assert [line for line in shared_gateway.log if str(line.get("status", "")).startswith("5")] == []
