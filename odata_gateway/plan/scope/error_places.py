"""The place of an error: the query option that it is in, and the offset in that option's text.

Errors are raised with `at` alone, the offset of the node that is wrong. `ErrorPlaces.inside` adds
the option. A nested option, such as the $filter in `$expand=messages($filter=...)`, is part of the
text of the outer one: `target` is the outer option, which the URL has, and `nested` the inner one.

The value of a parameter alias is bound wherever the alias is used, while its offsets count in the
alias's own text. So the offsets of each value are moved to a range of their own, which tells later
what text they are in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

from odata_gateway.errors import ODataError
from odata_gateway.url import ast

Node = TypeVar("Node")

OFFSETS = 1 << 32
"""The size of the range of offsets of one text; no URL is that long."""


class ErrorPlaces:
    """The options that binding is inside of, the outermost first, and the texts of aliases."""

    __slots__ = ("_options", "_texts")

    def __init__(self) -> None:
        self._options: tuple[str, ...] = ()
        self._texts: list[tuple[str, ...]] = [()]

    @contextmanager
    def inside(self, option: str) -> Iterator[None]:
        """Around the binding of an option: an error that has no place yet gets it."""
        before = self._options
        self._options = (*before, option)
        try:
            yield
        except ODataError as error:
            if error.target is None:
                self._place(error)
            raise
        finally:
            self._options = before

    def in_own_text(self, alias: str, value: ast.Expr) -> ast.Expr:
        """The value of an alias, assigned in the option that binding is inside of or, outside of
        all, in the URL itself; its offsets tell that they are those of its own text."""
        self._texts.append((*self._options, alias))
        return with_moved_offsets(value, OFFSETS * (len(self._texts) - 1))

    def _place(self, error: ODataError) -> None:
        number, at = divmod(error.at or 0, OFFSETS)
        options = self._texts[number] if number else self._options
        error.target = options[0]
        error.nested = options[-1] if len(options) > 1 else None
        if error.at is not None:
            error.at = at


def with_moved_offsets(node: Node, distance: int) -> Node:
    """The same tree with a distance added to all offsets."""
    if isinstance(node, tuple):
        return cast(Node, tuple(with_moved_offsets(item, distance) for item in node))
    if not isinstance(node, ast.SyntaxNode):
        return node
    changed: dict[str, Any] = {
        field.name: with_moved_offsets(getattr(node, field.name), distance)
        for field in fields(node)
    }
    if "at" in changed:
        changed["at"] += distance
    return cast(Node, replace(node, **changed))
