"""Application of a site: jobs, and a program that fills its Redis. Runs in an environment without qctl.

`python siteapp.py fill URL pickle|json`, `requeue URL ID` or `state URL ID...`; its RQ decides how the data looks.
"""

import sys
import time

from redis import Redis
from rq import Queue, Retry
from rq.job import Dependency, Job
from rq.serializers import DefaultSerializer, JSONSerializer


def give(*values):
    """Return what was given."""
    return list(values)


def fail():
    """Fail."""
    raise ValueError("no such address")


def nap(seconds):
    """Take some time."""
    time.sleep(seconds)


def fill(connection, serializer):
    """Enqueue one job of each kind. Jobs of `slow` run when their worker is killed."""
    slow = Queue("slow", connection=connection, serializer=serializer)
    slow.enqueue(nap, 300, job_id="left")
    slow.enqueue(nap, 300, job_id="left-with-retry", retry=Retry(max=2))
    for name in ("left-to-cancel", "left-to-delete", "left-to-retry", "left-to-stop"):
        slow.enqueue(nap, 300, job_id=name)
    allowed = Dependency(jobs=["left"], allow_failure=True)
    slow.enqueue(give, 1, job_id="after-failure", depends_on=allowed)
    slow.enqueue(give, 2, job_id="waits", depends_on="left")
    work = Queue("work", connection=connection, serializer=serializer)
    work.enqueue(give, 3, job_id="done", result_ttl=86400)  # longer than a test run, which copies the site
    work.enqueue(fail, job_id="dead")
    work.enqueue(fail, job_id="expired", failure_ttl=1)
    parent = Queue("parents", connection=connection, serializer=serializer)
    parent.enqueue(give, 4, job_id="parent")
    parent.enqueue(give, 5, job_id="child", depends_on="parent")
    parent.enqueue(give, 6, job_id="grandchild", depends_on="child")


def main():
    """Run one command."""
    command, url, *ids = sys.argv[1:]
    connection = Redis.from_url(url)
    if command == "fill":
        fill(connection, JSONSerializer if ids == ["json"] else DefaultSerializer)
    elif command == "requeue":
        Job.fetch(ids[0], connection=connection).requeue()
    else:
        print(*(Job(id_, connection=connection).get_status() for id_ in ids))


if __name__ == "__main__":
    import siteapp  # functions of jobs are named after the module, not after the program

    siteapp.main()
