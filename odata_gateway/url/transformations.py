"""Which names in $apply are transformations (Data Aggregation ABNF, section 2).

That depends on where a name stands: `concat(` is a transformation in `concat(identity,top(1))` and
a function in `compute(concat(a,b) as c)`, and `filter(` may follow the name of a property. One pass
over the tokens, with a stack of the open parentheses, renames the tokens that begin a
transformation. So the grammar needs no context.
"""

from __future__ import annotations

from typing import Literal

from odata_gateway.errors import UrlSyntax, nearest
from odata_gateway.types.faults import shorten
from odata_gateway.url import options

MarkedToken = tuple[str, object, int]
"""Type, text or literal, and offset, with the types that the grammar knows."""
Argument = Literal["other", "sequence", "sequence or order item"]
"""What an argument of a transformation is; `other` is anything but transformations."""

_TOKENS = {
    "identity": "T_IDENTITY",
    "aggregate": "T_AGGREGATE",
    "compute": "T_COMPUTE",
    "concat": "T_CONCAT",
    "groupby": "T_GROUPBY",
    "filter": "T_FILTER",
    "search": "T_SEARCH",
    "orderby": "T_ORDERBY",
    "top": "T_PAGE",
    "skip": "T_PAGE",
    "topcount": "T_RANK",
    "topsum": "T_RANK",
    "toppercent": "T_RANK",
    "bottomcount": "T_RANK",
    "bottomsum": "T_RANK",
    "bottompercent": "T_RANK",
    "join": "T_JOIN",
    "outerjoin": "T_JOIN",
    "nest": "T_NEST",
    "addnested": "T_ADDNESTED",
    "ancestors": "T_RELATIVES",
    "descendants": "T_RELATIVES",
    "traverse": "T_TRAVERSE",
}
# What each argument may be, where some are sequences of transformations; the last entry holds for
# all further arguments.
_ARGUMENTS: dict[str, tuple[Argument, ...]] = {
    "concat": ("sequence",),
    "nest": ("sequence",),
    "addnested": ("other", "sequence"),
    "join": ("other", "sequence"),
    "outerjoin": ("other", "sequence"),
    "groupby": ("other", "sequence"),
    "ancestors": ("other", "other", "other", "sequence"),
    "descendants": ("other", "other", "other", "sequence"),
    "traverse": ("other", "other", "other", "other", "sequence or order item"),
    "rolluprecursive": ("other", "other", "other", "sequence"),
}
_ROLLUPS = {"rollup": "T_ROLLUP", "rolluprecursive": "T_ROLLUPRECURSIVE"}
_GROUPS = "("
"""The name of the inner parentheses of `groupby((`."""
_OPENINGS = frozenset(
    {
        "OPEN",
        "LIST",
        "CALL",
        "CASE",
        "LAMBDA",
        "COUNT_OPEN",
        "FILTER_OPEN",
        "REF_OPEN",
        "AGGREGATE_OPEN",
    }
)
_BEGINNINGS = (options.BY_NAME["$apply"].start, options.BY_NAME["$apply"].token)


class _OpenParenthesis:
    """The transformation, or _GROUPS, that an open parenthesis belongs to ("" for any other), and
    the number of commas after it."""

    __slots__ = ("commas", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.commas = 0

    def argument(self) -> Argument:
        """What the argument after the last comma may be."""
        row = _ARGUMENTS.get(self.name, ("other",))
        return row[min(self.commas, len(row) - 1)]


def is_transformation(text: str) -> bool:
    """Whether the text of a token, such as `filter(`, may begin a transformation."""
    name = text.rstrip().removesuffix("(")
    return name in _TOKENS or ("." in name and name != text.rstrip())


def mark_transformations(tokens: list[MarkedToken], start: str) -> list[MarkedToken]:
    """The tokens, in which transformations are T_... and `groupby((` is one token.

    raises  UrlSyntax  for a name that is not a transformation where one must stand
    """
    return _TransformationMarker(tokens, start).run()


class _TransformationMarker:
    __slots__ = ("ended", "marked", "parentheses", "previous", "tokens")

    def __init__(self, tokens: list[MarkedToken], start: str) -> None:
        self.tokens = tokens
        self.marked: list[MarkedToken] = []
        self.parentheses: list[_OpenParenthesis] = []
        self.previous = start
        self.ended = False  # whether the token before ends a transformation

    def run(self) -> list[MarkedToken]:
        for index, (kind, text, at) in enumerate(self.tokens):
            if kind == "AGGREGATE_OPEN" and self.ended:
                # `/aggregate(` is one token because of `$these/aggregate(`; between transformations
                # it is two.
                self.marked.append(("SLASH", "/", at))
                self.previous = "SLASH"
                kind, text, at = "CALL", str(text)[1:], at + 1
            if kind == "OPEN" and self.previous == "T_GROUPBY":
                self.parentheses.append(_OpenParenthesis(_GROUPS))
                self.previous = kind
                continue
            name = str(text).rstrip().removesuffix("(") if kind in ("CALL", "NAME") else ""
            marked = self._transformation(kind, name, index) if name else None
            if marked is None and kind == "CALL" and self._begins_group():
                marked = _ROLLUPS.get(name)
            self._advance(marked or kind, name if marked else "")
            self.marked.append((marked or kind, text, at))
            self.previous = marked or kind
        return self.marked

    def _transformation(self, kind: str, name: str, index: int) -> str | None:
        """The token of a transformation that begins with this name; None if the name is anything
        else."""
        token = _TOKENS.get(name)
        match self._may_begin():
            case "other":
                return None
            case "sequence or order item" if kind == "NAME" or token is None or name == "concat":
                return None  # an order item that begins with a property or function
        if token is not None and (token == "T_IDENTITY") == (kind == "NAME"):
            self._check_groupby(token, index)
            return token
        if kind == "CALL" and "." in name:
            return "T_CUSTOM"
        raise UrlSyntax(
            f"'{shorten(name)}' is not a transformation",
            at=self.tokens[index][2],
            hint=nearest(name, _TOKENS),
        )

    def _may_begin(self) -> Argument:
        """What may begin at this token."""
        if self.previous in _BEGINNINGS or (self.previous == "SLASH" and self.ended):
            return "sequence"
        if not self.parentheses:
            return "other"
        innermost = self.parentheses[-1]
        is_first = innermost.commas == 0 and self.previous.startswith("T_")
        return innermost.argument() if is_first or self.previous == "COMMA" else "other"

    def _check_groupby(self, token: str, index: int) -> None:
        following = self.tokens[index + 1][0] if index + 1 < len(self.tokens) else ""
        if token == "T_GROUPBY" and following != "OPEN":
            raise UrlSyntax(
                "the properties of groupby must have parentheses of their own",
                at=self.tokens[index][2],
                hint="write groupby((status))",
            )

    def _advance(self, kind: str, name: str) -> None:
        """Update the open parentheses, and whether a transformation ends here."""
        ended = kind == "T_IDENTITY"
        if kind == "CLOSE":
            closed = self.parentheses.pop().name if self.parentheses else ""
            ended = closed in _TOKENS or "." in closed
        elif kind in _OPENINGS or (kind.startswith("T_") and kind != "T_IDENTITY"):
            self.parentheses.append(_OpenParenthesis(name))
        elif kind == "COMMA" and self.parentheses:
            self.parentheses[-1].commas += 1
        if kind != "SLASH":
            self.ended = ended

    def _begins_group(self) -> bool:
        """Whether an item of `groupby((` begins here."""
        is_inside = bool(self.parentheses) and self.parentheses[-1].name == _GROUPS
        return is_inside and self.previous in ("OPEN", "COMMA")
