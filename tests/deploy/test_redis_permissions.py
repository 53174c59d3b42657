"""Refusals for the users of `deploy/redis-users.acl`: every other command, and every other key, on a real Redis."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

from qctl.broker.redis import ingest_keys, keys
from support.servers import RedisServer

USERS_FILE = Path(__file__).parents[2] / "deploy" / "redis-users.acl"
USERS = ("readonly", "ingest", "worker", "operator")

SWITCHES = ("--enable-debug-command", "yes", "--enable-module-command", "yes")
"""Options with which Redis refuses these commands by its users alone."""

SCRIPTS = {"eval", "evalsha", "script|load", "script|exists"}
SUBSCRIPTIONS = {"subscribe", "unsubscribe"}
CATEGORIES = {
    "readonly": ("read", "connection"),
    "ingest": ("read", "write", "transaction", "connection"),
    "worker": ("read", "write", "transaction", "connection"),
    "operator": ("read", "write", "transaction", "connection"),
}
NAMED: dict[str, set[str]] = {
    "readonly": {"time", "info", *SUBSCRIPTIONS},
    "ingest": {"time", "info", "publish", "pubsub|numsub", *SCRIPTS},
    "worker": {"time", "info", *SCRIPTS, *SUBSCRIPTIONS},
    "operator": {"time", "info", "publish", "acl|whoami", "acl|dryrun", *SCRIPTS, *SUBSCRIPTIONS},
}
"""Commands of each user: those of categories, without those of EXCLUDED, and those by name."""

EXCLUDED = ("scripting", "hyperloglog", "geo", "bitmap", "dangerous")
"""Categories of no user. `PFMERGE KEY` alone succeeds on every key in Redis 7.0."""

KEYS_BY_NUMBER = {"eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro"}
"""Commands whose keys follow the number of keys, after the first argument."""

FOREIGN_KEY_ARGUMENTS = {
    "xread": "STREAMS elsewhere 0",
    "xreadgroup": "GROUP g c STREAMS elsewhere 0",
    "object|encoding": "elsewhere",
}
"""Arguments of commands whose keys cannot be placed by position."""

INGEST_KEYS = {
    *(
        "buffer",
        "buffer_head",
        "ingest",
        "HEARTBEATS",
        "last_commit",
        "topics",
        "topics_seen",
        "mqtt_session",
        "mqtt_retained",
    ),
    *("topic_pauses", "broker_drops"),
    *("topic_notes", "mqtt_recent", "arrivals", "lock", "causes", "cause", "rejects", "BUDGETS"),
    *("counts", "counts_prefix", "EVENTS", "TOTALS", "IDENTITY", "QUEUES", "HEARTBEATS"),
}
"""Keys, by their names in `broker/redis/keys.py`, that sources need whatever the arguments are."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Redis with these users."""
    folder = tmp_path_factory.mktemp("permissions")
    file = folder / "users.acl"
    file.write_text(USERS_FILE.read_text() + "user admin on >admin ~* &* +@all\n")
    with _Guarded(folder, "--aclfile", str(file), *SWITCHES) as server:
        yield server.port


class _Guarded(RedisServer):
    def connect(self) -> Redis:
        return Redis(unix_socket_path=str(self.socket), username="admin", password="admin")


@pytest.fixture
def admin(port: int) -> Iterator[Redis]:
    with Redis(port=port, username="admin", password="admin", decode_responses=True, protocol=2) as client:
        yield client


@pytest.fixture(params=USERS)
def user(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(port: int, user: str) -> Iterator[Redis]:
    with Redis(port=port, username=f"qctl-{user}", password=f"change-me-{user}", protocol=2) as client:
        yield client


def commands(admin: Redis) -> dict[str, tuple[int, int, int, int]]:
    """Every command and subcommand of this server, with its arity and the positions of its keys."""
    found: dict[str, tuple[int, int, int, int]] = {}
    for spec in raw(admin, "COMMAND"):
        found[spec[0]] = (spec[1], spec[3], spec[4], spec[5])
        for sub in spec[9] if len(spec) > 9 else ():
            found[sub[0]] = (sub[1], sub[3], sub[4], sub[5])
    return {name: spec for name, spec in found.items() if not any(other.startswith(f"{name}|") for other in found)}


def raw(client: Redis, *words: str) -> Any:
    """The reply to a command, as it is sent: redis-py would change some."""
    connection = client.connection_pool.get_connection()
    try:
        connection.send_command(*words)
        return connection.read_response()
    finally:
        client.connection_pool.release(connection)
        if words[0].lower() in ("quit", "reset", "subscribe", "unsubscribe", "monitor", "multi"):
            connection.disconnect()


def allowed(admin: Redis, user: str) -> set[str]:
    """The commands that a user may run."""
    granted: set[str] = set().union(*(raw(admin, "ACL", "CAT", category) for category in CATEGORIES[user]))
    return granted.difference(*(raw(admin, "ACL", "CAT", category) for category in EXCLUDED)) | NAMED[user]


def line(name: str, arity: int) -> list[str]:
    """The shortest valid command, each argument 1, which is a key of nobody."""
    words = name.split("|")
    return words + ["1"] * (abs(arity) - len(words))


def test_every_other_command_is_refused(client: Redis, admin: Redis, user: str) -> None:
    may = allowed(admin, user)
    forbidden = {
        name: spec for name, spec in commands(admin).items() if name not in may and name.partition("|")[0] not in may
    }
    assert len(forbidden) > 80
    answers = {name: answer(client, line(name, arity)) for name, (arity, *_) in forbidden.items()}
    # These two need no rights: a client says who it is, or goes.
    answers = {name: said for name, said in answers.items() if name not in ("auth", "hello", "quit", "reset")}
    assert {name: said for name, said in answers.items() if said != "refused"} == {}


def test_every_allowed_command_is_refused_for_other_keys(client: Redis, admin: Redis, user: str) -> None:
    may = allowed(admin, user)
    granted = {name: spec for name, spec in commands(admin).items() if name in may or name.partition("|")[0] in may}
    with_keys = {
        name: spec for name, spec in granted.items() if spec[1] > 0 or name in (*KEYS_BY_NUMBER, *FOREIGN_KEY_ARGUMENTS)
    }
    assert len(with_keys) > (40 if user == "readonly" else 100)
    answers = {name: answer(client, foreign(name, spec[0])) for name, spec in with_keys.items()}
    assert {name: said for name, said in answers.items() if said != "refused"} == {}


def foreign(name: str, arity: int) -> list[str]:
    """A command on the key of another program."""
    if name in FOREIGN_KEY_ARGUMENTS:
        return [*name.split("|"), *FOREIGN_KEY_ARGUMENTS[name].split()]
    if name in KEYS_BY_NUMBER:
        return [name, "return 1", "1", "elsewhere"]
    return line(name, arity)


def answer(client: Redis, words: list[str]) -> str:
    """`refused`, or what the server replied."""
    try:
        return f"{' '.join(words)}: {raw(client, *words)!r}"
    except ResponseError as error:  # EXEC names the refusal of a command of its transaction
        return "refused" if isinstance(error, NoPermissionError) or "NOPERM" in str(error) else f"{words}: {error}"


def all_keys() -> dict[str, str]:
    """Every key that `keys.py` and `ingest_keys.py` name, with arguments of no ingest queue."""
    found = {name: value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)}
    functions = [*inspect.getmembers(keys, inspect.isfunction), *inspect.getmembers(ingest_keys, inspect.isfunction)]
    for name, function in functions:
        if function.__module__ not in (keys.__name__, ingest_keys.__name__) or name in ("queue_name", "escape_pattern"):
            continue
        arguments = ["7" if p.annotation == "int" else "email" for p in inspect.signature(function).parameters.values()]
        found[name] = str(function(*[int(a) if a == "7" else a for a in arguments]))
    return {name: key for name, key in found.items() if key.startswith(("rq:", "qctl:")) and not key.endswith(":")}


@pytest.mark.parametrize("user", ["ingest"])
def test_sources_reach_no_key_but_theirs(client: Redis, user: str) -> None:
    """If this fails for a new key: does a source need it? Then add it to the ACL file and to INGEST_KEYS."""
    answers = {name: answer(client, ["TYPE", key]) for name, key in all_keys().items()}
    reached = {name for name, said in answers.items() if said != "refused"}
    assert reached == INGEST_KEYS & answers.keys()
    assert answer(client, ["HGETALL", "rq:job:0b5ab2c0"]) == "refused"
    assert answer(client, ["HGETALL", "rq:job:readings-7"]) != "refused"


def test_only_operators_command_workers(client: Redis, user: str) -> None:
    assert (answer(client, ["PUBLISH", "rq:pubsub:w", "x"]) == "refused") == (user != "operator")


def test_nobody_reads_the_passwords_of_redis(client: Redis, user: str) -> None:
    for words in ("CONFIG GET *", "CONFIG GET masterauth", "ACL LIST", "ACL GETUSER qctl-worker", "DEBUG SLEEP 0"):
        assert answer(client, words.split()) == "refused"
