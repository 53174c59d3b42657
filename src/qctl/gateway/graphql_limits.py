"""Size limits of GraphQL documents, checked before execution."""

from __future__ import annotations

from typing import Any

from graphql import (
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    Visitor,
    parse,
    visit,
)
from strawberry.extensions import MaxAliasesLimiter, QueryDepthLimiter

MAX_TOKENS = 600
"""Words and brackets of a document; the introspection query of common tools has about 300."""

MAX_DEPTH = 5
"""Nesting of fields; the schema itself needs 3."""

MAX_ALIASES = 15
"""Aliases of a document: each may cost a query to Redis."""

MAX_FRAGMENT_USES = 12
"""Fragment spreads of a document. The library expands each, so n fragments that use the next twice cost 2^n steps."""

LIMITS: tuple[Any, ...] = (lambda: QueryDepthLimiter(MAX_DEPTH), lambda: MaxAliasesLimiter(MAX_ALIASES))
"""Limits that the library enforces, for the `extensions` of a schema."""


def check(text: str, operation: str | None) -> None:
    """Check a document before the library executes it.

    Raises GraphQLError if it cannot be parsed, is too long, uses too many or unknown fragments, or has several
    operations without `operation` naming one: the library would execute the first.
    """
    document = parse(text, max_tokens=MAX_TOKENS)
    if operation is None and sum(isinstance(node, OperationDefinitionNode) for node in document.definitions) > 1:
        raise GraphQLError("operationName: required if a document has several operations")
    spreads = _FragmentSpreads()
    visit(document, spreads)
    known = {node.name.value for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    if len(spreads.names) > MAX_FRAGMENT_USES:
        raise GraphQLError(f"{len(spreads.names)} uses of fragments; allowed: {MAX_FRAGMENT_USES}")
    if unknown := set(spreads.names) - known:
        raise GraphQLError(f"fragment {min(unknown)!r} not found")


class _FragmentSpreads(Visitor):
    """Collects the fragment name of every spread."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        """Callback of the library for each spread."""
        self.names.append(node.name.value)
