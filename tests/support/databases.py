"""The databases that messages end in: a real MariaDB, and a MongoDB or what speaks for one."""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pymongo
import pymysql

from support.process import Program, accepts, free_port
from support.servers import MissingServerError

SBIN = os.environ.get("PATH", "") + ":/usr/sbin"


class MariaDb(Program):
    """A private MariaDB on `host`, with a user `qctl` who may do everything in the database `data_queue_db`.

    `options` are further command-line options, such as `--ssl-cert=...`.
    """

    user = "qctl"
    password = "pass wörd '\\%"
    database = "data_queue_db"
    is_shared = False
    """True if clients come to it by other addresses too, as to a node of a cluster."""

    def __init__(self, folder: Path, *options: str, host: str = "127.0.0.1", port: int | None = None) -> None:
        server = shutil.which("mariadbd", path=SBIN)
        install = shutil.which("mariadb-install-db", path=SBIN)
        if not (server and install and shutil.which("my_print_defaults")):
            raise MissingServerError(
                "MariaDB is not installed: apt-get install mariadb-server-core mariadb-client-core"
            )
        self.host, self.port = host, port or free_port()
        self.socket = folder / "mysql.sock"
        self._prepared = False
        self._root: Any = None
        data, own = folder / "data", folder / "tmp"
        own.mkdir()  # servers that share one remove each other's files from it
        self._small = [
            f"--datadir={data}",
            f"--tmpdir={own}",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
        ]
        if os.geteuid() == 0:  # else it gives up root, and cannot write into the folder
            self._small.append("--user=root")
        self._install = [install, "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        listen = [f"--port={self.port}", f"--bind-address={host}", f"--socket={self.socket}"]
        extra = [f"--pid-file={folder / 'pid'}", "--performance-schema=off", "--skip-name-resolve"]
        extra += ["--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync"]  # what a kill does not lose
        super().__init__("mariadb", [server, "--no-defaults", *self._small, *listen, *extra, *options], folder)

    def start(self) -> None:
        """Start it; the first time its files, the database and the user are made."""
        if not self._prepared and not (self.folder / "data").exists():
            self._make_files()
        super().start()
        if not self._prepared:
            clients = "127.0.0.1" if self.host == "127.0.0.1" and not self.is_shared else "%"
            self.run(
                f"CREATE DATABASE {self.database}",
                f"CREATE USER qctl@'{clients}' IDENTIFIED BY " + pymysql.converters.escape_str(self.password),
                f"GRANT ALL ON {self.database}.* TO qctl@'{clients}'",
            )
            self._prepared = True

    def _make_files(self) -> None:
        done = subprocess.run(
            [*self._install, *self._small], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == 0, done.stdout

    def end(self) -> None:
        """Kill it; nothing happens where it ended already."""
        if self._root is not None:
            self._root.close()
        super().end()

    def kill(self) -> None:
        """End it by SIGKILL."""
        super().kill()
        self._root = None

    def ready(self) -> bool:
        """True if it accepts connections."""
        return accepts(self.port, self.host) and self.socket.exists()

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as root, in the database where it is there. Returns the rows of the last one."""
        self._root = self._root or pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)
        cursor = self._root.cursor()
        if self._prepared:
            cursor.execute(f"USE {self.database}")
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())

    def wipe(self) -> None:
        """Make the database as new; connections that a test left behind are closed first."""
        for (id_,) in self.run("SELECT id FROM information_schema.processlist WHERE user = 'qctl'"):
            with suppress(pymysql.err.OperationalError):  # it has ended meanwhile
                self.run(f"KILL {id_}")
        self.run(f"DROP DATABASE {self.database}", f"CREATE DATABASE {self.database}")

    @property
    def environ(self) -> dict[str, str]:
        """The settings that lead to it."""
        return {
            "DB_HOST": self.host,
            "DB_PORT": str(self.port),
            "DB_USER": self.user,
            "DB_PASSWORD": self.password,
            "DB_NAME": self.database,
        }


class MysqlLogin:
    """A server on 127.0.0.1 that greets as MariaDB does and asks for a login by `plugin`."""

    def __init__(self, plugin: str) -> None:
        outer = self
        self.plugin = plugin

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    outer._serve(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def _serve(self, client: socket.socket) -> None:
        capabilities = 0x81FFF7FF & ~0x800 | 0x80000  # all but TLS, and plug-ins
        greeting = b"\x0a5.5.5-10.11.6-MariaDB\0" + struct.pack("<I", 7) + b"abcdefgh\0"
        greeting += struct.pack("<HBHHB", capabilities & 0xFFFF, 0x2D, 2, capabilities >> 16, 21) + b"\0" * 10
        client.sendall(_packet(0, greeting + b"ijklmnopqrst\0mysql_native_password\0"))
        client.recv(4096)
        client.sendall(_packet(2, b"\xfe" + self.plugin.encode() + b"\0" + b"s" * 20 + b"\0"))
        client.recv(4096)
        if self.plugin == "caching_sha2_password":
            client.sendall(_packet(4, b"\x01\x04"))  # the password is needed, encrypted by this key
            client.recv(4096)
            client.sendall(_packet(6, b"\x01-----BEGIN PUBLIC KEY-----"))
            client.recv(4096)

    def __enter__(self) -> MysqlLogin:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _packet(number: int, content: bytes) -> bytes:
    return struct.pack("<I", len(content))[:3] + bytes([number]) + content


class MongoDb(Program):
    """A private MongoDB on 127.0.0.1: mongod, or SecantusDB, which speaks its protocol over the same storage engine."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        data = folder / "data"
        data.mkdir()
        mongod = shutil.which("mongod")
        stand_in = Path(sys.executable).with_name("secantusd-py")
        if mongod:
            command = [mongod, "--dbpath", str(data), "--port", str(self.port), "--bind_ip", "127.0.0.1"]
        elif stand_in.exists():
            command = [str(stand_in), "--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(data)]
            command += ["--standalone", "--cache-size", "64M"]
        else:
            raise MissingServerError("MongoDB is not installed, nor SecantusDB: pip install SecantusDB")
        super().__init__("mongodb", command, folder)

    @property
    def url(self) -> str:
        """Its URL, to be used as MONGODB_URI."""
        return f"mongodb://127.0.0.1:{self.port}/data"

    def ready(self) -> bool:
        """True if it answers."""
        client = self.connect()
        try:
            return bool(client.admin.command("ping")["ok"])
        except pymongo.errors.PyMongoError:
            return False
        finally:
            client.close()

    def connect(self) -> pymongo.MongoClient[dict[str, Any]]:
        """A client of its own. Close it."""
        return pymongo.MongoClient(self.url, serverSelectionTimeoutMS=500)
