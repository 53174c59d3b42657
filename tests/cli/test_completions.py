"""Shell completion: generated scripts, offer words, and names from Redis."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.redis import completion_names, keys
from qctl.cli.completion_names import KIND
from qctl.cli.completions.scripts import SCRIPTS, render
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
PROGRAM = str(Path(sys.executable).with_name("qctl"))

Offer = Callable[..., list[str]]

BASH = """
source {script}
COMP_LINE={line}; COMP_POINT=${{#COMP_LINE}}
read -ra COMP_WORDS <<<"$(sed 's/[:=]/ & /g' <<<"$COMP_LINE")"
[[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
compopt() {{ :; }}
_qctl qctl "${{COMP_WORDS[COMP_CWORD]}}" ''
printf '%s\\n' "${{COMPREPLY[@]}}"
"""

ZSH = """
compadd() {{ shift; print -l -- $@; }}
_describe() {{ [[ $1 == -o ]] && shift; print -l -- ${{${{(P)2}}%%:*}}; }}
_files() {{ print FILES; }}
_message() {{ : }}
words=("${{(@z)$(print -r -- {line})}}"); [[ {line} == *' ' ]] && words+=('')
CURRENT=$#words
source {script}
"""

FISH = "source {script}; complete -C {line} | string split -f 1 \\t"


@pytest.fixture(params=["bash", "zsh", "fish"])
def offer(request: pytest.FixtureRequest, redis_server: RedisServer) -> Offer:
    """Return the words that a shell offers at the end of a line."""
    shell: str = request.param
    if shutil.which(shell) is None:
        abort = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        abort(f"{shell} is not installed: apt-get install {shell}")
    script = ROOT / "completions" / next(name for name, (target, _) in SCRIPTS.items() if target == shell)

    def complete(line: str, url: str = redis_server.url) -> list[str]:
        code = {"bash": BASH, "zsh": ZSH, "fish": FISH}[shell].format(
            script=shlex.quote(str(script)), line=shlex.quote(line)
        )
        env = {**os.environ, "REDIS_URL": url, "PATH": f"{Path(PROGRAM).parent}:{os.environ['PATH']}"}
        ran = subprocess.run(
            [shell, "-c", code], env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
        assert ran.stderr == ""
        prefix = "" if line.endswith(" ") else line.split()[-1]
        return [word for word in ran.stdout.split() if word.startswith(prefix)]

    return complete


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_up_to_date(name: str) -> None:
    assert (ROOT / "completions" / name).read_text() == render(name), "run `make completions`"


def test_commands_and_options_are_offered(offer: Offer) -> None:
    assert sorted(offer("qctl cle")) == ["cleanup", "clear"]
    assert {"list", "groups", "retry"} <= set(offer("qctl --context prod dlq "))
    assert offer("qctl dlq list --fing") == ["--fingerprint"]
    assert {"json", "csv"} <= set(offer("qctl stats -o "))
    assert "welcome-email" in offer("qctl job enqueue ")


def test_names_come_from_redis_and_are_never_evaluated(offer: Offer, connection: Redis, tmp_path: Path) -> None:
    hostile = ("$(touch${IFS}pwned)", "`touch${IFS}pwned`", "two words", "\x1b[2J", "*", "--all", "new\nline")
    for name in ("email", "a.b", *hostile):
        connection.sadd(keys.QUEUES, keys.queue(name))
    connection.zadd(keys.SCHEDULES, {"nightly": 1})
    connection.sadd(keys.WORKERS, keys.worker("host.1.f00"))
    connection.zadd(keys.failed("email"), {"dead-1": -1})
    connection.hset(keys.causes("email"), "0d9c5c1fb0a7", '{"exception": "ValueError", "function": "app.send"}')
    words = offer("qctl pause ")
    assert {"email", "a.b"} <= set(words)
    assert not {"--all", "words", "\x1b[2J", "line"} & set(words)
    assert offer("qctl schedule run ") == ["nightly"]
    assert offer("qctl worker stop ") == ["host.1.f00"]
    assert offer("qctl dlq show ") == ["dead-1"]
    assert offer("qctl ingest rejects show ") == ["dead-1"]
    assert offer("qctl dlq retry --fingerprint ")[0] == "0d9c5c1fb0a7"
    assert not list(tmp_path.rglob("pwned"))


def test_pipelines_and_arguments_of_jobs_are_offered(offer: Offer) -> None:
    assert {"readings", "messages"} <= set(offer("qctl ingest rejects list --pipeline "))
    assert {"readings", "messages"} <= set(offer("qctl ingest flush "))
    assert [word for word in offer("qctl job enqueue welcome-email ") if word.endswith("=")] == [
        "userEmail=",
        "userName=",
    ]


@pytest.mark.parametrize(
    ("kind", "words", "line"),
    [
        ("cause", ["dlq", "retry"], "0d9c5c1fb0a7\tValueError in app.send"),
        ("enqueue", ["job", "enqueue", "--data", "{}"], "welcome-email\t"),
    ],
)
def test_names_have_descriptions_for_zsh_and_fish(
    kind: str, words: list[str], line: str, connection: Redis, redis_server: RedisServer
) -> None:
    connection.sadd(keys.QUEUES, keys.queue("email"))
    connection.hset(keys.causes("email"), "0d9c5c1fb0a7", '{"exception": "ValueError", "function": "app.send"}')
    connection.hset(keys.causes("email"), "111111111111", "no JSON")
    env = {**os.environ, KIND: kind, "_QCTL_DESCRIBED": "1", "REDIS_URL": redis_server.url}
    ran = subprocess.run([PROGRAM, *words], env=env, capture_output=True, text=True, check=True)
    assert any(shown.startswith(line) for shown in ran.stdout.splitlines()), ran.stdout


def test_without_redis_nothing_is_offered_or_printed(offer: Offer) -> None:
    assert offer("qctl pause ", url="redis://127.0.0.1:1/0") == []
    assert offer("qctl pause ", url="nonsense") == []


def test_silent_redis_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        completion_names.names(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", "queue")
    assert completion_names.TIMEOUT_SECONDS <= 0.1


@pytest.mark.parametrize("kind", ["queue", "worker", "schedule", "batch", "job", "dead", "cause"])
def test_every_kind_of_name_is_read(kind: str, connection: Redis, redis_server: RedisServer) -> None:
    connection.sadd(keys.QUEUES, keys.queue("q"))
    connection.sadd(keys.WORKERS, keys.worker("w"))
    connection.zadd(keys.SCHEDULES, {"s": 1})
    connection.zadd(keys.TRASH, {"b": 1})
    connection.hset(keys.causes("q"), "c", "{}")
    connection.hset(keys.PAUSED, "paused", "{}")
    connection.zadd(keys.started("q"), {"run:0123456789abcdef0123456789abcdef": 4_000_000_000})
    connection.rpush(keys.queue("q"), "wait")
    for id_, key in (("died", keys.failed), ("later", keys.scheduled), ("done", keys.finished)):
        connection.zadd(key("q"), {id_: 1})
    jobs = ["run", "wait", "died", "later", "done"]
    expected = {
        "queue": ["paused", "q"],
        "worker": ["w"],
        "schedule": ["s"],
        "batch": ["b"],
        "job": jobs,
        "cause": ["c"],
    }
    assert completion_names.names(redis_server.url, kind) == expected.get(kind, ["died"])


def test_urls_with_passwords_and_databases_work(own_redis: RedisServer) -> None:
    third = Redis.from_url(f"{own_redis.tcp_url}?db=3")
    third.sadd(keys.QUEUES, keys.queue("third"))
    third.config_set("requirepass", "s3 cret")
    for url in (own_redis.tcp_url.removesuffix("0") + "3", f"{own_redis.url}?db=3"):
        assert completion_names.names(url.replace("://", "://:s3%20cret@"), "queue") == ["third"]
    with pytest.raises(ValueError, match="NOAUTH"):
        completion_names.names(own_redis.url, "queue")


def test_names_are_read_without_heavy_imports(redis_server: RedisServer) -> None:
    code = "import sys; from qctl.cli.entry import main; main(); print(*sys.modules, file=sys.stderr)"
    env = {**os.environ, KIND: "queue", "REDIS_URL": redis_server.url}
    ran = subprocess.run([sys.executable, "-c", code, "pause"], env=env, capture_output=True, text=True, check=True)
    heavy = {"redis", "rq", "typer", "rich", "ssl", "dotenv", "dataclasses", "inspect", "qctl.settings.all_settings"}
    assert not heavy & set(ran.stderr.split())
