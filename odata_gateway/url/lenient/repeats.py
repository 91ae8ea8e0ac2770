"""A navigation property that stands in one $expand more than once.

What its items ask for together is one item: the members that their $select name and what their
$expand expand, of the same rows. Where they ask for different rows, or one has a $select and
another does not, there are two readings, and the binder refuses the repetition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from odata_gateway.url.lenient.respelling import Edit, Tokens

_OPENINGS = frozenset(
    {
        *("CALL", "OPEN", "LAMBDA", "COUNT_OPEN", "FILTER_OPEN", "REF_OPEN", "AGGREGATE_OPEN"),
        *("LBRACKET", "LBRACE"),
    }
)
_CLOSINGS = frozenset({"CLOSE", "RBRACKET", "RBRACE"})
_EXPAND, _MEMBERS = "expand", ("select", "expand")
OptionPieces = tuple[str | slice, ...]


@dataclass(slots=True)
class _Item:
    """An item of $expand, by offsets: its path, the whole of it, and its options by name, without
    `$`."""

    path: str
    span: slice
    end_of_path: int
    options: dict[str, OptionPieces]


def repeated_properties(text: Tokens) -> Iterator[Edit]:
    """One item instead of several, in the outermost $expand that has a repetition."""
    if text.name != "$expand" and "expand=" not in text.text.lower():
        return
    brackets = _Brackets(text)
    for start in _lists(text):
        edits = list(_merged(text, brackets.items(start)))
        if edits:
            yield from edits
            return


def _lists(text: Tokens) -> Iterator[int]:
    """The indexes of the tokens with which lists of $expand begin."""
    if text.name == "$expand":
        yield 0
    for index, (kind, piece, _) in enumerate(text.tokens):
        if kind == "OPTION" and piece.strip("$=").lower() == _EXPAND:
            yield index + 1


class _Brackets:
    """The brackets of a text, so that each token is looked at once, however deep the text is
    nested."""

    def __init__(self, text: Tokens) -> None:
        self.text = text
        self.closing: dict[int, int] = {}
        opened: list[int] = []
        for index, (kind, _, _) in enumerate(text.tokens):
            if kind in _OPENINGS:
                opened.append(index)
            elif kind in _CLOSINGS and opened:
                self.closing[opened.pop()] = index

    def parts(self, start: int, separator: str) -> Iterator[tuple[int, int]]:
        """The indexes of the first token of each part of a list and of the token behind the part.
        The list ends where its parenthesis, or the option that it is, ends."""
        first, index, end = start, start, len(self.text.tokens)
        while index < end:
            kind = self.text.kind(index)
            if kind in _CLOSINGS or (kind == "SEMI" and separator != "SEMI"):
                break
            if kind == separator:
                yield first, index
                first = index + 1
            index = self.closing.get(index, end if kind in _OPENINGS else index) + 1
        yield first, min(index, end)

    def items(self, start: int) -> Iterator[_Item]:
        """The items of an $expand."""
        text = self.text
        for first, after in self.parts(start, "COMMA"):
            if first == after:
                continue
            opening = next((i for i in range(first, after) if text.kind(i) in _OPENINGS), after)
            begins, ends = text.tokens[first][2], text.end(after - 1)
            path_end = ends if opening == after else _before_parenthesis(text, opening)
            options = {} if opening == after else self.options(opening + 1)
            path = text.text[begins:path_end]
            yield _Item(path, slice(begins, ends), path_end, options)

    def options(self, start: int) -> dict[str, OptionPieces]:
        """The options in parentheses, each with the whole of its text."""
        text = self.text
        found: dict[str, OptionPieces] = {}
        for first, after in self.parts(start, "SEMI"):
            if first < after:
                begins, ends = text.tokens[first][2], text.end(after - 1)
                name = text.piece(first).partition("=")[0].lstrip("$").lower()
                found[name] = (slice(begins, ends),)
        return found


def _before_parenthesis(text: Tokens, index: int) -> int:
    _, piece, at = text.tokens[index]
    return at + len(piece.rstrip(" \t")) - 1


def _merged(text: Tokens, items: Iterator[_Item]) -> Iterator[Edit]:
    """The edits that leave the first of the items of each path, with what the others add."""
    firsts: dict[str, _Item] = {}
    grown: dict[str, _Item] = {}
    end = 0
    for item in items:
        first = firsts.setdefault(item.path, item)
        if first is not item and _joined(text, first, item):
            grown[item.path] = first
            yield Edit(end, item.span.stop)
        end = item.span.stop
    for first in grown.values():
        options: list[str | slice] = []
        for pieces in first.options.values():
            options += [";", *pieces]
        inside = ("(", *options[1:], ")") if options else ()
        yield Edit(first.end_of_path, first.span.stop, inside)


def _joined(text: Tokens, first: _Item, other: _Item) -> bool:
    """Whether the items ask for the same rows; then the first one gets what the other adds."""

    def text_of(pieces: OptionPieces) -> str:
        return "".join(p if isinstance(p, str) else text.text[p] for p in pieces)

    own, others = first.options, other.options
    same_rows = all(
        name in own
        and name in others
        and _value(text_of(own[name])) == _value(text_of(others[name]))
        for name in {*own, *others} - {*_MEMBERS}
    )
    if not same_rows or ("select" in own) != ("select" in others):
        return False
    for name in _MEMBERS:
        if name in own and name in others:
            (added,) = others[name]
            assert isinstance(added, slice)
            value = text.text.index("=", added.start) + 1
            own[name] = (*own[name], ",", slice(value, added.stop))
        elif name in others:
            own[name] = others[name]
    return True


def _value(option: str) -> str:
    return option.partition("=")[2]
