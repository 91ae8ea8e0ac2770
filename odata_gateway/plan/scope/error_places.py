"""The place of an error: the query option that it is in, and the offset in that option's text.

Errors are raised with `at` alone, the offset of the node that is wrong. `ErrorPlaces.inside` adds
the option. A nested option, such as the $filter in `$expand=messages($filter=...)`, is part of the
text of the outer one: `target` is the outer option, which the URL has, and `nested` the inner one.

The value of a parameter alias is bound wherever the alias is used, while its offsets count in the
alias's own text. So the offsets of each value are moved to a range of their own, which tells later
what text they are in.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

from odata_gateway.errors import ODataError
from odata_gateway.url import ast

Node = TypeVar("Node")

OFFSETS = 1 << 32
"""The size of the range of offsets of one text; no URL is that long."""


class ErrorPlaces:
    """The options that binding is inside of, the outermost first, and the texts of aliases."""

    __slots__ = ("_texts", "options")

    def __init__(self) -> None:
        self.options: tuple[str, ...] = ()
        self._texts: list[tuple[str, ...]] = [()]

    def inside(self, option: str) -> AbstractContextManager[None]:
        """Around the binding of an option: an error that has no place yet gets it."""
        return _InsideOption(self, option)

    def in_own_text(self, name: str, value: Node) -> Node:
        """The value of an alias, or a part of an option that is bound as part of another one. The
        alias or option stands in the option that binding is inside of or, outside of all, in the
        URL itself. The offsets of the value tell that they are those of its own text."""
        self._texts.append((*self.options, name))
        return with_moved_offsets(value, OFFSETS * (len(self._texts) - 1))

    def place(self, error: ODataError) -> None:
        """Give an error its option and the offset there."""
        number, at = divmod(error.at or 0, OFFSETS)
        options = self._texts[number] if number else self.options
        error.target = options[0]
        error.nested = options[-1] if len(options) > 1 else None
        if error.at is not None:
            error.at = at


class _InsideOption(AbstractContextManager[None]):
    """A class takes 0.4 us where a generator takes 1.6 us (measured); a request needs about ten."""

    __slots__ = ("_before", "_option", "_places")

    def __init__(self, places: ErrorPlaces, option: str) -> None:
        self._places = places
        self._option = option
        self._before = places.options

    def __enter__(self) -> None:
        self._places.options = (*self._before, self._option)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ODataError) and error.target is None:
            self._places.place(error)
        self._places.options = self._before


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
    if isinstance(node, ast.Options):
        changed["places"] = tuple(place + distance for place in node.places)
    return cast(Node, replace(node, **changed))
