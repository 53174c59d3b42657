"""Memory and processor time of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from qctl.broker.worker import process_memory

NO_PID = 2**22 + 1
"""Above the largest PID of Linux."""

BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_processor_time_grows_with_work_and_with_children_that_have_ended() -> None:
    before = process_memory.processor_seconds(os.getpid()) or 0.0
    began = time.process_time()
    while time.process_time() - began < 0.1:
        pass
    after_work = process_memory.processor_seconds(os.getpid()) or 0.0
    assert after_work - before >= 0.05
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert (process_memory.processor_seconds(os.getpid()) or 0.0) - after_work >= 0.2


def test_only_an_unknown_first_process_is_unknown() -> None:
    assert process_memory.processor_seconds(NO_PID) is None
    assert process_memory.processor_seconds(os.getpid(), NO_PID) is not None
    assert process_memory.resident_bytes(NO_PID) is None
