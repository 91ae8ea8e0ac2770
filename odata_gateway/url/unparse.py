"""Query options as text again. The next link of an expanded collection repeats the options of its
item of $expand.

The text comes in pieces, each of them constant text or the slot of a literal: it is made once for a
template, and `literals.literal_text` writes the values of a request. The text parses to the same
tree (a test goes both ways).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar, assert_never, cast
from urllib.parse import quote

from odata_gateway.errors import Unsupported
from odata_gateway.url import ast
from odata_gateway.url.options import NESTED

T = TypeVar("T")
UrlPieces = tuple[str | int, ...]
ANCHOR = "@__it"
"""The alias in the next link of an expanded collection that stands for $it: the key of an entity of
the outer resource."""
_SAFE = "$'()*,/:;@=-._~!"


def unparse_options(
    options: ast.Options, aliases: Mapping[str, ast.Expr]
) -> tuple[tuple[str, UrlPieces], ...]:
    """The options, and the request's parameter aliases, by name. The texts are not
    percent-encoded."""
    given = dict(options.aliases)
    outer = [
        (name, _expr(value))
        for name, value in aliases.items()
        if name not in given and name != ANCHOR
    ]
    return (*_options(options), *outer)


def encoded(text: str) -> str:
    """Constant text of an option, percent-encoded."""
    return quote(text, safe=_SAFE)


def anchored(node: T, entity_set: str) -> T:
    """The same tree with `$root/Conversation(@__it)` in place of $it; the node itself if it does
    not contain $it."""
    return cast(T, _anchored(node, entity_set))


def _anchored(node: object, entity_set: str) -> object:
    match node:
        case ast.Variable(name="$it", at=at):
            return ast.Call(ast.Variable("$root", at), entity_set, (ast.Alias(ANCHOR, at),), at)
        case tuple():
            items = tuple(_anchored(item, entity_set) for item in node)
            is_same = all(new is old for new, old in zip(items, node, strict=True))
            return node if is_same else items
        case ast.SyntaxNode():
            found = {f.name: _anchored(getattr(node, f.name), entity_set) for f in fields(node)}
            changed = {name: new for name, new in found.items() if new is not getattr(node, name)}
            return replace(node, **changed) if changed else node
    return node


def _options(options: ast.Options) -> list[tuple[str, UrlPieces]]:
    """The options by name, in the order of their table, then the aliases; without $levels."""
    found: list[tuple[str, UrlPieces]] = []
    for row in NESTED:
        value = getattr(options, row.field)
        if value is not None and value is not False:
            found.append((row.name, _WRITERS[row.name](value)))
    found += [(name, _expr(value)) for name, value in options.aliases]
    return found


def _expand(item: ast.ExpandItem) -> UrlPieces:
    head = "/".join(item.path) + (f"/{item.suffix}" if item.suffix else "")
    if item.options is None:
        return (head,)
    nested = _options(item.options)
    if item.options.levels is not None:
        nested.append(("$levels", (str(item.options.levels),)))
    return (head, *_parenthesized(nested))


def _list(items: Iterable[Iterable[str | int]], separator: str = ",") -> UrlPieces:
    pieces: list[str | int] = []
    for i, item in enumerate(items):
        pieces += [separator, *item] if i else [*item]
    return tuple(pieces)


def _expr(node: ast.Expr) -> UrlPieces:
    """An expression. Every operator is in parentheses, so precedence does not matter."""
    match node:
        case ast.Literal(slot=slot):
            return (slot,)
        case ast.Constant(value=value):
            return ("null" if value is None else "true" if value else "false",)
        case ast.Variable(name=name) | ast.Alias(name=name):
            return (name,)
        case ast.Member(base=base, name=name):
            return (*_prefix(base), name)
        case ast.NamedArgument(name=name, value=argument):
            return (f"{name}=", *_expr(argument))
        case ast.Call(base=base, name=name, args=args):
            return (*_prefix(base), f"{name}(", *_list(_expr(a) for a in args), ")")
        case ast.Unary(op=op, operand=operand):
            return ("(not " if op == "not" else "(- ", *_expr(operand), ")")
        case ast.Binary(op=op, left=left, right=right):
            return ("(", *_expr(left), f" {op} ", *_expr(right), ")")
        case ast.ListExpr(items=items):
            return ("[", *_list(_expr(i) for i in items), "]")
        case ast.ObjectExpr(members=members):
            return ("{", *_list(_json_member(name, member) for name, member in members), "}")
        case ast.Case(branches=branches):
            return ("case(", *_list((*_expr(c), ":", *_expr(v)) for c, v in branches), ")")
        case ast.Count() | ast.FilterSegment() | ast.Lambda() | ast.Aggregation():
            return _collection(node)
        case _:
            assert_never(node)


def _collection(node: ast.CollectionExpr) -> UrlPieces:
    match node:
        case ast.Count(base=base, options=options):
            nested = [] if options is None else _options(options)
            return (*_expr(base), "/$count", *_parenthesized(nested))
        case ast.FilterSegment(base=base, predicate=predicate):
            return (*_expr(base), "/$filter(", *_expr(predicate), ")")
        case ast.Lambda(base=base, quantifier=quantifier, variable=variable, body=body):
            inner = () if variable is None or body is None else (f"{variable}:", *_expr(body))
            return (*_prefix(base), f"{quantifier}(", *inner, ")")
        case ast.Aggregation(at=at):
            raise Unsupported(
                "aggregate() inside $expand is not supported", target="$expand", at=at
            )
        case _:
            assert_never(node)


def _prefix(base: ast.Expr | None) -> UrlPieces:
    """What stands before the last name of a path."""
    return () if base is None else (*_expr(base), "/")


def _json_member(name: str, value: ast.Expr) -> UrlPieces:
    return (f"{json.dumps(name, ensure_ascii=False)}:", *_expr(value))


def _search(node: ast.Search) -> UrlPieces:
    if isinstance(node, ast.Term):
        return (node.slot,)
    if node.op == "not":
        return ("(NOT ", *_search(node.operands[0]), ")")
    return (
        "(",
        *_list((_search(operand) for operand in node.operands), f" {node.op.upper()} "),
        ")",
    )


def _computed(item: ast.ComputeItem) -> UrlPieces:
    return (*_expr(item.expr), f" as {item.name}")


def _ordered(item: ast.OrderItem) -> UrlPieces:
    return (*_expr(item.expr), " desc" if item.descending else "")


# --- $apply ---------------------------------------------------------------------------------------


def _steps(steps: Iterable[ast.Transformation]) -> UrlPieces:
    return _list((_step(step) for step in steps), "/")


def _step(step: ast.Transformation) -> UrlPieces:
    if not step.args:
        return (step.name,)
    arguments = [_argument(argument) for argument in step.args]
    if step.name != "groupby":
        return (f"{step.name}(", *_list(arguments), ")")
    has_steps = isinstance(step.args[-1], ast.Sequence)
    groups = _list(arguments[:-1] if has_steps else arguments)
    return (
        ("groupby((", *groups, "),", *arguments[-1], ")")
        if has_steps
        else ("groupby((", *groups, "))")
    )


def _argument(argument: ast.TransformationArgument) -> UrlPieces:
    match argument:
        case ast.Sequence(steps=steps, alias=alias):
            return _steps(steps) if alias is None else (*_steps(steps), f" as {alias}")
        case ast.ComputeItem():
            return _computed(argument)
        case ast.OrderItem():
            return _ordered(argument)
        case ast.AggregateItem():
            return _aggregate(argument)
        case ast.Rollup(paths=paths):
            return ("rollup(", *_list(_expr(path) for path in paths), ")")
        case ast.Term() | ast.SearchOp():
            return _search(argument)
        case str() | bool() | ast.Hierarchy() | ast.RollupRecursive():
            raise Unsupported(
                "hierarchies inside $expand are not supported", target="$expand", at=0
            )
        case _:
            return _expr(argument)


def _aggregate(item: ast.AggregateItem) -> UrlPieces:
    value: UrlPieces = ("$count",) if item.expr is None else _expr(item.expr)
    method = "" if item.method is None else f" with {item.method}"
    sources = [piece for source in item.sources for piece in _from(source)]
    return (*value, method, *sources, "" if item.alias is None else f" as {item.alias}")


def _from(source: ast.AggregateFrom) -> UrlPieces:
    paths = _list(_expr(path) for path in source.paths)
    return (" from ", *paths, "" if source.method is None else f" with {source.method}")


def _parenthesized(options: list[tuple[str, UrlPieces]]) -> UrlPieces:
    """The options in parentheses; empty without options."""
    return (
        ("(", *_list(((f"{name}=", *value) for name, value in options), ";"), ")")
        if options
        else ()
    )


# --- the options ----------------------------------------------------------------------------------

_WRITERS: dict[str, Callable[[Any], UrlPieces]] = {
    "$filter": _expr,
    "$apply": _steps,
    "$search": _search,
    "$compute": lambda items: _list(_computed(item) for item in items),
    "$select": lambda items: _list(("/".join(item.path),) for item in items),
    "$expand": lambda items: _list(_expand(item) for item in items),
    "$orderby": lambda items: _list(_ordered(item) for item in items),
    "$top": _expr,
    "$skip": _expr,
    "$count": lambda _: ("true",),
}
"""How the value of each option is written."""
