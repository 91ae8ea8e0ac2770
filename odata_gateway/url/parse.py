"""From a Template to a syntax tree: each option through the grammar, then the order of path
segments and the limits."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any

from odata_gateway.errors import LimitDepth, LimitNodes, ODataError, UrlOption, UrlSyntax, nearest
from odata_gateway.types.faults import shorten
from odata_gateway.url import ast, nodes, options
from odata_gateway.url.grammar import UrlParser
from odata_gateway.url.normalize import OptionTokens, QueryTemplate
from odata_gateway.url.transformations import mark_steps

MAX_DEPTH = 200
"""What every later stage can walk; binding refuses less deep ones by ODATA_MAX_DEPTH, whose
greatest value this must exceed."""
MAX_NODES = 20_000


class Token:
    """What SLY reads: a type and a value, which is (text, offset)."""

    __slots__ = ("type", "value")

    def __init__(self, kind: str, value: object) -> None:
        self.type = kind
        self.value = value


_STARTS = {
    "$filter": "START_EXPR",
    "$search": "START_SEARCH",
    "$select": "START_SELECT",
    "$expand": "START_EXPAND",
    "$orderby": "START_ORDERBY",
    "$compute": "START_COMPUTE",
    "$apply": "START_APPLY",
    "path": "START_SEGMENT",
}


def parse(template: QueryTemplate, *, max_nodes: int = MAX_NODES) -> ast.SyntaxTree:
    """The syntax tree of a request, with literals by slot.

    max_nodes  most parts of the tree; binding counts expressions, aliases once for each use, and
               refuses fewer
    raises  UrlSyntax, UrlOption (misplaced or unknown), LimitDepth, LimitNodes; each with its
            option and offset
    """
    path = _path(template.path)
    pairs: list[nodes.Pair] = []
    for part in template.options:
        pairs.append((part.name, _option(part), 0))
    side = template.side
    for name in options.TEXTS:
        text = getattr(side, name[1:])
        if text is not None:
            pairs.append((name, text, 0))
    allowed = _allowed(path)
    for name, _, _ in pairs:
        if name not in allowed and (name[0] != "@" or allowed is not options.SYSTEM):
            raise UrlOption(
                f"'{name}' does not apply to {path[0].name if path else 'the service document'}",
                target=name,
            )
    request = ast.SyntaxTree(path, nodes.options_of(pairs, options.SYSTEM, "a resource"))
    if len(path) > 2 and path[0].name in ("$entity", "$all"):
        raise UrlSyntax(
            f"only the name of a type can follow {path[0].name}", target="path", at=path[2].at
        )
    if path and path[0].name == "$entity" and request.options.id is None:
        raise UrlOption(
            "$entity needs the option $id",
            target="$id",
            hint="write it like $entity?$id=Message(1)",
        )
    _check_size(request, max_nodes)
    return request


def _option(part: OptionTokens) -> object:
    if part.name in options.NUMBERS:
        _, literal, at = part.tokens[0]
        return literal, at
    if part.name == "$count":
        _, text, at = part.tokens[0]
        return text, at
    return _parsed(part, _STARTS.get(part.name, "START_ALIAS"))


def _parsed(part: OptionTokens, start: str) -> Any:
    try:
        tokens = [Token(start, ("", 0))]
        for kind, text, at in _marked(part, start):
            tokens.append(Token(kind, (text, at)))
        return UrlParser().parse(iter(tokens))
    except ODataError as error:
        error.target = part.name
        if error.at is None:
            error.at = part.end
        raise


# The lexer's names of tokens, where the grammar has others.
_RENAMED = {"OTHER_NAME": "NAME", "OTHER_SLASH": "SLASH"}
_NAMES = frozenset({"NAME", "CALL", "PARAM", "AT", "ALL_OF", "ALIAS_EQ", "LAMBDA"})
_OPERATORS = {
    "or": "OR",
    "and": "AND",
    "eq": "EQUALITY",
    "ne": "EQUALITY",
    "lt": "RELATION",
    "le": "RELATION",
    "gt": "RELATION",
    "ge": "RELATION",
    "has": "HAS",
    "in": "IN",
    "add": "ADDITIVE",
    "sub": "ADDITIVE",
    "mul": "MULTIPLICATIVE",
    "div": "MULTIPLICATIVE",
    "divby": "MULTIPLICATIVE",
    "mod": "MULTIPLICATIVE",
}


def _marked(part: OptionTokens, start: str) -> list[tuple[str, object, int]]:
    """Tokens with the names the grammar has for them."""
    marked: list[tuple[str, object, int]] = []
    steps = start == "START_APPLY"
    for kind, text, at in part.tokens:
        if kind == "OPERATOR":
            kind = _OPERATORS[str(text).strip().lower()]
        elif kind == "OPTION":
            kind = "OPT_" + str(text).strip("$=").upper()
            steps = steps or kind == "OPT_APPLY"
        elif kind == "CALL" and str(text)[:5].lower() == "case(":
            kind = "CASE"
        else:
            kind = _RENAMED.get(kind, kind)
        if kind in _NAMES and len(str(text)) > nodes.MAX_NAME:
            nodes.check_name(str(text), at)
        marked.append((kind, text, at))
    if start == "START_SEGMENT" and marked[0][0] == "DOLLAR_NAME":
        marked[:2] = [("SEGMENT_" + str(marked[0][1])[1:].upper(), marked[0][1], marked[0][2])]
    return mark_steps(marked, start) if steps else marked


# --- the resource path ----------------------------------------------------------------------------

_FIRST = frozenset({"$metadata", "$batch", "$entity", "$all", "$crossjoin"})
_LATER = frozenset({"$count", "$value", "$ref", "$query", "$each", "$filter"})
_LAST = frozenset({"$metadata", "$batch", "$count", "$value", "$ref", "$query"})
_WITH_PARENTHESES = frozenset({"$filter", "$crossjoin"})


def _path(parts: tuple[OptionTokens, ...]) -> tuple[ast.Segment, ...]:
    path: list[ast.Segment] = []
    for part in parts:
        if part.tokens[0][0] == "SEGMENT":
            path.append(_plain_segment(part))
        else:
            path.extend(_parsed(part, "START_SEGMENT"))
    for before, segment in zip([None, *path], path, strict=False):
        _check_order(before, segment)
    return tuple(path)


def _plain_segment(part: OptionTokens) -> ast.Segment:
    text, at = str(part.tokens[0][1]), part.tokens[0][2]
    if text[0:1] == "$" and (text not in _FIRST | _LATER or text in _WITH_PARENTHESES):
        raise UrlSyntax(
            f"'{shorten(text)}' is no path segment of OData",
            target="path",
            at=at,
            hint=nearest(text.lower(), _FIRST | _LATER),
        )
    literal = None
    if len(part.tokens) == 1 and len(text) > nodes.MAX_NAME:
        nodes.check_name(text, at, "path")
    if len(part.tokens) > 1 and not isinstance(part.tokens[1][1], str):
        kind, slot, many = part.tokens[1][1]
        literal = ast.Literal(kind, slot, many, at)
    return ast.Segment(text, None, literal, at)


def _check_order(before: ast.Segment | None, segment: ast.Segment) -> None:
    name = segment.name
    if before is None:
        if name in _LATER or "." in name:
            raise UrlSyntax(
                f"'{shorten(name)}' cannot be the first segment", target="path", at=segment.at
            )
        return
    if name in _FIRST:
        raise UrlSyntax(f"'{name}' can only be the first segment", target="path", at=segment.at)
    after_name_only = before.name in ("$all", "$entity", "$each") and (name[:1] == "$" or not name)
    after_crossjoin = before.name == "$crossjoin" and name not in ("$query", "$count")
    if before.name in _LAST or after_name_only or after_crossjoin:
        raise UrlSyntax(
            f"'{shorten(name)}' cannot follow {before.name}", target="path", at=segment.at
        )


def _allowed(path: tuple[ast.Segment, ...]) -> frozenset[str]:
    """The options that may come with the resource; those of data depend on the model."""
    if not path:
        return options.RESTRICTED[""]
    if path[0].name == "$entity" and len(path) > 1:
        return options.ENTITY_CAST
    return options.RESTRICTED.get(path[0].name, options.SYSTEM)


# --- limits ---------------------------------------------------------------------------------------


_SCALARS = frozenset(
    {"str", "int", "bool", "str | None", "bool | None", "int | str | None", "LiteralKind"}
)


@cache
def _child_names(name: str) -> tuple[str, ...]:
    """The fields of a node class, by its name, that can hold nodes."""
    return tuple(
        [each.name for each in fields(getattr(ast, name)) if str(each.type) not in _SCALARS]
    )


def _check_size(request: ast.SyntaxTree, max_nodes: int) -> None:
    """A recursive walk over the tree is safe after this."""
    nodes = 0
    stack: list[tuple[object, int]] = [(request, 0)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, tuple):
            stack.extend([(each, depth) for each in node if not isinstance(each, str)])
        elif isinstance(node, ast.SyntaxNode):
            nodes += 1
            if depth > MAX_DEPTH:
                raise LimitDepth(
                    f"the request is nested deeper than {MAX_DEPTH} levels, which is beyond what ODATA_MAX_DEPTH can allow",
                    at=getattr(node, "at", None),
                )
            for name in _child_names(type(node).__name__):
                child = getattr(node, name)
                if child is not None:
                    stack.append((child, depth + 1))
    if nodes > max_nodes:
        raise LimitNodes(
            f"the request has {nodes} parts; the limit is {max_nodes}",
            hint="ODATA_MAX_NODES moves this limit",
        )
