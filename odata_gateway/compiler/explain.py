"""What becomes of a request, as text that a person can read: every value from the URL to the
arguments of its statements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any

from odata_gateway.compiler.compiled_query import ArgumentValues, CompiledQuery
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.shown_values import literal_value, text_constant, value_lines, wrapped
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.edm.model import EntitySet, EntityType, NavigationProperty, Property
from odata_gateway.identity.caller import Caller
from odata_gateway.sql.row_encoding import RowEncoding
from odata_gateway.sql.statement import StatementVariant, statement_kinds
from odata_gateway.types.primitive import PrimitiveType
from odata_gateway.url.literals import LiteralValue
from odata_gateway.url.parse import parse

ROOT = "https://host/v1.0/odata/"
LIMIT, PAGE_ROWS = 1000, 10_000
"""Rows of a chunk, unless $top is less, and of an expanded page, as the arguments show them."""
_COLUMNS = 110
"""Without the indentation: a node that fits is shown on one line, and a longer line of SQL ends at
the next operator."""
_STEP = "  "


@dataclass(frozen=True, slots=True)
class Explanation:
    """Titles and texts of all steps in order, and the statement that reads the rows."""

    steps: tuple[tuple[str, str], ...]
    rows: BoundStatement


def explain(
    compiler: Compiler,
    target: str,
    caller: Caller,
    *,
    encoding: RowEncoding,
    sharded: bool = False,
) -> Explanation:
    """What becomes of a request for data, as far as that is known without a database.

    raises  as `Compiler.compile`, and where an argument cannot be made
    """
    return explain_query(compiler.compile(target), caller, encoding=encoding, sharded=sharded)


def explain_query(
    compiled: CompiledQuery,
    caller: Caller,
    *,
    encoding: RowEncoding,
    sharded: bool = False,
    zone: str | None = None,
    repeated: str | None = None,
) -> Explanation:
    """What becomes of a compiled query; an error is raised where an argument cannot be made.

    zone      the time zone of times; None: UTC
    repeated  the options that links inside rows repeat
    """
    url, query = compiled.url, compiled.query
    variant = StatementVariant(
        encoding,
        many_accounts=not caller.has_one_account,
        shard_accounts=len(caller.accounts) if sharded else 0,
        zoned=zone is not None,
    )
    limit = min(LIMIT, url.number(query.top) or LIMIT)
    values = ArgumentValues(url.values, caller, limit, PAGE_ROWS, ROOT, repeated, zone=zone)
    rows = compiled.chunk(variant, values).bind(values)
    steps = [
        ("target", tree_text(url.target)),
        ("template", template_text(url.template.key)),
        ("values", "\n".join(_literal_line(i, v) for i, v in enumerate(url.values))),
        ("request", tree_text(parse(url.template))),
        ("query", tree_text(query)),
    ]
    for kind in statement_kinds(query, variant):
        bound = rows if kind == "rows" else compiled.statement(kind, variant).bind(values)
        arguments = [value_lines(f"${n}:", a) for n, a in enumerate(bound.arguments, 1)]
        steps.append((f"sql ({kind})", sql_text(bound.text)))
        steps.append((f"arguments ({kind})", "\n".join(arguments)))
    return Explanation(tuple(steps), rows)


def _literal_line(slot: int, value: LiteralValue) -> str:
    shown = literal_value(value.kind, value.value)
    return value_lines(f"{slot}: {value.kind}", shown, f", in {value.target} at {value.at}")


def template_text(key: str) -> str:
    """A template's key with its literals as `{int32}`, and each option on a line of its own."""
    shown = re.sub(r"\0([A-Za-z0-9_.*]+)\0", r"{\1}", key.replace("\0&", "\n&"))
    return shown.replace("\0", "").removeprefix("/")


# --- trees ----------------------------------------------------------------------------------------


def tree_text(value: object) -> str:
    """A frozen value with what it holds, one member a line where they do not fit on one.

    Elements of the model show by their names, and members that have their default are left out.
    """
    return "\n".join(_lines(value, "", ""))


def _lines(value: object, label: str, indent: str) -> Iterator[str]:
    flat, members = f"{label}{_flat(value)}", _members(value)
    if len(flat) <= _COLUMNS:
        yield indent + flat
        return
    if not members:
        yield from _long(flat, indent)
        return
    name = type(value).__name__ if _has_names(value) else ""
    yield f"{indent}{label}{name}".rstrip()
    for member, item in members:
        yield from _lines(item, f"{member}: " if member else "- ", indent + _STEP)


def _long(flat: str, indent: str) -> Iterator[str]:
    """A text that does not fit on a line."""
    for number, line in enumerate(wrapped(flat, indent)):
        yield line if not number else _STEP + line


def _flat(value: object) -> str:
    match value:
        case EntitySet() | EntityType() | Property() | NavigationProperty() | PrimitiveType():
            return value.name
        case str():
            return (
                value
                if value.isprintable() and value.strip() == value != ""
                else text_constant(value)
            )
    members = _members(value)
    texts = [f"{name}: {_flat(item)}" if name else _flat(item) for name, item in members]
    if _has_names(value):
        return f"{type(value).__name__}({', '.join(texts)})"
    return f"[{', '.join(texts)}]" if isinstance(value, tuple | list) else repr(value)


def _has_names(value: object) -> bool:
    return is_dataclass(value) or hasattr(value, "_fields")


def _members(value: object) -> list[tuple[str, object]]:
    """The members of a value with their names; none of a value that is shown as a whole."""
    match value:
        case EntitySet() | EntityType() | Property() | NavigationProperty() | PrimitiveType():
            return []
        case Mapping():
            return [(str(name), item) for name, item in value.items()]
    if is_dataclass(value):
        shown = [(f, getattr(value, f.name)) for f in fields(value)]
        return [(f.name, item) for f, item in shown if not _is_default(f, item)]
    if isinstance(value, tuple | list):
        names = getattr(value, "_fields", None)
        return (
            [("", item) for item in value] if names is None else [*zip(names, value, strict=True)]
        )
    return []


def _is_default(field: Field[Any], value: object) -> bool:
    return field.default is not MISSING and field.default == value


# --- SQL ------------------------------------------------------------------------------------------

_PIECE = re.compile(
    r"(?P<constant>E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\"[^\"]*\")"
    r"|(?P<clause> (?=FROM |WHERE |LEFT JOIN |ORDER BY |AND EXISTS |AND NOT EXISTS ))"
    r"|(?P<operator> (?=\|\| |AND |OR |WHEN |ELSE |CASE ))"
    r"|(?P<bracket>[()])",
    re.DOTALL,
)


def sql_text(text: str) -> str:
    """SQL with a line for each clause, indented by its parentheses; a line that is too long ends
    before an operator.

    Only blanks outside of constants become line breaks, so that the text still is the statement.
    """
    lines, depth, at = [""], 0, 0
    for match in _PIECE.finditer(text):
        lines[-1] += text[at : match.start()]
        at = match.end()
        is_clause = match["clause"] and not text.endswith("DISTINCT", 0, match.start())
        if is_clause or (match["operator"] and len(lines[-1].lstrip()) > _COLUMNS):
            lines.append(_STEP * depth)
            continue
        lines[-1] += match[0]
        depth += (match[0] == "(") - (match[0] == ")")
    return "\n".join([*lines[:-1], lines[-1] + text[at:]])
