"""Checks the words of the code: `python tests/repo/words.py [PATH ...]`, part of `make lint`.

Refuses docstrings that begin with a clause instead of a verb or a noun, and identifiers that belong to no vocabulary of
the field. Names that are right in their place are listed in ALLOWED, each with its reason.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "daemons", "demo", "benchmarks", "packages", "tests")

HEADLESS = re.compile(r"(What|Who|Whoever|Whom|Whose|Where|Wherever|How|That|Of|Those|Whether|Which|Whichever)\b")
"""First words of docstrings that leave the reader without a subject."""

CONSTANTS = frozenset({"MOST", "LONGEST", "STEP", "AT_ONCE", "SHOWN", "KEPT", "LOOK", "LATE"})
"""Constants without a noun or a unit."""

FUNCTIONS = frozenset({"tell", "forget", "settle", "hear", "look", "glance", "mend"})
"""Function names that do not say what the function does; `tell_x` counts as `tell`."""

NOUNS = frozenset(
    {
        *("hand", "turn", "burial", "thrift", "happenings", "visits", "glimpse", "discretion", "telling", "refusals"),
        *("tether", "tape", "course", "slider", "kept", "told", "asked"),
    }
)
"""Private words for things that have a standard name."""

ALLOWED: frozenset[tuple[str, str]] = frozenset()
"""Pairs of file and identifier that are right there."""


def main(paths: list[str]) -> int:
    """Print one line for each finding. Returns 1 if there is any."""
    files = [Path(path) for path in paths] or [ROOT / folder for folder in FOLDERS]
    found = [line for file in files for path in sorted(_modules(file)) for line in check(path)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


def _modules(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    yield from (module for module in path.rglob("*.py") if not {"data", ".peers"} & set(module.parts))


def check(path: Path) -> list[str]:
    """The findings of one module, as `file:line: text`."""
    resolved = path.resolve()
    name = str(resolved.relative_to(ROOT)) if ROOT in resolved.parents else str(path)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{name}:{line}: {text}"
        for line, identifier, text in [*_docstrings(tree), *_identifiers(tree)]
        if (name, identifier) not in ALLOWED
    ]


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Strings that document something: those that stand alone, also below a constant."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
            continue
        text = node.value.value
        if isinstance(text, str) and (match := HEADLESS.match(text.strip())):
            yield node.lineno, match[0], f"docstring begins with {match[0]!r}: begin with a verb or a noun phrase"


def _identifiers(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        for line, identifier in _bound(node):
            bare = identifier.strip("_")
            if bare in CONSTANTS:
                yield line, identifier, f"constant {identifier} has no noun or unit"
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and bare.split("_")[0] in FUNCTIONS:
                yield line, identifier, f"function {identifier} has no exact verb"
            elif bare in NOUNS:
                yield line, identifier, f"{identifier} is no standard name"


def _bound(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Names that a node binds, with their lines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.lineno, node.name
    elif isinstance(node, ast.arg):
        yield node.lineno, node.arg
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.lineno, node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.lineno, node.attr


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
