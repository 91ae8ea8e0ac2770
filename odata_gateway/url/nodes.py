"""What the grammar's rules make: nodes that need more than their parts put together, and the checks
one token of lookahead cannot do.

Every error here has an offset, and no target: `parse` knows the option and adds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from odata_gateway.errors import ODataError, UrlOption, UrlSyntax, nearest
from odata_gateway.types.faults import shorten
from odata_gateway.url import ast, options
from odata_gateway.url.literals import json_string

Lexeme = tuple[str, int]  # text, offset
Pair = tuple[str, object, int]  # canonical option or alias, its value, offset
Chain = list[tuple[ast.Expr, int]]  # operands, each with the offset of the operator before it

CONSTANTS = {"null": None, "true": True, "false": False}
MAX_NAME = 128


def identifier(lexeme: Lexeme) -> str:
    """A name without dots of at most 128 characters."""
    text, at = lexeme
    if "." in text:
        raise UrlSyntax(
            f"'{shorten(text)}' is not a simple name", at=at, hint="a name given here has no dots"
        )
    if len(text) > MAX_NAME:
        raise UrlSyntax(
            f"a name of {len(text)} characters", at=at, hint=f"names have at most {MAX_NAME}"
        )
    return text


def check_name(text: str, at: int, target: str | None = None) -> None:
    """No part of a name has more than 128 characters."""
    if any(len(part) > MAX_NAME for part in text.rstrip("( =").split(".")):
        raise UrlSyntax("a name of more than 128 characters", target=target, at=at)


def call_name(lexeme: Lexeme) -> str:
    """The name in a token such as `contains( `."""
    return lexeme[0].rstrip()[:-1]


def check_key(opening: Lexeme, arguments: list[ast.Expr], closing: Lexeme) -> None:
    """A key is one value, or values with names; no blanks around the one (ABNF simpleKey), function
    parameters may have them."""
    if len(arguments) > 1 and not all(
        isinstance(argument, ast.NamedArgument) for argument in arguments
    ):
        raise UrlSyntax(
            "values of a key without their names",
            at=opening[1],
            hint="write it like Item(a=1,b='x')",
        )
    blank = opening[0][-1] != "(" or closing[0][0] != ")"
    if blank and arguments and not isinstance(arguments[0], ast.NamedArgument):
        raise UrlSyntax("a blank beside a key", at=opening[1])


def operator_at(lexeme: Lexeme) -> int:
    """Where an operator's word begins, after its blanks."""
    text, at = lexeme
    return at + len(text) - len(text.lstrip())


# --- expressions ----------------------------------------------------------------------------------


def chain(operator: str, items: Chain) -> ast.Expr:
    """`a or b or c ...` as a balanced tree: a thousand terms are ten levels deep, in the same
    order."""
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
            f"'{text.strip()}' has no expression", at=at, hint="write it like any(m:m/status eq 1)"
        )
    if text[:3].lower() == "any":
        return ast.Lambda(base, "any", variable, body, at)
    if body is None:
        raise UrlSyntax(
            "'all' needs an expression", at=at, hint="write it like all(m:m/status eq 1)"
        )
    return ast.Lambda(base, "all", variable, body, at)


def bound_call(base: ast.Expr, lexeme: Lexeme, arguments: list[ast.Expr]) -> ast.Call:
    """`base/name(arguments)`; `any(x)` would be a lambda without its variable."""
    name = call_name(lexeme)
    if name.lower() in ("any", "all"):
        raise UrlSyntax(
            f"'{name}' needs a variable and a colon",
            at=lexeme[1],
            hint=f"write it like {name}(m:m/status eq 1)",
        )
    return ast.Call(base, name, tuple(arguments), lexeme[1])


def member_name(lexeme: Lexeme) -> str:
    """The name of a JSON member from the token `"name" : `."""
    _, value = json_string(lexeme[0].rstrip()[:-1].rstrip())
    return str(value)


def search(op: str, operands: list[ast.Search]) -> ast.Search:
    """One operand as it is, several under one operator."""
    if len(operands) == 1:
        return operands[0]
    return ast.SearchOp("or" if op == "or" else "and", tuple(operands), operands[0].at)


# --- options --------------------------------------------------------------------------------------


def option(lexeme: Lexeme, value: Any) -> Pair:
    """An option in parentheses."""
    text, at = lexeme
    name = text[:-1]
    if name[0] == "@":
        return name, value, at
    return options.canonical(name) or name, value, at


def levels(text: str, at: int) -> Pair:
    """`$levels=3` or `$levels=max`."""
    _, _, value = text.partition("=")
    if value.lower() == "max":
        return "$levels", "max", at
    if re.fullmatch(r"[1-9][0-9]{0,8}", value):
        return "$levels", int(value), at
    raise UrlSyntax(
        f"'{shorten(value)}' is no number of levels", at=at, hint="write a number from 1, or max"
    )


_PLAIN = frozenset(
    {
        "$filter",
        "$search",
        "$levels",
        "$format",
        "$schemaversion",
        "$id",
        "$skiptoken",
        "$deltatoken",
    }
)


def options_of(pairs: Iterable[Pair], allowed: frozenset[str], place: str) -> ast.Options:
    """The Options of what stands before the parentheses; only those the place allows, each once."""
    found: dict[str, Any] = {}
    aliases: list[tuple[str, ast.Expr]] = []
    order: list[str] = []
    for name, value, at in pairs:
        if name in order:
            raise UrlOption(f"'{name}' is given twice", at=at)
        order.append(name)
        if name[0] == "@":
            aliases.append((name, cast(ast.Expr, value)))
        elif name not in allowed:
            raise UrlOption(
                f"'{name}' cannot be an option of {place}",
                at=at,
                hint="allowed are " + ", ".join(sorted(allowed)),
            )
        else:
            found[name[1:]] = _value(name, value)
    return ast.Options(**found, aliases=tuple(aliases), order=tuple(order))


def _value(name: str, value: Any) -> object:
    """A list as a tuple, a number as a Literal, a boolean as itself."""
    if name == "$count":
        return CONSTANTS[value[0].lower()]
    if name in options.NUMBERS:
        (kind, slot, many), at = value
        return ast.Literal(kind, slot, many, at)
    return value if name in _PLAIN else tuple(value)


# --- $apply ---------------------------------------------------------------------------------------

_METHODS = ("sum", "min", "max", "average", "countdistinct")


def method(lexeme: Lexeme) -> str:
    """An aggregation method; those of one's own have a dot."""
    text, at = lexeme
    if text not in _METHODS and "." not in text:
        raise UrlSyntax(
            f"'{shorten(text)}' is no aggregation method",
            at=at,
            hint=nearest(text, _METHODS) or "known are " + ", ".join(_METHODS),
        )
    return text


def property_path(path: ast.Expr) -> ast.Expr:
    """A path of names alone: no calls, variables or annotations."""
    step: ast.Expr | None = path
    while step is not None:
        if not isinstance(step, ast.Member) or step.name[0] == "@":
            raise UrlSyntax("expected a path of property names", at=step.at)
        step = step.base
    return path


def rollup_paths(paths: list[ast.Expr]) -> tuple[ast.Expr, ...]:
    """Two paths or more, or the simple name of a levelled hierarchy."""
    first = property_path(paths[0])
    if len(paths) == 1 and isinstance(first, ast.Member) and first.base is not None:
        raise UrlSyntax("rollup needs two paths or more, or the name of a hierarchy", at=first.at)
    return (first, *[property_path(path) for path in paths[1:]])


def custom_aggregate(expr: ast.Expr) -> ast.AggregateItem:
    """An item without alias is a custom aggregate, which is a name."""
    if not _is_path(expr):
        raise UrlSyntax(
            "an aggregate expression needs a method and an alias",
            at=expr.at,
            hint="write it like id with max as newest",
        )
    return ast.AggregateItem(expr, at=expr.at)


def aggregate(item: ast.AggregateItem, alias: str | None) -> ast.AggregateItem:
    """The item with its alias, once its method and its `from` clauses fit together."""
    counts = item.expr is None or isinstance(item.expr, ast.Count)
    if item.method is None and not counts and item.expr is not None and not _is_path(item.expr):
        raise UrlSyntax(
            "an aggregate expression needs a method",
            at=item.at,
            hint="write it like id with max as newest",
        )
    if item.method is not None or counts:
        for source in item.sources:
            if source.method is None:
                raise UrlSyntax(
                    "'from' needs a method",
                    at=source.at,
                    hint="write it like from day with average",
                )
    return replace(item, alias=alias)


def aggregate_function(item: ast.AggregateItem) -> ast.AggregateItem:
    """The item of aggregate() inside an expression, which has no alias."""
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
    """One step of $apply, its arguments checked as far as the ABNF does."""
    text, at = lexeme
    name = text.partition("(")[0]
    if name == "concat" and len(args) < 2:
        raise UrlSyntax("concat needs two sequences of transformations or more", at=at)
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
                hint="only transformations that keep whole instances can",
            )


def traversal(lexeme: Lexeme) -> str:
    """preorder or postorder."""
    text, at = lexeme
    if text not in ("preorder", "postorder"):
        raise UrlSyntax(f"expected preorder or postorder, not '{shorten(text)}'", at=at)
    return text


# --- syntax errors --------------------------------------------------------------------------------

# What the grammar would take, in words: the first row whose token is expected. Closings are added,
# operators are enough by themselves.
_EXPECTED = (
    ("EQUALITY", "an operator such as eq or and"),
    ("LITERAL", "a property, a value or a function"),
    ("NAME", "a name"),
    ("OPT_FILTER", "an option such as $filter="),
    ("LEVELS", "$levels="),
    ("WORD", "a word or a phrase"),
    ("T_FILTER", "a transformation"),
    ("AS", "'as' and a name"),
    ("COLON", "':'"),
    ("SLASH", "'/'"),
    ("COMMA", "','"),
    ("SEMI", "';'"),
)
_CLOSINGS = (("CLOSE", "')'"), ("RBRACKET", "']'"), ("RBRACE", "'}'"), ("$end", "the end"))
_HINTS = {
    "'": "is a quote missing? A quote inside a string is doubled: 'O''Neil'",
    '"': "is a double quote missing? Strings stand in single quotes, phrases of $search in double ones",
    "=": "equality is written eq",
    "<": "comparison is written lt or le",
    ">": "comparison is written gt or ge",
    "!": "inequality is written ne, negation not",
    "+": "addition is written add",
    "*": "multiplication is written mul",
    "&": "conjunction is written and",
    "|": "disjunction is written or",
    ".": "a number begins with a digit, a name with a letter",
    "@": "an alias is '@' and a name",
}
_AFTER_VALUES = (
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "and",
    "or",
    "in",
    "has",
    "add",
    "sub",
    "mul",
    "div",
    "divby",
    "mod",
    "asc",
    "desc",
    "as",
)


def unexpected(token: Any, following: Any, expected: frozenset[str]) -> ODataError:
    """The error for a token the grammar does not take, or for the end of the text (None);
    `following` is the token after it."""
    words = _in_words(expected)
    if token is None:
        return UrlSyntax(f"the text ends where {words} should follow")
    if token.type == "SPACE":
        return _after_blank(token, following, words)
    text, at = token.value
    shown = "this value" if isinstance(text, tuple) else f"'{shorten(text.strip() or text)}'"
    if token.type in ("PARAM", "DOLLAR_NAME") and text.endswith("="):
        return _unknown_option(text[:-1], at)
    if token.type == "BADNUMBER":
        return UrlSyntax(
            f"{shown} is neither a number nor a name",
            at=at,
            hint="numbers are written like 42, 0.5 or 1e3; names begin with a letter",
        )
    return UrlSyntax(f"{shown} stands where {words} should follow", at=at, hint=_hint(token))


def _after_blank(token: Any, following: Any, words: str) -> UrlSyntax:
    """A blank that is no part of an operator: it is either too much, or what comes after it is no
    operator."""
    at = token.value[1]
    if following is None:
        return UrlSyntax("a blank at the end", at=at)
    text = following.value[0]
    if isinstance(text, str) and text.lower() in _AFTER_VALUES:
        return UrlSyntax(f"'{text}' needs blanks and a value after it", at=following.value[1])
    if at == 0:
        return UrlSyntax(
            "a blank at the beginning",
            at=at,
            hint="there are no blanks around the '=' of an option",
        )
    shown = "a value" if isinstance(text, tuple) else f"'{shorten(text.strip() or text)}'"
    return UrlSyntax(
        f"{shown} stands where {words} should follow", at=following.value[1], hint=_hint(following)
    )


def _hint(token: Any) -> str | None:
    text = token.value[0]
    if not isinstance(text, str):
        return "strings stand in single quotes" if token.type == "JSTRING" else None
    return (
        nearest(text.lower(), _AFTER_VALUES)
        if token.type == "NAME"
        else _HINTS.get(text.strip()[:1])
    )


def _in_words(expected: frozenset[str]) -> str:
    main = [words for token, words in _EXPECTED if token in expected][:1]
    return (
        " or ".join(main + [words for token, words in _CLOSINGS if token in expected][:2])
        or "something else"
    )


def _unknown_option(name: str, at: int) -> UrlOption:
    known = options.EXPAND[None]
    return UrlOption(
        f"'{shorten(name)}' is no option here",
        at=at,
        hint=nearest("$" + name.lower().lstrip("$"), known),
    )
