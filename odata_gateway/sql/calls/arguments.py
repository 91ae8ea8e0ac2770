"""Arguments of functions: values, rows, and what is made of several of them."""

from __future__ import annotations

from typing import LiteralString

from odata_gateway.edm.functions import FunctionParameter
from odata_gateway.edm.row_keys import ROW
from odata_gateway.plan.tree.leaves import CallArgument, ListArgument, ObjectArgument
from odata_gateway.plan.tree.relation import BoundExpr, Column, ConstantValue, Source
from odata_gateway.sql.fragment import Sql, alias, build, column_sql, fill, ident, join, quoted, raw
from odata_gateway.sql.renderer import BlockRenderer

# An object of the type {0} that the jsonb {1} says, and an array of such.
_OBJECT: LiteralString = "jsonb_populate_record(NULL::{0}, {1})"
_OBJECTS: LiteralString = (
    "ARRAY(SELECT CASE WHEN e.v <> 'null'::jsonb THEN jsonb_populate_record(NULL::{0}, e.v) END "
    "FROM jsonb_array_elements({1}) AS e (v))"
)


def argument_sql(
    parameter: FunctionParameter, value: CallArgument, source: Source, blocks: BlockRenderer
) -> Sql:
    """An argument, by name or by its place."""
    if isinstance(value, Column):
        return _of_rows(value, source, blocks)
    passed = _passed(parameter, value, blocks)
    return build("{0} => {1}", ident(parameter.column), passed) if parameter.column else passed


# --- what a function is bound to ------------------------------------------------------------------


def _of_rows(column: Column, source: Source, blocks: BlockRenderer) -> Sql:
    """The row that a function is called for, or a column of it; an array of these of all rows of
    the collection that it is called for."""
    assert source.beside is not None and source.call is not None
    row = _of_row(column, source.beside.source)
    if not source.call.function.bound_to_many:
        return row
    return build("ARRAY({0})", blocks.select(row, source.beside))


def _of_row(column: Column, of: Source) -> Sql:
    if column.name == ROW and of.call is None:
        return alias(column.source)
    return column_sql(column)


# --- values ---------------------------------------------------------------------------------------


def _passed(parameter: FunctionParameter, value: CallArgument, blocks: BlockRenderer) -> Sql:
    """A value as the type that the function has."""
    type_name = _type_name(parameter.pg_type)
    if parameter.structure is not None and not isinstance(value, ConstantValue):
        template = _OBJECTS if parameter.collection else _OBJECT
        return fill(template, (type_name, _as_jsonb(value, blocks)))
    array = "[]" if parameter.collection else ""
    if isinstance(value, ListArgument):
        items = join(", ", (_scalar(parameter, each, blocks) for each in value.items))
        passed = build("ARRAY[{0}]", items)
    else:
        passed = _scalar(parameter, value, blocks)
    return build("({0})::{1}{2}", passed, type_name, Sql((array,)))


def _scalar(parameter: FunctionParameter, value: CallArgument, blocks: BlockRenderer) -> Sql:
    assert not isinstance(value, ListArgument | ObjectArgument)
    if isinstance(value, ConstantValue) and value.value is None:
        return raw("NULL")
    passed = blocks.expressions.value(value)
    compared = parameter.type.reading(parameter.pg_type).compared
    if compared is not None and "{1}" not in compared and not parameter.collection:
        passed = fill(compared, (passed,))
    return passed


def _as_jsonb(value: CallArgument, blocks: BlockRenderer) -> Sql:
    """Objects as jsonb, from which Postgres makes a composite by the names of its members."""
    match value:
        case ObjectArgument(members=members):
            pairs = (build("{0}, {1}", quoted(name), _as_jsonb(m, blocks)) for name, m in members)
            return build("jsonb_build_object({0})", join(", ", pairs))
        case ListArgument(items=items):
            return build(
                "jsonb_build_array({0})", join(", ", (_as_jsonb(i, blocks) for i in items))
            )
        case ConstantValue(value=None):
            return raw("NULL::jsonb")
    found: BoundExpr = value
    return build("to_jsonb({0})", blocks.expressions.value(found))


def _type_name(pg_type: str) -> Sql:
    """A type of Postgres's own by its short name, or one by schema and name."""
    schema, dot, name = pg_type.partition(".")
    return build("{0}.{1}", ident(schema), ident(name)) if dot else ident(pg_type)
