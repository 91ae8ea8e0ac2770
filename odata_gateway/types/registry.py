"""Every primitive type and every function there is.

The tables hold what the modules of `families` and `canonical_functions` declare, by what callers
look them up with. `registered` adds to them: a type or a function is one object, and what url, edm,
plan, sql, protocol and db know of it they find here when they need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from odata_gateway.types.canonical_functions import CANONICAL_FUNCTIONS
from odata_gateway.types.families import (
    binary,
    boolean,
    date,
    datetime,
    decimal,
    double,
    duration,
    geo,
    guid,
    integer,
    stream,
    string,
    time,
    untyped,
)
from odata_gateway.types.family import Operation, PrimitiveType
from odata_gateway.types.function import FunctionOverload

FAMILIES = (
    boolean,
    string,
    integer,
    decimal,
    double,
    datetime,
    date,
    time,
    duration,
    guid,
    binary,
    stream,
    untyped,
    geo,
)

PRIMITIVE_TYPES: dict[str, PrimitiveType] = {}
"""Types by name."""
LITERAL_TYPES: dict[str, PrimitiveType] = {}
"""The natural types of literals, by kind."""
LITERAL_PREFIXES: dict[str, PrimitiveType] = {}
"""The types of literals with a prefix, by the prefix in lower case."""
LITERAL_TOKENS: dict[str, PrimitiveType] = {}
"""The types of bare literals, by the lexer's token."""
OPERATIONS: dict[tuple[str, str, str], Operation] = {}
"""Arithmetic with other values than numbers, by operator and the names of both families."""
FUNCTIONS: dict[str, tuple[FunctionOverload, ...]] = {}
"""The overloads of each function that URLs can call, by its name in lower case."""
OVERLOADS: dict[str, FunctionOverload] = {}
"""Every overload, by id."""

_TABLES: tuple[dict[Any, Any], ...] = (
    PRIMITIVE_TYPES,
    LITERAL_TYPES,
    LITERAL_PREFIXES,
    LITERAL_TOKENS,
    OPERATIONS,
    FUNCTIONS,
    OVERLOADS,
)


def _add_type(type_: PrimitiveType) -> None:
    PRIMITIVE_TYPES[type_.name] = type_
    form = type_.family.literal
    if type_.literal_kind is not None:
        LITERAL_TYPES[type_.literal_kind] = type_
        if form.prefix:
            LITERAL_PREFIXES[form.prefix.lower()] = type_
        if form.token:
            LITERAL_TOKENS[form.token] = type_
    for operation in type_.family.operations:
        OPERATIONS[operation.op, operation.left, operation.right] = operation


def _add_function(overload: FunctionOverload) -> None:
    OVERLOADS[overload.id] = overload
    if not overload.is_internal:
        FUNCTIONS[overload.name] = (*FUNCTIONS.get(overload.name, ()), overload)


def _add(entries: tuple[PrimitiveType | FunctionOverload, ...]) -> None:
    for entry in entries:
        match entry:
            case PrimitiveType():
                _add_type(entry)
            case FunctionOverload():
                _add_function(entry)


@contextmanager
def registered(*entries: PrimitiveType | FunctionOverload) -> Iterator[None]:
    """Within the block, these types and functions exist as well. A model is read, and requests are
    compiled, with what exists then."""
    before = [dict(table) for table in _TABLES]
    _add(entries)
    try:
        yield
    finally:
        for table, content in zip(_TABLES, before, strict=True):
            table.clear()
            table.update(content)


_add(tuple(type_ for family in FAMILIES for type_ in family.TYPES))
_add(CANONICAL_FUNCTIONS)
