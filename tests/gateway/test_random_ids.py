"""Random ids differ, in every thread and process."""

from __future__ import annotations

import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

from qctl.gateway.random_ids import IDS_PER_BLOCK, new_id


def test_ids_of_threads_are_different_random_uuids() -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: new_id(), range(10 * IDS_PER_BLOCK)))
    assert len(set(made)) == len(made)
    assert {(uuid.UUID(id_).version, uuid.UUID(id_).variant, len(id_)) for id_ in made} == {(4, uuid.RFC_4122, 36)}


FORK = """
import os
from qctl.gateway.random_ids import new_id
new_id()
if pid := os.fork():
    os.waitpid(pid, 0)
print(new_id(), flush=True)
"""


def test_a_child_makes_other_ids_than_its_parent() -> None:
    of_child, of_parent = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, check=True
    ).stdout.split()
    assert of_child != of_parent
