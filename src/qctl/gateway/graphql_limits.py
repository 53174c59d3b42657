"""How large a GraphQL document may be, looked at before anything is asked."""

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

TOKENS = 600
"""Words and brackets of a document; what tools send to learn the schema has some 300."""

DEPTH = 5
"""Fields inside fields; the deepest that there are have 3."""

ALIASES = 15
"""Names given to fields: each may be a question to Redis of its own."""

SPREADS = 12
"""Uses of fragments. The library follows each anew, so that n fragments with two uses of the next are 2^n steps."""

LIMITS: tuple[Any, ...] = (lambda: QueryDepthLimiter(DEPTH), lambda: MaxAliasesLimiter(ALIASES))
"""Those that the library looks after, for a schema's `extensions`."""


def check(text: str, operation: str | None) -> None:
    """Look at a document before the library does, which would run the first of several where no `operation` is named.
    Raises GraphQLError for that, and where it cannot be read, is too long, or uses fragments too often or ones that it
    does not have."""
    document = parse(text, max_tokens=TOKENS)
    if operation is None and sum(isinstance(each, OperationDefinitionNode) for each in document.definitions) > 1:
        raise GraphQLError("operationName: several operations are here, and none is named")
    found = _Spreads()
    visit(document, found)
    known = {each.name.value for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    if len(found.names) > SPREADS:
        raise GraphQLError(f"{len(found.names)} uses of fragments, more than {SPREADS}")
    if unknown := set(found.names) - known:
        raise GraphQLError(f"no fragment is called {min(unknown)}")


class _Spreads(Visitor):
    """Collects the names of the fragments that are used, as often as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        """What the library calls for each use."""
        self.names.append(node.name.value)
