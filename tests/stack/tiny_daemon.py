"""A small daemon: keeps a diary in QCTL_HOME/diary, and does what its arguments say.

tiny_daemon.py NAME steady              runs until SIGTERM
tiny_daemon.py NAME stubborn            ignores SIGTERM
tiny_daemon.py NAME exit CODE [TEXT]    prints TEXT and exits at once
tiny_daemon.py NAME fork                has a child, in a process group of its own, that holds its output open
"""

import os
import signal
import socket
import sys
import time
from pathlib import Path

name, kind, *rest = sys.argv[1:]
HOME = Path(os.environ["QCTL_HOME"])


def note(what: str) -> None:
    with (HOME / "diary").open("a") as diary:
        diary.write(f"{name} {what}\n")


def say_ready() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"STATUS=fine\nREADY=1", "\0" + os.environ["NOTIFY_SOCKET"][1:])


def drain(*_: object) -> None:
    note("term")
    time.sleep(0.3)
    with socket.socket(socket.AF_UNIX) as redis:
        if redis.connect_ex(str(HOME / "redis.sock")) == 0:
            redis.sendall(b"PING\r\n")
            note(f"redis says {redis.recv(16).decode().strip()}")
    print(f"{name} has drained", flush=True)
    sys.exit(0)


note(f"pid {os.getpid()}")
note(f"redis is {os.environ.get('REDIS_URL')}")
if kind == "exit":
    print(*rest[1:])
    sys.exit(int(rest[0]))
signal.signal(signal.SIGTERM, signal.SIG_IGN if kind in ("stubborn", "mute") else drain)
if kind == "fork" and os.fork() == 0:
    os.setpgrp()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    note(f"child {os.getpid()}")
    time.sleep(20)
    sys.exit(0)
time.sleep(0.2)
print(f"{name} works \x1b[2J now", flush=True)
if kind != "mute":
    say_ready()
while True:
    time.sleep(60)
