"""Acts on a site in a Redis Cluster, whose QUEUE_PREFIX a test's own process cannot have.

python -m support.site_in_cluster create FILE STOP   create jobs that append their number to FILE, until STOP exists
python -m support.site_in_cluster states COUNT       print how many of the jobs are in which state, as JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path

from redis.exceptions import RedisError

from qctl.broker.producer import enqueue
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.redis.connection import connect
from qctl.settings import Settings

JOBS_A_SECOND = 40

BATCH_JOBS = 100


def job_id(number: int) -> str:
    """The id of the job with a number."""
    return f"job-{number}"


def create(file: str, stop: str) -> None:
    """Create numbered jobs. Each is sent again until Redis has confirmed it."""
    with connect(Settings.load()) as client:
        number = 0
        while not Path(stop).exists():
            arguments = {"path": file, "value": number}
            job = NewJob(job_id(number), "mark", "support.jobs.mark", "work", arguments, timeout=60)
            try:
                enqueue.create(client, [job], actor="me", retry_seconds=0.0)
            except RedisError as error:
                print(f"job {number}: {error}", flush=True)
                time.sleep(0.05)
                continue
            number += 1
            if number == 1:
                print("creating", flush=True)
            time.sleep(1 / JOBS_A_SECOND)
    print(f"created {number}", flush=True)


def states(count: str) -> None:
    """Print the states."""
    from rq.job import Job  # after qctl, which tells RQ the prefix
    from rq.serializers import JSONSerializer

    with connect(Settings.load()) as client:
        ids = [job_id(number) for number in range(int(count))]
        jobs = Job.fetch_many(ids, connection=client, serializer=JSONSerializer)
    print(json.dumps(Counter(job.get_status(refresh=False).value if job else "gone" for job in jobs)))


def fill(count: str) -> None:
    """Create jobs."""
    ids = iter(range(int(count)))
    with connect(Settings.load()) as client:
        while numbers := list(islice(ids, BATCH_JOBS)):
            jobs = [
                NewJob(job_id(number), "give", "support.jobs.give", "work", {"value": number}, timeout=60)
                for number in numbers
            ]
            enqueue.create(client, jobs, actor="me", retry_seconds=5.0)


if __name__ == "__main__":
    {"create": create, "states": states, "fill": fill}[sys.argv[1]](*sys.argv[2:])
