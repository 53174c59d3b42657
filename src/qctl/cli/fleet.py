"""`--context all`: one reading command for every context at once, in one table with the context as a column.

Each context is read in a thread of its own, or in a process if their keys have different prefixes. One that does not
answer in time is reported, and holds up no other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import typer

from qctl import view
from qctl.cli import fleet_processes
from qctl.cli.documents import Document
from qctl.cli.exit_codes import ExitCode, exit_code_for
from qctl.cli.fleet_processes import Printed
from qctl.cli.output import Output
from qctl.cli.session import Session
from qctl.cli.site_readers import prefix_of
from qctl.errors import QctlError, UnreachableError, UsageError
from qctl.settings import contexts
from qctl.view import Cell, Column, Table

ANSWER_SECONDS = 10.0
"""Time (s) allowed for all contexts together; one that has not answered by then is reported as away."""

CRITICAL = 2
"""The gravest exit code of `qctl check`, whose 3 means unknown. Other commands that read never end with it."""

Action = Callable[[Session], "ExitCode | int | None"]


class _Collector(Output):
    """Keeps what a command would print."""

    def __init__(self) -> None:
        super().__init__()
        self.document: Document | None = None
        self.table: Table[Any] | None = None
        self.lines: Sequence[Cell] = ()
        self.notes: list[str] = []

    def listing(self, document: Document, table: Table[Any]) -> None:
        """Keep a listing."""
        self.document, self.table = document, table

    def report(self, document: Document, lines: Sequence[Cell]) -> None:
        """Keep a report."""
        self.document, self.lines = document, lines

    def say(self, text: str) -> None:
        """Keep a message."""
        self.notes.append(text)


@dataclass
class _Member:
    """The answer of one context: what it would print and its exit code, or an error."""

    name: str
    out: _Collector = field(default_factory=_Collector)
    code: int = 0
    error: QctlError | None = None
    has_ended: bool = False


@dataclass(frozen=True)
class _Row:
    """A row of the table of one context."""

    context: str
    cells: dict[str, Column[Any]]
    row: Any

    def cell(self, title: str) -> Cell:
        """The cell of a column, empty if the table of this context has no such column."""
        return self.cells[title].cell(self.row) if title in self.cells else Cell("")


def run(session: Session, action: Action) -> int:
    """Run an action for every context and print the answers together. Returns the gravest exit code.

    Raises UsageError if there are no contexts, and the error of the only reason if none answers.
    """
    names = sorted(contexts.load_contexts())
    if not names:
        raise UsageError(f"--context {contexts.ALL}: there are no contexts", f"write them to {contexts.config_file()}")
    members = [_Member(name) for name in names]
    sessions = [session.of_context(member.name, member.out) for member in members]
    read_all = _read_in_threads if len(set(map(prefix_of, sessions))) == 1 else _read_in_processes
    read_all(sessions, action, members)
    for member in members:
        if not member.has_ended:
            member.error = UnreachableError(f"no answer within {ANSWER_SECONDS:.0f} s")
    _print(session, members)
    return _exit_code(members)


def _read_in_threads(sessions: Sequence[Session], action: Action, members: Sequence[_Member]) -> None:
    threads = [
        threading.Thread(target=_read, args=(session, action, member), daemon=True)
        for session, member in zip(sessions, members, strict=True)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ANSWER_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _read_in_processes(sessions: Sequence[Session], action: Action, members: Sequence[_Member]) -> None:
    def reader(session: Session, member: _Member) -> Callable[[], Printed]:
        def read() -> Printed:
            _read(session, action, member)
            out = member.out
            return Printed(member.code, member.error, out.document, out.table, out.lines, out.notes, out.replica)

        return read

    readers = [reader(session, member) for session, member in zip(sessions, members, strict=True)]
    for member, printed in zip(members, fleet_processes.read_all(readers, ANSWER_SECONDS), strict=True):
        if printed is None:
            continue
        member.has_ended, member.code, member.error = True, printed.code, printed.error
        member.out.document, member.out.table = printed.document, printed.table
        member.out.replica = printed.replica
        member.out.lines, member.out.notes = printed.lines, [*member.out.notes, *printed.notes]


def _read(session: Session, action: Action, member: _Member) -> None:
    try:
        member.code = action(session) or 0
    except typer.Exit as end:
        member.code = end.exit_code
    except QctlError as error:
        member.error = error
    except Exception as error:  # noqa: BLE001 - one context must not hide the others
        member.error = QctlError(f"internal error: {type(error).__name__}: {error}")
    member.has_ended = True


def _print(session: Session, members: Sequence[_Member]) -> None:
    answered = [member for member in members if member.error is None and member.out.document is not None]
    for member in members:
        for note in member.out.notes:
            session.out.say(f"{member.name}: {note}")
    if answered:
        document = _document(members, answered)
        tables = [member for member in answered if member.out.table is not None]
        if tables:
            session.out.listing(document, _table(tables))
        else:
            # A monitoring system takes the first line for the state of all.
            gravest_first = sorted(answered, key=lambda member: _gravity(member.code), reverse=True)
            session.out.report(
                document, [_named(member, line) for member in gravest_first for line in member.out.lines]
            )
    for member in members:
        if member.error is not None:
            session.out.complain(f"{member.name}: {member.error.message}", member.error.hint)


def _table(members: Sequence[_Member]) -> Table[_Row]:
    """One table of all contexts. Of the footers only the sums stay: a hint holds for one context."""
    rows: list[_Row] = []
    columns: dict[str, Column[Any]] = {}
    footer: list[Cell] = []
    for member in members:
        table = member.out.table
        if table is None:
            continue
        by_title = {column.title: column for column in table.columns}
        columns = {**by_title, **columns}
        rows += [_Row(member.name, by_title, row) for row in table.rows]
        footer += [_named(member, line) for line in table.footer if line.text and line.style != "dim"]
        if not table.rows:
            footer.append(Cell(f"{member.name}: {table.empty}", "dim"))
    first = Column[_Row]("CONTEXT", lambda row: Cell(row.context))
    others = [replace(column, cell=_cell_of(title)) for title, column in columns.items()]
    return view.Table([first, *others], rows, "Nothing to list in any context.", [Cell(""), *footer])


def _named(member: _Member, line: Cell) -> Cell:
    return replace(line, text=f"{member.name}: {line.text}")


def _cell_of(title: str) -> Callable[[_Row], Cell]:
    return lambda row: row.cell(title)


def _document(members: Sequence[_Member], answered: Sequence[_Member]) -> Document:
    """One document of all contexts: their rows with the context, and each context with its own head or its error."""
    documents = {member.name: member.out.document for member in answered}
    first = next(document for document in documents.values() if document is not None)
    heads, rows = [], []
    for member in members:
        document = documents.get(member.name)
        error = member.error.message if member.error else None
        head = document.head if document and document.rows_key else {}
        replica = {"replica": member.out.replica} if member.out.replica else {}
        heads.append({"context": member.name, "error": error, **head, **replica})
        rows += [{"context": member.name, **record} for record in (document.records if document else ())]
    columns = ("context", *first.columns)
    return Document(first.schema, first.name, columns, {"contexts": heads}, first.rows_key or "results", rows)


def _exit_code(members: Sequence[_Member]) -> int:
    """The gravest code. A context that does not answer makes it at least PARTIAL."""
    codes = [member.code for member in members if member.error is None]
    errors = [member.error for member in members if member.error is not None]
    if errors and not codes:
        return max(exit_code_for(error) for error in errors)
    return max([*codes, *([ExitCode.PARTIAL] if errors else [])], key=_gravity)


def _gravity(code: int) -> int:
    return 1000 if code == CRITICAL else code
