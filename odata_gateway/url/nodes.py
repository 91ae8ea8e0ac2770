"""Nodes that the rules of the grammar cannot make by themselves, and checks that need more than one
token of lookahead.

Errors raised here have an offset but no target: `parse` knows the option and adds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from odata_gateway.errors import UrlOption, UrlSyntax, nearest
from odata_gateway.types.faults import shorten
from odata_gateway.url import ast, options
from odata_gateway.url.literals import json_string

Lexeme = tuple[str, int]
"""Text and offset of a token."""
OptionValue = tuple[str, object, int]
"""Canonical name of an option or alias, its value, its offset."""
Chain = list[tuple[ast.Expr, int]]
"""Operands, each with the offset of the operator before it."""

CONSTANTS = {"null": None, "true": True, "false": False}
MAX_NAME = 128


def identifier(lexeme: Lexeme) -> str:
    """A name without dots of at most 128 characters. Raises UrlSyntax for any other."""
    text, at = lexeme
    if "." in text:
        raise UrlSyntax(f"the name '{shorten(text)}' cannot contain a dot", at=at)
    if len(text) > MAX_NAME:
        raise UrlSyntax(f"a name cannot be longer than {MAX_NAME} characters", at=at)
    return text


def check_name(text: str, at: int, target: str | None = None) -> None:
    """Raises UrlSyntax if a part of a name has more than 128 characters."""
    if any(len(part) > MAX_NAME for part in text.rstrip("( =").split(".")):
        raise UrlSyntax(f"a name cannot be longer than {MAX_NAME} characters", target=target, at=at)


def call_name(lexeme: Lexeme) -> str:
    """The name in a token such as `contains( `."""
    return lexeme[0].rstrip()[:-1]


def check_key(opening: Lexeme, arguments: list[ast.Expr], closing: Lexeme) -> None:
    """A key is one value, or values with names. There are no blanks around a value without a name
    (ABNF simpleKey); around the parameters of a function there may be."""
    if len(arguments) > 1 and not all(
        isinstance(argument, ast.NamedArgument) for argument in arguments
    ):
        raise UrlSyntax(
            "a key of several values must name each of them",
            at=opening[1],
            hint="write it like Item(a=1,b='x')",
        )
    blank = opening[0][-1] != "(" or closing[0][0] != ")"
    if blank and arguments and not isinstance(arguments[0], ast.NamedArgument):
        raise UrlSyntax(
            "there cannot be a blank beside a key", at=opening[1], hint="remove the blank"
        )


def operator_at(lexeme: Lexeme) -> int:
    """The offset of an operator's word, after its blanks."""
    text, at = lexeme
    return at + len(text) - len(text.lstrip())


# --- expressions ----------------------------------------------------------------------------------


def chain(operator: str, items: Chain) -> ast.Expr:
    """`a or b or c ...` as a balanced tree, in the same order: a thousand operands are ten levels
    deep."""
    if len(items) == 1:
        return items[0][0]
    middle = len(items) // 2
    return ast.Binary(
        operator, chain(operator, items[:middle]), chain(operator, items[middle:]), items[middle][1]
    )


def alias_or_annotation(lexeme: Lexeme) -> ast.Alias | ast.Member:
    """`@p` is an alias, `@Core.Messages` and `@Core.Messages#qualifier` are annotations."""
    text, at = lexeme
    if "." in text or "#" in text:
        return ast.Member(None, text, at)
    return ast.Alias(text, at)


def lambda_(base: ast.Expr, lexeme: Lexeme, body: ast.Expr | None) -> ast.Lambda:
    """`base/any(m:body)` from the token `any(m:`."""
    text, at = lexeme
    variable = text[4:].rstrip()[:-1].strip() or None
    if variable is not None and body is None:
        raise UrlSyntax(
            f"'{text.strip()}' must be followed by an expression",
            at=at,
            hint="write it like any(m:m/status eq 1)",
        )
    if text[:3].lower() == "any":
        return ast.Lambda(base, "any", variable, body, at)
    if body is None:
        raise UrlSyntax(
            "'all' must have an expression", at=at, hint="write it like all(m:m/status eq 1)"
        )
    return ast.Lambda(base, "all", variable, body, at)


def bound_call(base: ast.Expr, lexeme: Lexeme, arguments: list[ast.Expr]) -> ast.Call:
    """`base/name(arguments)`. Raises UrlSyntax for `any(x)`, a lambda without a variable."""
    name = call_name(lexeme)
    if name.lower() in ("any", "all"):
        raise UrlSyntax(
            f"'{name}' must have a variable and a colon",
            at=lexeme[1],
            hint=f"write it like {name}(m:m/status eq 1)",
        )
    return ast.Call(base, name, tuple(arguments), lexeme[1])


def member_name(lexeme: Lexeme) -> str:
    """The name of a JSON member from the token `"name" : `."""
    _, value = json_string(lexeme[0].rstrip()[:-1].rstrip())
    return str(value)


def search(op: str, operands: list[ast.Search]) -> ast.Search:
    """The only operand as it is, or several under one operator."""
    if len(operands) == 1:
        return operands[0]
    return ast.SearchOp("or" if op == "or" else "and", tuple(operands), operands[0].at)


# --- options --------------------------------------------------------------------------------------


def option(lexeme: Lexeme, value: Any) -> OptionValue:
    """An option in parentheses."""
    text, at = lexeme
    name = text[:-1]
    if name[0] == "@":
        return name, value, at
    return options.canonical(name) or name, value, at


def levels(text: str, at: int) -> OptionValue:
    """`$levels=3` or `$levels=max`."""
    name, _, value = text.partition("=")
    if value.lower() == "max":
        return "$levels", "max", at
    if re.fullmatch(r"[1-9][0-9]{0,8}", value):
        return "$levels", int(value), at
    raise UrlSyntax(
        f"'{shorten(value)}' is not a number of levels",
        at=at + len(name) + 1,
        hint="write a number from 1, or max",
    )


def options_of(
    pairs: Iterable[OptionValue], allowed: frozenset[str], place: str, *, has_aliases: bool = True
) -> ast.Options:
    """The options of a place. Raises UrlOption for one that cannot stand there, or is given
    twice.

    has_aliases  whether parameter aliases can be assigned there
    """
    found: dict[str, Any] = {}
    aliases: list[tuple[str, ast.Expr]] = []
    order: list[str] = []
    places: list[int] = []
    for name, value, at in pairs:
        if name in order:
            raise UrlOption(f"'{name}' is given twice", at=at, hint="give each option once")
        order.append(name)
        places.append(at)
        if name[0] == "@" and has_aliases:
            aliases.append((name, cast(ast.Expr, value)))
        elif name not in allowed:  # as no alias is
            raise UrlOption(
                f"'{name}' cannot be an option of {place}",
                at=at,
                hint="use only " + ", ".join(sorted(allowed)),
            )
        else:
            found[name[1:]] = _value(name, value)
    return ast.Options(**found, aliases=tuple(aliases), order=tuple(order), places=tuple(places))


def _value(name: str, value: Any) -> object:
    """A list as a tuple, a number as a Literal, a boolean as itself."""
    if name in options.BOOLEANS:
        return CONSTANTS[value[0].lower()]
    if name in options.NUMBERS:
        (kind, slot, many), at = value
        return ast.Literal(kind, slot, many, at)
    return tuple(value) if name in options.LISTS else value


# --- $apply ---------------------------------------------------------------------------------------

_METHODS = ("sum", "min", "max", "average", "countdistinct")


def method(lexeme: Lexeme) -> str:
    """An aggregation method. The name of a custom method has a dot."""
    text, at = lexeme
    if text not in _METHODS and "." not in text:
        raise UrlSyntax(
            f"'{shorten(text)}' is not an aggregation method",
            at=at,
            hint=nearest(text, _METHODS) or "use one of " + ", ".join(_METHODS),
        )
    return text


def property_path(path: ast.Expr) -> ast.Expr:
    """The path, if it has only names. Raises UrlSyntax for calls, variables and annotations."""
    step: ast.Expr | None = path
    while step is not None:
        if not isinstance(step, ast.Member) or step.name[0] == "@":
            raise UrlSyntax(
                "expected a path of property names",
                at=step.at,
                hint="name what is computed first: compute(year(created_at) as y)/groupby((y))",
            )
        step = step.base
    return path


def rollup_paths(paths: list[ast.Expr]) -> tuple[ast.Expr, ...]:
    """The paths of a rollup: two or more, or the simple name of a leveled hierarchy."""
    first = property_path(paths[0])
    if len(paths) == 1 and isinstance(first, ast.Member) and first.base is not None:
        raise UrlSyntax(
            "rollup must have two paths or more, or the name of a hierarchy", at=first.at
        )
    return (first, *[property_path(path) for path in paths[1:]])


def custom_aggregate(expr: ast.Expr) -> ast.AggregateItem:
    """An item without an alias: a custom aggregate, which is a path of names."""
    if not _is_path(expr):
        raise UrlSyntax(
            "an aggregate expression must have a method and an alias",
            at=expr.at,
            hint="write it like id with max as newest",
        )
    return ast.AggregateItem(expr, at=expr.at)


def aggregate(item: ast.AggregateItem, alias: str | None, alias_at: int = 0) -> ast.AggregateItem:
    """The item with its alias. Raises UrlSyntax unless its method and its `from` clauses fit."""
    counts = item.expr is None or isinstance(item.expr, ast.Count)
    if item.method is None and not counts and item.expr is not None and not _is_path(item.expr):
        raise UrlSyntax(
            "an aggregate expression must have a method",
            at=item.at,
            hint="write it like id with max as newest",
        )
    if item.method is not None or counts:
        for source in item.sources:
            if source.method is None:
                raise UrlSyntax(
                    "'from' must have a method",
                    at=source.at,
                    hint="write it like from day with average",
                )
    return replace(item, alias=alias, alias_at=alias_at)


def aggregate_function(item: ast.AggregateItem) -> ast.AggregateItem:
    """The item of `aggregate()` in an expression, which has no alias."""
    return aggregate(item, None)


def add_source(
    item: ast.AggregateItem, lexeme: Lexeme, paths: list[ast.Expr], method: str | None
) -> ast.AggregateItem:
    """The item with one more `from` clause."""
    source = ast.AggregateFrom(
        tuple([property_path(path) for path in paths]), method, operator_at(lexeme)
    )
    return replace(item, sources=(*item.sources, source))


def _is_path(expr: ast.Expr) -> bool:
    while isinstance(expr, ast.Member):
        if expr.base is None:
            return True
        expr = expr.base
    return False


# Transformations whose output is a subset of their input set, with all its properties.
_PRESERVING = frozenset(
    [
        "bottomcount",
        "bottompercent",
        "bottomsum",
        "filter",
        "identity",
        "orderby",
        "search",
        "skip",
        "top",
        "topcount",
        "toppercent",
        "topsum",
        "ancestors",
        "descendants",
        "traverse",
    ]
)


def transformation(lexeme: Lexeme, args: list[Any]) -> ast.Transformation:
    """One transformation of $apply. Raises UrlSyntax for arguments that the ABNF excludes."""
    text, at = lexeme
    name = text.partition("(")[0]
    if name == "concat" and len(args) < 2:
        raise UrlSyntax("concat must have two or more sequences of transformations", at=at)
    if name in ("ancestors", "descendants", "traverse"):
        for argument in args:
            if isinstance(argument, ast.Sequence):
                _check_preserving(argument)
    return ast.Transformation(name, tuple(args), at)


def _check_preserving(sequence: ast.Sequence) -> None:
    for step in sequence.steps:
        if step.name not in _PRESERVING and "." not in step.name:
            raise UrlSyntax(
                f"'{step.name}' cannot stand here",
                at=step.at,
                hint="use only transformations that keep whole instances, such as filter",
            )


def traversal(lexeme: Lexeme) -> str:
    """The order of a traversal."""
    text, at = lexeme
    if text not in ("preorder", "postorder"):
        raise UrlSyntax(f"expected preorder or postorder, not '{shorten(text)}'", at=at)
    return text
