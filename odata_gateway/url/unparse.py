"""Query options as text again, for links the service makes: the next link of an expanded collection
repeats the options of its expand item.

A text comes in pieces, constant text or the slot of a literal, because it is made once per
template; `literals.literal_text` writes them. What comes out parses to the same tree (a test walks
both ways).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import TypeVar, cast
from urllib.parse import quote

from odata_gateway.errors import Unsupported
from odata_gateway.url import ast

T = TypeVar("T")
UrlPieces = tuple[str | int, ...]
ANCHOR = "@__it"
"""The alias with which a next link of an expanded collection says what $it was: the key of an
entity of the outer resource."""
_SAFE = "$'()*,/:;@=-._~!"


def unparse_options(
    options: ast.Options, aliases: Mapping[str, ast.Expr]
) -> tuple[tuple[str, UrlPieces], ...]:
    """The names of options and of the request's parameter aliases with their texts, which are not
    percent-encoded; empty without options."""
    given = dict(options.aliases)
    outer = [
        (name, _expr(value))
        for name, value in aliases.items()
        if name not in given and name != ANCHOR
    ]
    return (*_options(options), *outer)


def encoded(text: str) -> str:
    """Constant text of an option as a URL may hold it."""
    return quote(text, safe=_SAFE)


def anchored(node: T, entity_set: str) -> T:
    """The same with `$root/Conversation(@__it)` for $it; the node itself where $it does not stand
    in it."""
    if isinstance(node, ast.Variable) and node.name == "$it":
        return cast(
            T,
            ast.Call(
                ast.Variable("$root", node.at), entity_set, (ast.Alias(ANCHOR, node.at),), node.at
            ),
        )
    if isinstance(node, tuple):
        items = tuple(anchored(item, entity_set) for item in node)
        return (
            cast(T, items)
            if any(new is not old for new, old in zip(items, node, strict=True))
            else node
        )
    if not isinstance(node, ast.SyntaxNode):
        return node
    found = {f.name: anchored(getattr(node, f.name), entity_set) for f in fields(node)}
    changed = {name: value for name, value in found.items() if value is not getattr(node, name)}
    return cast(T, replace(node, **changed)) if changed else node


def _options(options: ast.Options) -> list[tuple[str, UrlPieces]]:
    found: list[tuple[str, UrlPieces]] = []
    if options.filter is not None:
        found.append(("$filter", _expr(options.filter)))
    if options.apply is not None:
        found.append(("$apply", _steps(options.apply)))
    if options.search is not None:
        found.append(("$search", _search(options.search)))
    if options.compute is not None:
        found.append(("$compute", _list(_computed(c) for c in options.compute)))
    if options.select is not None:
        found.append(("$select", _list(("/".join(s.path),) for s in options.select)))
    if options.expand is not None:
        found.append(("$expand", _list(_expand(e) for e in options.expand)))
    if options.orderby is not None:
        found.append(("$orderby", _list(_ordered(o) for o in options.orderby)))
    if options.top is not None:
        found.append(("$top", (options.top.slot,)))
    if options.skip is not None:
        found.append(("$skip", (options.skip.slot,)))
    if options.count:
        found.append(("$count", ("true",)))
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
    """An expression; every operator in parentheses, so that precedence needs no thought."""
    match node:
        case ast.Literal(slot=slot):
            return (slot,)
        case ast.Constant(value=value):
            return ("null" if value is None else "true" if value else "false",)
        case ast.Variable(name=name) | ast.Alias(name=name):
            return (name,)
        case ast.Member(base=base, name=name):
            return (name,) if base is None else (*_expr(base), f"/{name}")
        case ast.NamedArgument(name=name, value=value_node):
            return (f"{name}=", *_expr(value_node))
        case ast.Call(base=base, name=name, args=args):
            head: UrlPieces = () if base is None else (*_expr(base), "/")
            return (*head, f"{name}(", *_list(_expr(a) for a in args), ")")
        case ast.Count(base=base, options=options):
            return (
                *_expr(base),
                "/$count",
                *_parenthesized([] if options is None else _options(options)),
            )
        case ast.FilterSegment(base=base, predicate=predicate):
            return (*_expr(base), "/$filter(", *_expr(predicate), ")")
        case ast.Lambda(base=base, quantifier=quantifier, variable=variable, body=body):
            inner: UrlPieces = (
                () if variable is None or body is None else (f"{variable}:", *_expr(body))
            )
            return (*(() if base is None else (*_expr(base), "/")), f"{quantifier}(", *inner, ")")
        case ast.Unary(op=op, operand=operand):
            return ("(not " if op == "not" else "(- ", *_expr(operand), ")")
        case ast.Binary(op=op, left=left, right=right):
            return ("(", *_expr(left), f" {op} ", *_expr(right), ")")
        case ast.ListExpr(items=items):
            return ("[", *_list(_expr(i) for i in items), "]")
        case ast.ObjectExpr(members=members):
            return (
                "{",
                *_list(
                    (f"{json.dumps(name, ensure_ascii=False)}:", *_expr(value))
                    for name, value in members
                ),
                "}",
            )
        case ast.Case(branches=branches):
            return ("case(", *_list((*_expr(c), ":", *_expr(v)) for c, v in branches), ")")
    raise Unsupported("this expression inside $expand is not supported")


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
    """Options in the parentheses of an item, which are never empty."""
    return (
        ("(", *_list(((f"{name}=", *value) for name, value in options), ";"), ")")
        if options
        else ()
    )
