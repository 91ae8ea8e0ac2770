"""Statements as Postgres's own parser reads them (pglast): the nodes of a tree, and what a condition consists of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast
from pglast.enums import BoolExprType


def parts(node: Any, skip: tuple[str, ...] = ()) -> Iterator[Any]:
    """What stands directly in a node or a list."""
    if isinstance(node, (tuple, list)):
        yield from node
    elif isinstance(node, ast.Node):
        yield from (getattr(node, name) for name in node if name not in skip)


def nodes(node: Any) -> Iterator[ast.Node]:
    """A node and all below it, each before its own parts."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, ast.Node):
            yield found
        waiting += [part for part in reversed(list(parts(found))) if isinstance(part, (ast.Node, tuple))]


def conjuncts(node: Any) -> Iterator[Any]:
    """What must all be true."""
    if isinstance(node, ast.BoolExpr) and node.boolop == BoolExprType.AND_EXPR:
        for argument in node.args:
            yield from conjuncts(argument)
    elif node is not None:
        yield node
