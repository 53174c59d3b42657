"""Messages into three MariaDB with Galera: the loss of the node in use loses and doubles nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from support import daemons
from support.batcher import Batcher, Sender, messages
from support.galera import GaleraNode, galera
from support.ingest import letters
from support.servers import MissingServerError, RedisServer
from support.waiting import eventually

ROUND_MESSAGES = 500


@pytest.fixture
def nodes() -> Iterator[list[GaleraNode]]:
    """A cluster of three nodes. Where Galera is not installed, the test is skipped."""
    try:
        with galera() as found:
            yield found
    except MissingServerError as missing:
        pytest.skip(str(missing))


def ids_in(node: GaleraNode) -> list[str]:
    """The ids of all messages, as one node has them."""
    if not node.run(f"SHOW TABLES IN {node.database} LIKE 'messages'"):
        return []
    return [str(id_) for (id_,) in node.run(f"USE {node.database}", "SELECT msg_id FROM messages")]


@pytest.mark.kill
@pytest.mark.timeout(600)
def test_the_loss_of_a_node_loses_and_doubles_nothing(
    connection: Redis, redis_server: RedisServer, nodes: list[GaleraNode], tmp_path: Path
) -> None:
    first, second, third = nodes
    env = {
        "REDIS_URL": redis_server.url,
        "QCTL_HOME": str(tmp_path),
        "LOG_FORMAT": "text",
        **first.environ,
        "DB_HOST": ",".join(node.host for node in nodes),
    }
    sent = [*messages("before", ROUND_MESSAGES), *messages("after", ROUND_MESSAGES)]
    with (
        Batcher(tmp_path, redis_server.url, **env) as batcher,
        daemons.worker(tmp_path, "worker", ["socket-data"], env),
        Sender(batcher.url) as sender,
    ):
        sender.send_until_acked(sent[:ROUND_MESSAGES])
        first.kill()
        sender.send_until_acked(sent[ROUND_MESSAGES:])
        eventually(lambda: len(ids_in(second)) == len(sent), what="all messages on another node")
    wanted = sorted(str(each["msg_id"]) for each in sent)
    assert sorted(ids_in(second)) == sorted(ids_in(third)) == wanted
    assert not letters(connection)
    first.start()
    eventually(lambda: sorted(ids_in(first)) == wanted, what="the node that came back to have all")
