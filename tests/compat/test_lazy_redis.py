"""Deferred parts of redis-py and RQ: absent at first, and the same as after a whole import as soon as they are used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qctl.compat import lazy_redis
from support.servers import RedisServer

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"

INSTALL = "from qctl.compat import lazy_redis\nassert lazy_redis.install()\n"

DEFERRED = ("asyncio", "redis.asyncio", "redis.cluster", "redis.keyspace_notifications", "ssl", "importlib.metadata")

USES = {
    "module": "import redis\nassert redis.asyncio.Redis.__module__ == 'redis.asyncio.client'",
    "from package": "from redis import asyncio\nassert asyncio.Redis.__module__ == 'redis.asyncio.client'",
    "from module": "from redis.asyncio import Redis\nassert Redis.__module__ == 'redis.asyncio.client'",
    "nested module": "import redis.asyncio.client as it\nassert it.Redis.__module__ == 'redis.asyncio.client'",
    "import as": "import redis.asyncio as it\nassert it.Redis.__module__ == 'redis.asyncio.client'",
    "class of cluster": "import redis\nfrom redis import RedisCluster as It\nassert redis.cluster.RedisCluster is It",
    "module of cluster": "import redis\nassert redis.cluster.RedisCluster is redis.RedisCluster",
    "keyspace": "import redis\nassert redis.ChannelType is redis.keyspace_notifications.ChannelType",
    "star": "from redis import *\nassert issubclass(RedisCluster, object) and ChannelType",
    "isinstance": (
        "import redis\nclient = redis.asyncio.Redis(protocol=2)\nassert isinstance(client, redis.asyncio.Redis)\n"
        "from redis.commands.helpers import get_protocol_version\nassert get_protocol_version(client) == 2"
    ),
    "patch": (
        "from unittest import mock\nimport redis\nwith mock.patch('redis.RedisCluster') as patched:\n"
        "    assert redis.RedisCluster is patched\nassert redis.RedisCluster is redis.cluster.RedisCluster"
    ),
    "patch of a proxy": (
        "from unittest import mock\nimport redis\n"
        "with mock.patch('redis.connection.ssl.create_default_context') as it:\n"
        "    import ssl\n    assert ssl.create_default_context is it\nassert callable(ssl.create_default_context)"
    ),
    "missing name": (
        "import redis\ntry:\n    redis.nothing\nexcept AttributeError as error:\n"
        "    assert str(error) == \"module 'redis' has no attribute 'nothing'\"\nelse:\n    raise AssertionError"
    ),
    "annotations": (
        "import asyncio, typing, redis\nit = redis.event.AfterSingleConnectionInstantiationEvent.__init__\n"
        "assert asyncio.Lock in typing.get_args(typing.get_type_hints(it)['connection_lock'])\n"
    ),
    "asynchronous names": (
        "import redis.asyncio, asyncio\nfrom redis._parsers import base\nfrom redis.commands import core\n"
        "assert vars(base)['IncompleteReadError'] is asyncio.IncompleteReadError\n"
        "assert vars(base)['StreamReader'] is asyncio.StreamReader\n"
        "from redis.asyncio.observability.recorder import record_streaming_lag_from_response as it\n"
        "assert vars(core)['async_record_streaming_lag'] is it"
    ),
    "event": (
        "import redis\nfrom redis.event import EventDispatcher\nit = EventDispatcher()\n"
        "import asyncio\nasyncio.run(it.dispatch_async(object()))\nassert isinstance(it._async_lock, asyncio.Lock)"
    ),
    "TLS exceptions": (
        "import redis\nfrom redis._parsers.socket import NONBLOCKING_EXCEPTIONS\nimport ssl\n"
        "assert ssl.SSLWantReadError in NONBLOCKING_EXCEPTIONS and ssl.SSLWantWriteError in NONBLOCKING_EXCEPTIONS"
    ),
    "TLS connection": (
        "import redis, ssl\nit = redis.from_url('rediss://localhost').connection_pool.make_connection()\n"
        "assert it.cert_reqs is ssl.CERT_REQUIRED"
    ),
    "version": (
        "from importlib import metadata\nimport redis\nfrom redis.utils import metadata as it\n"
        "assert redis.driver_info.DriverInfo().lib_version == metadata.version('redis') == it.version('redis')\n"
        "assert it.version('rq') == metadata.version('rq')\n"
        "assert it.PackageNotFoundError is metadata.PackageNotFoundError"
    ),
    "sentinel": "import redis\nassert redis.Sentinel is redis.sentinel.Sentinel",
    "RQ": "from rq import Queue, Worker\nimport rq.job",
    "job that is a coroutine": (
        "import rq.job, sys\nasync def it():\n    return 7\n"
        "assert not rq.job.asyncio.iscoroutine(it) and 'asyncio' not in sys.modules\n"
        "it = it()\nassert rq.job.asyncio.iscoroutine(it) and rq.job.asyncio.run(it) == 7\n"
        "import asyncio\nit = (n for n in ())\nassert rq.job.asyncio.iscoroutine(it) == asyncio.iscoroutine(it)"
    ),
    "webhook of a job": (
        "import rq.webhook, sys\nassert 'urllib.request' not in sys.modules\n"
        "it = rq.webhook.Request('http://host/', headers={'A': 'b'}, method='GET')\n"
        "assert type(it) is sys.modules['urllib.request'].Request and it.get_header('A') == 'b'\n"
        "try:\n    rq.webhook.urlopen('unknown://host')\nexcept sys.modules['urllib.error'].URLError:\n    pass"
    ),
    "after a failed import": (
        "import sys\nsys.modules['asyncio'] = None\nimport redis\n"
        "try:\n    redis.asyncio\nexcept ImportError:\n    pass\ndel sys.modules['asyncio']\n"
        "assert redis.asyncio.Redis\nassert vars(redis._parsers.base)['StreamReader']"
    ),
}


def run(code: str, *arguments: str) -> str:
    """Run Python in a process of its own, which warnings end, and return what it printed."""
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pinned_versions_are_known() -> None:
    pinned = dict(line.split("==") for line in CONSTRAINTS.read_text().splitlines() if "==" in line)
    assert pinned["redis"] in lazy_redis.KNOWN_VERSIONS
    assert pinned["rq"] in lazy_redis.KNOWN_RQ_VERSIONS


def test_import_of_rq_loads_no_deferred_part() -> None:
    loaded = run(f"{INSTALL}import sys, rq\nprint(*sys.modules)").split()
    assert "rq.worker" in loaded
    assert {*DEFERRED, "urllib.request", "http.client", "email.message"}.isdisjoint(loaded)


def test_unknown_version_of_rq_is_imported_as_a_whole() -> None:
    prepare = "lazy_redis.KNOWN_RQ_VERSIONS = frozenset({'0.1'})\nimport sys, rq\n"
    run(f"{INSTALL}{prepare}assert rq.job.asyncio is sys.modules['asyncio']")


def test_import_and_a_command_load_no_deferred_part(redis_server: RedisServer) -> None:
    use = f"import sys, redis\nredis.from_url({redis_server.url!r}).ping()\n"
    loaded = run(f"{INSTALL}{use}print(*sys.modules)").split()
    assert "redis.client" in loaded
    assert set(DEFERRED).isdisjoint(loaded)
    assert not [name for name in loaded if name.startswith("redis.asyncio")]


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_deferred_part_is_the_real_one(use: str) -> None:
    run(INSTALL + use)


def test_every_name_of_a_whole_import_is_there() -> None:
    collect = "import json, redis, sys\nall = {n: [*vars(m)] for n, m in sys.modules.items() if n[:5] == 'redis'}\n"
    names = json.loads(run(collect + "print(json.dumps(all))"))
    assert len(names) > 40
    code = (
        "import json, redis, sys\nfrom operator import attrgetter\nlacking = []\n"
        "for module, names in json.loads(sys.argv[1]).items():\n"
        "    it = attrgetter(module[6:])(redis) if module != 'redis' else redis\n"
        "    lacking += [f'{module}.{name}' for name in names if not hasattr(it, name) or name not in dir(it)]\n"
        "assert not lacking, lacking"
    )
    run(INSTALL + code, json.dumps(names))


def test_asynchronous_client_and_its_errors(redis_server: RedisServer) -> None:
    code = f"""
import asyncio
from redis.asyncio import Redis
from redis.exceptions import ConnectionError

async def use():
    async with Redis.from_url({redis_server.url!r}) as client:
        assert await client.xadd("stream", {{"a": 1}})
        assert await client.xread({{"stream": "0"}})
    async def close(reader, writer):
        writer.write(b"$100\\r\\nless")
        writer.close()
    server = await asyncio.start_server(close, "127.0.0.1", 0)
    from redis._parsers import _AsyncRESP2Parser
    from redis.asyncio.connection import Connection
    from redis.retry import Retry
    port = server.sockets[0].getsockname()[1]
    it = Connection(port=port, parser_class=_AsyncRESP2Parser, protocol=2)
    it._reader, it._writer = await asyncio.open_connection("127.0.0.1", port)
    it._parser.on_connect(it)
    try:
        await it._parser.read_response()
    except ConnectionError:
        pass
    else:
        raise AssertionError

asyncio.run(use())
"""
    run(INSTALL + code)


def test_loads_a_part_once_in_many_threads() -> None:
    run(
        INSTALL
        + """
import redis, threading
found, start = [], threading.Barrier(8)
def use():
    start.wait()
    found.append((redis.asyncio, redis.RedisCluster, redis.utils.metadata.PackageNotFoundError))
threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(found) == 8 and len(set(found)) == 1
"""
    )


WHOLE = "import sys, redis\nassert 'asyncio' in sys.modules and 'redis.cluster' in sys.modules"


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param("lazy_redis.KNOWN_VERSIONS = frozenset({'0.1'})", id="unknown version"),
        pytest.param("import redis", id="imported already"),
        pytest.param(
            "import sys\nfrom importlib.machinery import PathFinder, SourceFileLoader\n"
            "class Loader(SourceFileLoader):\n    pass\n"
            "class Finder:\n    def find_spec(self, name, path=None, target=None):\n"
            "        spec = PathFinder.find_spec(name, path, target)\n"
            "        if name == 'redis':\n            spec.loader = Loader(spec.loader.name, spec.loader.path)\n"
            "        return spec\n"
            "sys.meta_path.insert(0, Finder())",
            id="observed by another program",
        ),
    ],
)
def test_is_imported_as_a_whole(prepare: str) -> None:
    run(f"from qctl.compat import lazy_redis\n{prepare}\nassert not lazy_redis.install()\n{WHOLE}")


def test_module_with_other_imports_is_not_changed() -> None:
    change = "lazy_redis._SKIPPED['redis.event'] = {'other': '_ssl'}\n"
    run(f"{INSTALL}{change}import sys, redis\nassert redis.event.asyncio is sys.modules['asyncio']")


def test_second_call_changes_nothing() -> None:
    code = "import sys\nbefore = list(sys.meta_path)\nassert lazy_redis.install()\nassert sys.meta_path == before"
    run(INSTALL + code)
