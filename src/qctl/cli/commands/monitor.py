"""`qctl monitor`: the live screens, in a terminal or in a browser."""

from __future__ import annotations

import gc
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qctl.cli.command import command
from qctl.cli.output import TABLES_VARIABLE, is_terminal
from qctl.cli.session import Session
from qctl.errors import QctlError, RefusedError, SettingsError, UsageError
from qctl.safe import redact_url
from qctl.settings import contexts, theme_choice

if TYPE_CHECKING:
    from qctl.cli.line_completion import Completer
    from qctl.tui.app import Monitor
    from qctl.tui.data.monitor_data import MonitorData
    from qctl.tui.data.site_list import SiteList
    from qctl.tui.replay.recorder import RecordingFile
    from qctl.tui.replay.recording import Recording
    from qctl.tui.themed_app import ThemeOptions

COMMAND_SECONDS = 60.0
"""Time limit (s) of a command line that is run in the monitor."""

GC_THRESHOLDS = (20_000, 20, 20)
"""Garbage collector thresholds. Python's defaults take a tenth of the time to the first page."""

_RESTART = "import sys; sys.path = [p for p in sys.path if p]; from qctl.cli.main import main; sys.exit(main())"

PROGRAM = (sys.executable, "-c", _RESTART)
"""Command that starts this program again. `python -c` imports from the working folder first: its entry is removed."""

PORT = 8787
"""Default port of `--web`: fixed, so that ssh can forward it."""

EXAMPLES = """
qctl monitor
qctl monitor --read-only
qctl monitor --web
qctl monitor --record incident.jsonl
qctl monitor --replay incident.jsonl
qctl monitor --snapshot --screen 2 --size 80x24
qctl monitor --snapshot --svg overview.svg
"""


@command("monitor", examples=EXAMPLES)
def monitor(
    session: Session,
    web: Annotated[
        bool,
        typer.Option("--web", help="Serve it to one browser on this machine, read-only, and print the URL."),
    ] = False,
    allow_actions: Annotated[bool, typer.Option("--allow-actions", help="Allow changes with --web.")] = False,
    no_commands: Annotated[
        bool, typer.Option("--no-commands", help="Monitor without a command line, for users who may not run commands.")
    ] = False,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", help=f"Port of --web; 0 for any free port. Default: {PORT}.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="New file to record the session to.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Recording to show instead of Redis.")
    ] = None,
    snapshot: Annotated[bool, typer.Option("--snapshot", help="Print one frame and end; needs no terminal.")] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="File to write the frame to, as a picture.")
    ] = None,
    screen: Annotated[str, typer.Option("--screen", metavar="N", help="Screen of the frame: 1 to 9, or L.")] = "1",
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Columns and lines of the frame.")] = "120x40",
) -> None:
    """Watch queues, jobs and workers live, and act on them."""
    session.refuse_if_replica("qctl monitor", "watches the primary")
    if record and (replay or web):
        raise UsageError("--record cannot be combined with --replay or --web")
    if web:
        _serve(session, allow_actions, PORT if port is None else port, replay)
        return
    if allow_actions or port is not None:
        raise UsageError("--allow-actions and --port require --web")
    if snapshot or svg:
        if record or replay:
            raise UsageError("--snapshot cannot be combined with --record or --replay")
        _print_snapshot(session, svg, screen, size)
        return
    if not (_in_browser() or (is_terminal(sys.stdout) and is_terminal(sys.stdin))):
        raise RefusedError("`qctl monitor` needs a terminal", "without one: qctl stats --watch 2s")
    if replay:
        _play(session, replay)
    else:
        _watch(session, record, commands=not no_commands)


def _watch(session: Session, record: Path | None, *, commands: bool) -> None:
    """Show the Redis of the settings, and after it that of each context that is chosen. Record the shown data if
    `record` is a file: then no other context can be chosen."""
    file = _recording_file(session, record) if record else None
    shown: Session | None = session
    try:
        while shown is not None:
            app = _monitor(shown, file, None if file else _sites(shown), commands=commands)
            gc.set_threshold(*GC_THRESHOLDS)  # fewer while it is imported: see `qctl.cli.entry`
            name = app.run()
            shown = _open(session, shown, name) if name else None
    finally:
        if file:
            file.close()
    if file and file.problem:
        raise QctlError(f"the recording in {record} ends early: {file.problem}")


def _recording_file(session: Session, path: Path) -> RecordingFile:
    from qctl.tui.replay.recorder import RecordingFile

    return RecordingFile(path, redact_url(session.settings.redis_target))


def _open(session: Session, shown: Session, name: str) -> Session:
    """A session of the chosen context. If its keys have another prefix, this program starts again."""
    from qctl.cli import site_readers

    chosen = session.of_context(name, session.out)
    if site_readers.prefix_of(chosen) != site_readers.prefix_of(shown):
        env = {name: value for name, value in os.environ.items() if name != "RQ_KEY_PREFIX"}
        os.execve(PROGRAM[0], [*PROGRAM, *sys.argv[1:], "--context", name], env)  # noqa: S606 - this program itself
    return chosen


def _monitor(session: Session, file: RecordingFile | None, sites: SiteList | None, *, commands: bool) -> Monitor:
    """The monitor of the Redis of a session."""
    from qctl.tui.app import Monitor  # imports Textual, which no other command needs
    from qctl.tui.data.cached_data import CachedData

    data: MonitorData = CachedData(session.ops)
    if file:
        from qctl.tui.replay import recorder

        data = recorder.record(data, file)
    read_only = _read_only(session)
    # Commands can write files, so a read-only browser has no command line.
    runs = commands and not (read_only and _in_browser())
    return Monitor(
        data,
        session.ops,
        target=redact_url(session.settings.redis_target),
        read_only=read_only,
        run=(lambda line: run_line(session, line)) if runs else None,
        complete=_completer(session.settings.redis_target),
        sites=sites,
        **_theme(session),
    )


def _completer(target: str) -> Callable[[str], str | None]:
    """Complete command lines. The grammar is imported with the first one."""

    @cache
    def completer() -> Completer:
        from qctl.cli.line_completion import Completer

        return Completer(target)

    return lambda line: completer()(line)


def _sites(session: Session) -> SiteList | None:
    """The contexts of config.toml, None if there are fewer than two. Raises SettingsError."""
    names = contexts.load_contexts()
    if len(names) < 2:
        return None
    from qctl.cli import site_readers
    from qctl.tui.data.site_list import SiteList

    choice = contexts.chosen_context(session.sources)
    return SiteList(site_readers.readers(session), choice.name if choice else "")


def _print_snapshot(session: Session, svg: Path | None, screen: str, size: str) -> None:
    """Print one frame, or write it as a picture."""
    from qctl.tui import snapshot

    screen = screen.upper()
    if not (len(screen) == 1 and screen in "123456789L"):
        raise UsageError(f"invalid screen {screen!r}", "1 to 9, or L; the monitor lists them at its top")
    measures = snapshot.parse_size(size)
    text, picture = snapshot.take(_monitor(session, None, None, commands=False), screen, measures)
    if svg is None:
        session.out.print(text)
        return
    try:
        svg.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise QctlError(f"cannot write {str(svg)!r}: {error.strerror}") from error
    session.out.say(f"written to {svg}")


def _theme(session: Session) -> ThemeOptions:
    """The colours to start with, and how a choice is kept; a browser keeps none. Raises SettingsError for an unknown
    theme."""
    from qctl.tui import themes

    fixed = session.settings.theme
    name = fixed or (None if _in_browser() else theme_choice.saved_theme()) or themes.DEFAULT
    if name not in themes.THEMES:
        raise SettingsError("QCTL_THEME", f"theme {name!r} not found", f"themes: {', '.join(themes.THEMES)}")

    def save(chosen: str) -> str:
        theme_choice.save_theme(chosen)
        return f"   (QCTL_THEME={fixed} applies at the next start)" if fixed else ""

    return {"theme": name, "save_theme": None if _in_browser() else save}


def _play(session: Session, file: Path) -> None:
    """Show a recording."""
    from qctl.tui.replay.replay_app import ReplayMonitor

    with _recording(file) as recording:
        ReplayMonitor(recording, **_theme(session)).run()


def _recording(file: Path) -> Recording:
    """Open a recording. Raises UsageError if the file is not a recording."""
    from qctl.tui.replay.recording import Recording

    return Recording(file)


def _serve(session: Session, allow_actions: bool, port: int, replay: Path | None) -> None:
    """Serve the monitor to a browser. Each of its sessions runs this program with the same options."""
    options = session.options
    if allow_actions and options.read_only:
        raise UsageError("--allow-actions cannot be combined with --read-only")
    if allow_actions and replay:
        raise UsageError("--allow-actions cannot be combined with --replay: a recording cannot be changed")
    if not 0 <= port <= 65535:
        raise UsageError(f"invalid port {port}", "0 to 65535")
    # Errors in the recording and in the settings are shown here rather than in the browser.
    if replay:
        _recording(replay).close()
    _ = session.settings
    try:
        from qctl.web_terminal.local_server import LocalServer
    except ImportError as error:
        raise RefusedError("`qctl monitor --web` needs the extra `web`", "pip install 'qctl[web]'") from error
    # Options are passed by the environment, because any user can read command lines.
    environment = {
        "REDIS_URL": options.redis_url,
        "QCTL_HOME": options.home,
        "QCTL_CONTEXT": options.context,
        "QCTL_READ_ONLY": None if allow_actions else "true",
    }
    # The option precedes every setting, so QCTL_ALLOWED_COMMANDS does not lift it.
    access_arguments = () if allow_actions else ("--read-only",)
    arguments = ("--replay", str(replay)) if replay else access_arguments
    server = LocalServer(
        (*PROGRAM, "monitor", *arguments), {name: str(value) for name, value in environment.items() if value}, port
    )

    def started(url: str) -> None:
        access = "" if allow_actions else "; read-only"
        session.out.say(f"qctl: this address opens in one browser, once; Ctrl-C ends the monitor{access}")
        session.out.print(url + "\n")

    server.run(started)


def _in_browser() -> bool:
    """Return True if this process draws into a web terminal."""
    return "web_driver" in os.environ.get("TEXTUAL_DRIVER", "")


def _read_only(session: Session) -> str | None:
    """Return the reason why changes are refused, None if they are allowed."""
    try:
        session.refuse_if_read_only("qctl monitor")
    except RefusedError as error:
        return error.message.replace("`qctl monitor` changes things, and ", "")
    return None


def run_line(session: Session, line: str) -> str:
    """Run `qctl LINE` in a process without a terminal and return its output. Commands that would ask are refused."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        return f"qctl: {error}"
    if words[:1] == ["monitor"]:
        raise UsageError("the monitor is already running")
    settings = session.settings
    environment = {
        "REDIS_URL": settings.redis_target,
        "QCTL_READ_ONLY": str(settings.read_only).lower(),
        "COLUMNS": "100",
        TABLES_VARIABLE: "1",
        "NO_COLOR": "1",
    }
    try:
        run = subprocess.run(
            [*PROGRAM, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"qctl: {line!r} did not end within {COMMAND_SECONDS:g} s and was killed"
    return run.stdout.decode(errors="replace") + f"\n(exit code {run.returncode})"
