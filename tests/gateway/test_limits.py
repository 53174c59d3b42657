"""Test the limits of users across gateways, with the texts that clients of the original system expect."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from redis import Redis

from qctl.broker.redis import keys
from support.gateway import Gateway


def test_burst_over_two_gateways_creates_five_jobs(
    gateway: Gateway, make_gateway: type[Gateway], connection: Redis
) -> None:
    both = (gateway, make_gateway("other", GATEWAY_DEFAULT_JOB="simulate"))
    token = gateway.user()
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda n: both[n % 2].request("POST", "/job/create", {"name": f"Job {n}"}, token), range(200))
        )
    assert Counter(answer.status for answer in answers) == {201: 5, 429: 195}
    assert connection.llen(keys.queue("tests")) == 5
    refused = [answer for answer in answers if answer.status == 429]
    too_many = [answer.failure for answer in refused if "retryAfter" not in answer.json]
    assert too_many == [{"success": False, "error": "Rate limit exceeded. Maximum 5 active jobs allowed."}] * 5
    for answer in refused:
        if answer.failure not in too_many:
            seconds = answer.json["retryAfter"]
            assert answer.json["error"] == "Rate limit exceeded"
            assert re.fullmatch(
                rf"Maximum 10 job creation attempts per minute\. Try again in {seconds} seconds\.",
                answer.json["message"],
            )
            assert answer.headers["Retry-After"] == str(seconds)
    assert gateway.request("POST", "/job/create", {"name": "Job"}, gateway.user()).status == 201, "another user"
