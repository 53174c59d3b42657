"""Files that decide what qctl does: each belongs to the user or root, and nobody else may write to it or its folder."""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qctl import ownership
from qctl.broker.redis.connection import connect
from qctl.databases import mongodb
from qctl.databases.mysql import MysqlServer
from qctl.databases.mysql import connect as connect_mysql
from qctl.errors import QctlError, SettingsError, SinkMisconfiguredError
from qctl.gateway.tokens import signing_secret
from qctl.mail.compose import compose
from qctl.ops import alert_rules
from qctl.settings import Settings, contexts
from qctl.sources.mqtt_tls import tls_context

ROOT = Path(__file__).parents[2]

STRANGER = 54_321
"""A user id that is neither ours nor root's."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")

Spoil = Callable[[Path], None]


def give_away(path: Path) -> None:
    """Give a path to another user."""
    os.chown(path, STRANGER, -1, follow_symlinks=False)


def let_all_write(path: Path) -> None:
    """Let other users write to a path."""
    path.chmod(path.stat().st_mode | 0o002)


def give_away_folder(path: Path) -> None:
    give_away(path.parent)


def let_all_write_folder(path: Path) -> None:
    let_all_write(path.parent)


spoilers = pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(give_away, marks=needs_root),
        pytest.param(give_away_folder, marks=needs_root),
        let_all_write,
        let_all_write_folder,
    ],
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, empty."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@spoilers
def test_a_file_of_others_is_refused_with_the_command_that_mends_it(spoil: Spoil, folder: Path) -> None:
    file = folder / "file"
    file.write_text("")
    ownership.require(file)
    spoil(file)
    with pytest.raises(SettingsError) as caught:
        ownership.require(file)
    assert "\n" not in caught.value.message
    fix = str(caught.value.hint)
    assert re.fullmatch(r"(chown -h \S+|chmod go-w) \S+", fix)
    subprocess.run(fix, shell=True, check=True)  # noqa: S602 - a person would paste it into a shell
    ownership.require(file)


@needs_root
def test_a_link_counts_as_its_own_file_and_its_target(folder: Path) -> None:
    target, link = folder / "elsewhere" / "target", folder / "link"
    target.parent.mkdir()
    target.write_text("")
    link.symlink_to(target)
    ownership.require(link)
    for path in (link, target, target.parent):
        give_away(path)
        with pytest.raises(SettingsError, match=re.escape(str(path))):
            ownership.require(link)
        os.chown(path, 0, 0, follow_symlinks=False)
    ownership.require(link)


def test_an_own_file_in_a_sticky_folder_is_obeyed(folder: Path) -> None:
    """Nobody but its owner can replace a file in a folder such as /tmp."""
    file = folder / "file"
    file.write_text("")
    folder.chmod(0o1777)
    ownership.require(file)
    file.chmod(0o606)
    with pytest.raises(SettingsError):
        ownership.require(file)


@needs_root
def test_a_group_with_other_members_counts_as_others(folder: Path) -> None:
    file = folder / "file"
    file.write_text("")
    file.chmod(0o660)
    ownership.require(file)
    os.chown(file, -1, STRANGER)
    with pytest.raises(SettingsError, match="can be written by other users"):
        ownership.require(file)


def qctl(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command in the working folder."""
    program = Path(sys.executable).with_name("qctl")
    return subprocess.run(
        [program, *words], env=os.environ | environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A server that accepts connections of whoever obeys the folder."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        yield listening


@spoilers
def test_a_foreign_env_file_sends_no_command_to_its_host(spoil: Spoil, folder: Path, trap: socket.socket) -> None:
    (folder / ".env").write_text(f"REDIS_URL=redis://:x@127.0.0.1:{trap.getsockname()[1]}/0\n")
    spoil(folder / ".env")
    ran = qctl("stats")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert re.search(r"^qctl: \.env: /\S+ (belongs to|can be written) .*, so it is not read", ran.stderr)
    assert "run qctl in another folder" in ran.stderr
    completed = qctl(_QCTL_NAMES="queue")
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, "", "")
    with pytest.raises(TimeoutError):
        trap.accept()


def test_a_password_of_the_environment_is_not_sent_to_the_host_of_the_folder(folder: Path, trap: socket.socket) -> None:
    """The `.env` of a cloned repository belongs to the user and is obeyed."""
    (folder / ".env").write_text(f"REDIS_HOST=127.0.0.1\nREDIS_PORT={trap.getsockname()[1]}\n")
    ran = qctl("stats", REDIS_PASSWORD="hunter2")
    assert ran.returncode == 2
    assert "REDIS_PASSWORD: is set by environment, but REDIS_HOST by .env" in ran.stderr
    assert "hunter2" not in ran.stderr
    assert qctl(_QCTL_NAMES="queue", REDIS_PASSWORD="hunter2").stdout == ""
    with pytest.raises(TimeoutError):
        trap.accept()


@spoilers
def test_a_foreign_job_module_is_not_run(spoil: Spoil, folder: Path, redis_server: object, settings: Settings) -> None:
    module = folder / "jobs_of_mine.py"
    module.write_text("open('ran', 'w')\n")
    spoil(module)
    ran = qctl("job", "enqueue", "x", QCTL_JOBS_MODULES="jobs_of_mine", REDIS_URL=settings.redis_url or "")
    assert ran.returncode == 2
    assert "module 'jobs_of_mine' is not imported, because /" in ran.stderr
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("path", ["pack", "pack/__init__.py", "pack/inner.py", "pack/__pycache__"])
def test_every_part_of_a_package_is_checked(path: str, folder: Path) -> None:
    (folder / "pack" / "__pycache__").mkdir(parents=True)
    for name in ("__init__", "inner"):
        (folder / "pack" / f"{name}.py").write_text("")
    code = "from qctl import working_folder; working_folder.add_to_path(); import pack.inner"
    # Python's own option keeps the working folder out of the path, as for an installed program.
    command = [sys.executable, "-c", f"import sys; sys.path = [p for p in sys.path if p]; {code}"]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
    let_all_write(folder / path)
    ran = subprocess.run(command, check=False, timeout=60, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "UntrustedModuleError" in ran.stderr


def test_an_installed_module_comes_before_one_of_the_folder(folder: Path) -> None:
    """Also for the process that `qctl monitor --web` starts, although `python -c` imports from its folder first."""
    from qctl.cli.commands.monitor import PROGRAM

    (folder / "redis.py").write_text("open('ran', 'w')\n")
    (folder / "qctl.py").write_text("open('ran', 'w')\n")
    ran = subprocess.run([*PROGRAM, "stats", "--redis-url", "unix:///no/socket"], check=False, timeout=60)
    assert ran.returncode not in (0, 1)
    assert not (folder / "ran").exists()


def read_context(file: Path) -> None:
    contexts.load_contexts()


def read_choice(file: Path) -> None:
    contexts.chosen_context([])


def read_template(file: Path) -> None:
    compose("welcome-email", {}, to="a@b.example", sent_by="c@d.example", key="k", folder=file.parent)


def use_mysql(file: Path) -> None:
    connect_mysql(MysqlServer(("localhost",), 1, "u", "", "d", tls=True, ca=file))


READERS: dict[str, Callable[[Path], object]] = {
    ".env": lambda file: Settings.load(environ={}, dotenv=file),
    "config/qctl/config.toml": read_context,
    "config/qctl/context": read_choice,
    "alerts.toml": alert_rules.load,
    "gateway.key": lambda file: signing_secret(Settings.load(environ={"QCTL_HOME": str(file.parent)})),
    "welcome-email.subject.txt": read_template,
    "mqtt.pem": lambda file: tls_context(
        Settings.load(environ={"QCTL_MQTT_CA": str(file), "MQTT_BROKER": "mqtts://h"})
    ),
    "mysql.pem": use_mysql,
    "mongodb.pem": lambda file: mongodb.connect(f"mongodb://h/?tls=true&tlsCAFile={file}", "c"),
    "redis.pem": lambda file: connect(Settings.load(environ={"REDIS_URL": f"rediss://localhost/?ssl_ca_certs={file}"})),
}


@pytest.mark.parametrize("name", READERS)
def test_every_file_that_is_obeyed_is_refused_if_others_may_write_it(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    file.chmod(0o666)
    with pytest.raises((SettingsError, SinkMisconfiguredError), match="can be written by other users"):
        READERS[name](file)


# The answers: why a place that reads a file, or imports a module, cannot be turned against the user.
CHECKED = "by the ownership rule, in this function"
GUARDED = "names come from settings or the catalog; modules of the working folder are found by working_folder alone"
PACKAGE = "a file or module that is installed with qctl"
SYSTEM = "a file of the kernel or of the system"
WRITTEN = "created by this function, or opened to write"
DATA = "data that the user or a job names; it decides nothing"
NO_FILE = "no file"

ANSWERS = {
    "__init__.py:__getattr__": PACKAGE,
    "broker/redis/completion_names.py:_Connection._encrypted": CHECKED,
    "broker/redis/scripts.py:_source": PACKAGE,
    "broker/worker/guarded_job.py:GuardedJob._allowed_callback": GUARDED,
    "broker/worker/guarded_job.py:GuardedJob.func": GUARDED,
    "broker/worker/process_memory.py:resident_bytes": SYSTEM,
    "broker/worker/process_memory.py:processor_seconds": SYSTEM,
    "broker/worker/standard_modules.py:import_all": SYSTEM,
    "catalog/declared.py:load": GUARDED,
    "cli/command_tree.py:load": PACKAGE,
    "cli/commands/backup.py:_write": WRITTEN,
    "cli/commands/metrics.py:_replace": WRITTEN,
    "cli/commands/transfer.py:_open_output": WRITTEN,
    "cli/completions/scripts.py:render": PACKAGE,
    "cli/editor.py:edit": WRITTEN,
    "cli/help_page.py:print_page": PACKAGE,
    "cli/input_files.py:open_input": DATA,
    "cli/output.py:_discard_buffer": SYSTEM,
    "compat/lazy_redis.py:_Asyncio.iscoroutine": PACKAGE,
    "compat/lazy_redis.py:_Called.__call__": PACKAGE,
    "compat/lazy_redis.py:_Finder._is_known_rq": PACKAGE,
    "compat/lazy_redis.py:_Finder.original_spec": PACKAGE,
    "compat/lazy_redis.py:_Loader.exec_module": PACKAGE,
    "compat/lazy_redis.py:_Metadata.version": PACKAGE,
    "compat/lazy_redis.py:_Origins.get": PACKAGE,
    "compat/lazy_redis.py:_Proxy.__delattr__": PACKAGE,
    "compat/lazy_redis.py:_Proxy.__dir__": PACKAGE,
    "compat/lazy_redis.py:_Proxy.__getattr__": PACKAGE,
    "compat/lazy_redis.py:_Proxy.__setattr__": PACKAGE,
    "compat/lazy_redis.py:install": PACKAGE,
    "compat/private_names.py:_exists": PACKAGE,
    "databases/mysql.py:_tls": CHECKED,
    "extras.py:is_installed": PACKAGE,
    "extras.py:load": PACKAGE,
    "files/folder.py:Folder._within": DATA,
    "files/folder.py:Folder.open": DATA,
    "files/folder.py:Folder.writing": WRITTEN,
    "gateway/graphql_routes.py:_execute": PACKAGE,
    "gateway/graphql_routes.py:graphql_page": PACKAGE,
    "gateway/panel.py:_form": PACKAGE,
    "gateway/server.py:_serve": NO_FILE,
    "gateway/sign_up_page.py:_template": PACKAGE,
    "gateway/tokens.py:_read_or_create": CHECKED,
    "http_client.py:_connection": SYSTEM,
    "mail/compose.py:_own_templates": CHECKED,
    "mail/transport.py:_connect": SYSTEM,
    "mail/transport.py:_write_file": WRITTEN,
    "models/__init__.py:__getattr__": PACKAGE,
    "processors.py:available": SYSTEM,
    "cli/output.py:_is_run_by_watch": SYSTEM,
    "settings/configuration.py:write_env_file": WRITTEN,
    "settings/contexts.py:chosen_context": CHECKED,
    "settings/theme_choice.py:saved_theme": CHECKED,
    "settings/field.py:read_env_file": CHECKED,
    "sinks/base.py:ReopeningSink.write": NO_FILE,
    "sinks/influxdb.py:InfluxSink._send": NO_FILE,
    "sinks/mongodb.py:MongoSink.check": NO_FILE,
    "site_process.py:main": PACKAGE,
    "sources/batcher.py:_EventLoop._serve": NO_FILE,
    "sources/direct_writer.py:DirectWriter._record": WRITTEN,
    "sources/mqtt_tls.py:tls_context": CHECKED,
    "stack/home.py:locked": WRITTEN,
    "stack/mqtt_access.py:_session_secret": CHECKED,
    "stack/printer.py:LogPrinter.guarded": SYSTEM,
    "stack/redis_program.py:_writer": "a note in QCTL_HOME that only passes programs over",
    "stack/redis_program.py:bundled": PACKAGE,
    "store/user_rules.py:_common_passwords": PACKAGE,
    "systemd/units.py:Installation._create_user": PACKAGE,
    "systemd/units.py:Installation.texts": PACKAGE,
    "toml.py:read_toml": CHECKED,
    "tui/export.py:write": WRITTEN,
    "tui/replay/recorder.py:_compress": WRITTEN,
    "tui/replay/recorder.py:_create": WRITTEN,
    "tui/replay/recording.py:_open": DATA,
    "web_terminal/page.py:terminal": PACKAGE,
    "working_folder.py:_OwnedFinder.find_spec": CHECKED,
}

READS = {
    *("open", "read_text", "read_bytes", "dotenv_values", "FileSystemLoader", "get_source"),
    *("create_default_context", "load_cert_chain", "load_verify_locations"),
    *("import_module", "import_attribute", "find_spec", "exec_module", "run_path", "spec_from_file_location"),
}
"""Calls by which a program reads a file or imports a module."""

CHECKS = {"require", "find_violation"}


def calls_by_function() -> dict[str, set[str]]:
    """Names of all calls of each function that reads a file or imports a module."""
    found: dict[str, set[str]] = {}
    for file in [*(ROOT / "src/qctl").rglob("*.py"), *(ROOT / "daemons").glob("*.py")]:
        base = ROOT / "src/qctl" if file.is_relative_to(ROOT / "src/qctl") else ROOT
        collect_calls(ast.parse(file.read_text(encoding="utf-8")), f"{file.relative_to(base)}:", found)
    return {function: calls for function, calls in found.items() if calls & READS}


def collect_calls(node: ast.AST, name: str, found: dict[str, set[str]], *, inside: bool = False) -> None:
    """Collect the calls below a node. A function within a function counts as part of it."""
    for child in ast.iter_child_nodes(node):
        is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
        inner = name
        if (is_function or isinstance(child, ast.ClassDef)) and not inside:
            inner = f"{name}{'' if name.endswith(':') else '.'}{child.name}"
        if isinstance(child, ast.Call) and not opens_no_file(child):
            found.setdefault(inner, set()).add(getattr(child.func, "id", getattr(child.func, "attr", "")))
        collect_calls(child, inner, found, inside=inside or is_function)


def opens_no_file(call: ast.Call) -> bool:
    """Tell whether a call is a method `open` of something that is no path: a path takes a mode, or nothing."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "open" or not call.args:
        return False
    return ast.unparse(call.func.value) != "os" and not isinstance(call.args[0], ast.Constant)


def test_every_place_that_reads_a_file_has_an_answer() -> None:
    """If this fails after a change: does the file decide what qctl does? Then call `ownership.require` before it is
    read. Write the answer into ANSWERS."""
    found = calls_by_function()
    assert sorted(found.keys() - ANSWERS.keys()) == []
    assert sorted(ANSWERS.keys() - found.keys()) == []
    checked = {function for function, answer in ANSWERS.items() if answer == CHECKED}
    assert {function for function in checked if not found[function] & CHECKS} == set()


def test_only_one_module_adds_to_the_import_path() -> None:
    adding = re.compile(r"sys\.path\.(append|insert|extend)|site\.addsitedir|sys\.path\s*\+?=\s")
    files = [file for file in (ROOT / "src").rglob("*.py") if adding.search(file.read_text(encoding="utf-8"))]
    names = sorted(str(file.relative_to(ROOT / "src/qctl")) for file in files if "qctl_daemons" not in file.parts)
    assert names == ["cli/commands/monitor.py", "site_process.py", "working_folder.py"]


def test_errors_of_modules_are_errors_of_qctl_and_of_imports() -> None:
    """An optional dependency that a stranger puts into the folder counts as missing."""
    assert issubclass(ownership.UntrustedModuleError, QctlError)
    assert issubclass(ownership.UntrustedModuleError, ImportError)
