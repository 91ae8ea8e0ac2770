"""Which names in $apply are transformations, decided by where they stand (Data Aggregation ABNF,
section 2).

`concat(` is a transformation in `concat(identity,top(1))` and a function in `compute(concat(a,b) as
c)`; `filter(` may be a property's name. One pass over the tokens with a stack of parentheses finds
the places where a transformation begins and renames the tokens there, so that the grammar needs no
context.
"""

from __future__ import annotations

from odata_gateway.errors import UrlSyntax, nearest
from odata_gateway.types.faults import shorten

_STEPS = {
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
# The arguments, counted from 0, from which on a sequence of transformations may stand.
_SEQUENCES = {
    "concat": 0,
    "nest": 0,
    "addnested": 1,
    "join": 1,
    "outerjoin": 1,
    "groupby": 1,
    "ancestors": 3,
    "descendants": 3,
    "traverse": 4,
    "rolluprecursive": 3,
}
_ROLLUPS = {"rollup": "T_ROLLUP", "rolluprecursive": "T_ROLLUPRECURSIVE"}
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


class _OpenParenthesis:
    """An open parenthesis: the transformation it belongs to ("" for others), and how many commas
    have passed in it."""

    __slots__ = ("commas", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.commas = 0


def mark_steps(tokens: list[tuple[str, object, int]], start: str) -> list[tuple[str, object, int]]:
    """The tokens with transformations renamed to T_..., and `groupby((` made one token.

    raises  UrlSyntax for a name that is no transformation where one must stand
    """
    return _TransformationMarker(tokens, start).run()


class _TransformationMarker:
    __slots__ = ("ended", "frames", "marked", "previous", "tokens")

    def __init__(self, tokens: list[tuple[str, object, int]], start: str) -> None:
        self.tokens = tokens
        self.marked: list[tuple[str, object, int]] = []
        self.frames: list[_OpenParenthesis] = []
        self.previous = start
        self.ended = False  # whether the token before ends a transformation

    def run(self) -> list[tuple[str, object, int]]:
        for index, (kind, text, at) in enumerate(self.tokens):
            if kind == "AGGREGATE_OPEN" and self.ended:
                # `/aggregate(` is one token for the sake of `$these/aggregate(`; between
                # transformations it is two.
                self.marked.append(("SLASH", "/", at))
                self.previous = "SLASH"
                kind, text, at = "CALL", str(text)[1:], at + 1
            if kind == "OPEN" and self.previous == "T_GROUPBY":
                self.frames.append(_OpenParenthesis("("))
                self.previous = kind
                continue
            name = str(text).rstrip().removesuffix("(") if kind in ("CALL", "NAME") else ""
            marked = self._step(kind, name, index) if name else None
            if marked is None and kind == "CALL" and self._in_group_list():
                marked = _ROLLUPS.get(name)
            self._advance(marked or kind, name if marked else "")
            self.marked.append((marked or kind, text, at))
            self.previous = marked or kind
        return self.marked

    def _step(self, kind: str, name: str, index: int) -> str | None:
        """The token of a transformation that begins here, or None for anything else."""
        frame = self.frames[-1] if self.frames else None
        after_slash = self.previous == "SLASH" and self.ended
        starts = self.previous in ("START_APPLY", "OPT_APPLY")
        if not (after_slash or starts):
            first = _SEQUENCES.get(frame.name) if frame is not None else None
            opened = self.previous == "COMMA" or (
                frame is not None and frame.commas == 0 and self.previous.startswith("T_")
            )
            if frame is None or first is None or frame.commas < first or not opened:
                return None
            if frame.name == "traverse" and (
                name == "concat" or name not in _STEPS or kind == "NAME"
            ):
                return None
        step = _STEPS.get(name)
        if step is not None and (step == "T_IDENTITY") == (kind == "NAME"):
            self._check_groupby(step, index)
            return step
        if kind == "CALL" and "." in name:
            return "T_CUSTOM"
        hint = nearest(name, _STEPS)
        raise UrlSyntax(
            f"'{shorten(name)}' is no transformation", at=self.tokens[index][2], hint=hint
        )

    def _check_groupby(self, step: str, index: int) -> None:
        following = self.tokens[index + 1][0] if index + 1 < len(self.tokens) else ""
        if step == "T_GROUPBY" and following != "OPEN":
            raise UrlSyntax(
                "groupby takes its properties in parentheses of their own",
                at=self.tokens[index][2],
                hint="write groupby((status))",
            )

    def _advance(self, kind: str, name: str) -> None:
        """Follow the parentheses, and note where a transformation ends."""
        ended = kind == "T_IDENTITY"
        if kind == "CLOSE":
            closed = self.frames.pop().name if self.frames else ""
            ended = closed in _STEPS or "." in closed
        elif kind in _OPENINGS or (kind.startswith("T_") and kind != "T_IDENTITY"):
            self.frames.append(_OpenParenthesis(name))
        elif kind == "COMMA" and self.frames:
            self.frames[-1].commas += 1
        if kind != "SLASH":
            self.ended = ended

    def _in_group_list(self) -> bool:
        return (
            bool(self.frames) and self.frames[-1].name == "(" and self.previous in ("OPEN", "COMMA")
        )
