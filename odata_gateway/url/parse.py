"""The syntax tree of a `QueryTemplate`.

Each option goes through the grammar. Then comes what the grammar cannot say: which options the
resource has, the order of path segments, and limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any

from odata_gateway.errors import LimitDepth, LimitNodes, ODataError, UrlOption, UrlSyntax, nearest
from odata_gateway.types.faults import shorten
from odata_gateway.url import ast, nodes, options
from odata_gateway.url.grammar import UrlParser
from odata_gateway.url.lexer import OPERATORS
from odata_gateway.url.normalize import OptionTokens, QueryTemplate
from odata_gateway.url.resource_kind import RESERVED_NAMES
from odata_gateway.url.syntax_errors import nested_option
from odata_gateway.url.transformations import MarkedToken, mark_transformations

MAX_DEPTH = 200
"""The depth of a tree that every later stage can walk by recursion. It must exceed the greatest
value of ODATA_MAX_DEPTH, which binding checks."""
MAX_NODES = 20_000


class Token:
    """A token as SLY reads it: a type, and the value (text, offset)."""

    __slots__ = ("type", "value")

    def __init__(self, kind: str, value: object) -> None:
        self.type = kind
        self.value = value


def parse(template: QueryTemplate, *, max_nodes: int = MAX_NODES) -> ast.SyntaxTree:
    """The syntax tree of a request, whose literals are slot numbers.

    max_nodes  the most nodes of the tree; binding counts only expressions, an alias once for each
               use, and allows fewer
    raises     UrlSyntax, LimitDepth, LimitNodes
               UrlOption  for an option that is unknown or cannot stand here
    """
    path = _path(template.path)
    values: list[nodes.OptionValue] = [(part.name, _value(part), 0) for part in template.options]
    for name in options.TEXTS:
        text = getattr(template.transport, name[1:])
        if text is not None:
            values.append((name, text, 0))
    _check_options(path, values)
    tree = ast.SyntaxTree(path, nodes.options_of(values, _SYSTEM, "a resource"))
    _check_entity_id(tree)
    _check_size(tree, max_nodes)
    return tree


def _value(part: OptionTokens) -> object:
    """The value of an option, as `nodes.options_of` takes it."""
    if part.name in options.NUMBERS or part.name in options.BOOLEANS:
        _, value, at = part.tokens[0]
        return value, at
    plain = list_of_names(part) if part.name in _LISTS_OF_NAMES else None
    return plain or _parsed(part, options.STARTS.get(part.name, "START_ALIAS"))


_LISTS_OF_NAMES = {
    "$select": re.compile(r"NAME(?: COMMA NAME)*"),
    "$orderby": re.compile(r"NAME(?: DIRECTION)?(?: COMMA NAME(?: DIRECTION)?)*"),
}
"""The types of the tokens of the lists that nearly all clients send."""


def list_of_names(part: OptionTokens) -> list[ast.SelectItem] | list[ast.OrderItem] | None:
    """The items of a $select or $orderby that is a list of names; None for any other. The grammar
    makes the same of it (a test); its loop has a tenth of the instructions of compiling a URL with
    two such lists (measured)."""
    tokens = part.tokens
    if not _LISTS_OF_NAMES[part.name].fullmatch(" ".join([kind for kind, _, _ in tokens])):
        return None
    named = [
        (str(text), at, index) for index, (kind, text, at) in enumerate(tokens) if kind == "NAME"
    ]
    if any(len(name) > nodes.MAX_NAME for name, _, _ in named):
        return None
    if part.name == "$select":
        return [ast.SelectItem((name,), at=at) for name, at, _ in named]
    behind = [str(text).strip().lower() for _, text, _ in (*tokens[1:], ("", "", 0))]
    return [
        ast.OrderItem(ast.Member(None, name, at), behind[i] == "desc", at) for name, at, i in named
    ]


def _parsed(part: OptionTokens, start: str) -> Any:
    try:
        tokens = [Token(start, ("", 0))]
        for kind, text, at in _grammar_tokens(part, start):
            tokens.append(Token(kind, (text, at)))
        return UrlParser().parse(iter(tokens))
    except ODataError as error:
        error.target = part.name
        if error.at is None:
            error.at = part.end
        error.nested = nested_option(part.tokens, error.at)
        raise


# The lexer's names of tokens that have another name in the grammar.
_RENAMED = {"OTHER_NAME": "NAME", "OTHER_SLASH": "SLASH"}
_NAMES = frozenset({"NAME", "CALL", "PARAM", "AT", "ALL_OF", "ALIAS_EQ", "LAMBDA"})
_STEPS = options.BY_NAME["$apply"]


def _grammar_tokens(part: OptionTokens, start: str) -> list[MarkedToken]:
    """The tokens with the types that the grammar knows. Raises UrlSyntax for a long name."""
    found: list[MarkedToken] = []
    has_steps = start == _STEPS.start
    for kind, text, at in part.tokens:
        if kind == "OPERATOR":
            kind = OPERATORS[str(text).strip().lower()]
        elif kind == "OPTION":
            kind = "OPT_" + str(text).strip("$=").upper()
            has_steps = has_steps or kind == _STEPS.token
        elif kind == "CALL" and str(text)[:5].lower() == "case(":
            kind = "CASE"
        else:
            kind = _RENAMED.get(kind, kind)
        if kind in _NAMES and len(str(text)) > nodes.MAX_NAME:
            nodes.check_name(str(text), at)
        found.append((kind, text, at))
    if start == "START_SEGMENT" and found[0][0] == "DOLLAR_NAME":
        found[:2] = [("SEGMENT_" + str(found[0][1])[1:].upper(), found[0][1], found[0][2])]
    return mark_transformations(found, start) if has_steps else found


# --- the resource path ----------------------------------------------------------------------------

_FIRST = RESERVED_NAMES | {"$crossjoin"}
_LATER = frozenset({"$count", "$value", "$ref", "$query", "$each", "$filter"})
_LAST = frozenset({"$metadata", "$batch", "$count", "$value", "$ref", "$query"})
_WITH_PARENTHESES = {
    "$filter": "write it like $filter(status eq 1)",
    "$crossjoin": "write it like $crossjoin(Message,Inbox)",
}
"""With what to write."""
_SEGMENTS = sorted(_FIRST | _LATER)


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
    """A segment without parentheses."""
    text, at = str(part.tokens[0][1]), part.tokens[0][2]
    if text[:1] == "$" and (text not in _SEGMENTS or text in _WITH_PARENTHESES):
        raise _no_segment(text, at)
    if len(part.tokens) == 1 and len(text) > nodes.MAX_NAME:
        nodes.check_name(text, at, "path")
    literal = None
    if len(part.tokens) > 1 and not isinstance(part.tokens[1][1], str):
        kind, slot, many = part.tokens[1][1]
        literal = ast.Literal(kind, slot, many, at)
    return ast.Segment(text, None, literal, at)


def _no_segment(text: str, at: int) -> UrlSyntax:
    """The error for a segment that begins with `$` and is none of OData's."""
    name, parenthesis, _ = text.partition("(")
    if text in _WITH_PARENTHESES:
        message, hint = f"'{text}' must have parentheses", _WITH_PARENTHESES[text]
    elif parenthesis and name in _SEGMENTS:
        message, hint = f"'{name}' cannot have parentheses", f"write {name}"
    else:
        message = f"'{shorten(text)}' is not a path segment of OData"
        return UrlSyntax(message, target="path", at=at, hint=nearest(text.lower(), _SEGMENTS))
    return UrlSyntax(message, target="path", at=at, hint=hint)


def _check_order(before: ast.Segment | None, segment: ast.Segment) -> None:
    name, shown = segment.name, shorten(segment.name)
    if before is None:
        if name in _LATER or "." in name:
            raise UrlSyntax(f"'{shown}' cannot be the first segment", target="path", at=segment.at)
        return
    if name in _FIRST:
        raise UrlSyntax(f"'{name}' can only be the first segment", target="path", at=segment.at)
    after_name_only = before.name in ("$all", "$entity", "$each") and (name[:1] == "$" or not name)
    after_crossjoin = before.name == "$crossjoin" and name not in ("$query", "$count")
    if before.name in _LAST or after_name_only or after_crossjoin:
        raise UrlSyntax(f"'{shown}' cannot follow {before.name}", target="path", at=segment.at)


# --- the options of the resource ------------------------------------------------------------------

_SYSTEM = frozenset(options.SYSTEM)
_DOCUMENTS: dict[str, options.DocumentPlace] = {
    "$batch": "$batch",
    "$metadata": "$metadata",
    "$entity": "$entity",
}


def _document(path: tuple[ast.Segment, ...]) -> options.DocumentPlace | None:
    """The document that a path names; None for data."""
    if not path:
        return "service document"
    if path[0].name == "$entity" and len(path) > 1:
        return "$entity cast"
    return _DOCUMENTS.get(path[0].name)


def _check_options(path: tuple[ast.Segment, ...], values: list[nodes.OptionValue]) -> None:
    """Documents have few options, and no aliases; the options of data depend on the model."""
    document = _document(path)
    if document is None:
        return
    for name, _, _ in values:
        if name not in options.ALLOWED[document]:
            where = path[0].name if path else "the service document"
            raise UrlOption(f"'{name}' does not apply to {where}", target=name)


def _check_entity_id(tree: ast.SyntaxTree) -> None:
    path = tree.path
    if len(path) > 2 and path[0].name in ("$entity", "$all"):
        raise UrlSyntax(
            f"only the name of a type can follow {path[0].name}", target="path", at=path[2].at
        )
    if path and path[0].name == "$entity" and tree.options.id is None:
        raise UrlOption(
            "$entity must have the option $id",
            target="$id",
            hint="write it like $entity?$id=Message(1)",
        )


# --- limits ---------------------------------------------------------------------------------------

_SCALARS = frozenset(
    {
        *("str", "int", "bool", "str | None", "bool | None", "int | str | None", "LiteralKind"),
        "tuple[int, ...]",
    }
)


@cache
def _children(name: str) -> Callable[[ast.SyntaxNode], tuple[object, ...]]:
    """Reads the fields that can hold nodes, of a node of the class with this name."""
    names = [each.name for each in fields(getattr(ast, name)) if str(each.type) not in _SCALARS]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda node: tuple([getattr(node, name) for name in names])


def _nodes_in(value: object) -> Iterable[ast.SyntaxNode]:
    """The nodes in the value of a field, at any depth of tuples."""
    if isinstance(value, ast.SyntaxNode):
        return (value,)
    if isinstance(value, tuple):
        return [node for each in value for node in _nodes_in(each)]
    return ()


def _check_size(tree: ast.SyntaxTree, max_nodes: int) -> None:
    """Raises LimitDepth and LimitNodes. A tree that passes can be walked by recursion."""
    count, depth = 0, 0
    level: list[ast.SyntaxNode] = [tree]
    while level:
        if depth > MAX_DEPTH:
            raise LimitDepth(
                f"the request is nested deeper than {MAX_DEPTH} levels, the most that "
                "ODATA_MAX_DEPTH can allow",
                at=getattr(level[0], "at", None),
            )
        count += len(level)
        depth += 1
        below: list[ast.SyntaxNode] = []
        for node in level:
            for value in _children(type(node).__name__)(node):
                if value:
                    below.extend(_nodes_in(value))
        level = below
    if count > max_nodes:
        raise LimitNodes(
            f"the request has {count} parts; the limit is {max_nodes}",
            hint="raise ODATA_MAX_NODES to allow more",
        )
