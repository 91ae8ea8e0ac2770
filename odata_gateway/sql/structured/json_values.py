"""Values as JSON text: primitive ones, and those that are made of them (JSON Format 4.01, section
7)."""

from __future__ import annotations

from odata_gateway.plan.tree.relation import BoundExpr, Column, ItemsValue, ObjectValue
from odata_gateway.sql.fragment import Sql, build, column_sql, fill, join, quoted
from odata_gateway.sql.pg_types import checked, has_zone, json_column_text, json_text, text_in_zone
from odata_gateway.sql.renderer import BlockRenderer, ExpressionRenderer
from odata_gateway.types.primitive import STRING, PrimitiveType


def value_json(
    value: BoundExpr, type_: PrimitiveType, expressions: ExpressionRenderer, *, as_string: bool
) -> Sql:
    """The JSON text of a value, `null` included; never NULL.

    as_string  Int64 and Decimal are strings
    """
    match value:
        case ObjectValue() | ItemsValue():
            return expressions.structured(value, as_string=as_string)
        case _ if expressions.zoned and has_zone(type_):
            shown = of_model_type(value) if isinstance(value, Column) else expressions.value(value)
            return build("coalesce('\"' || {0} || '\"', 'null')", text_in_zone(shown))
        case Column():
            own = json_column_text(column_sql(value), value.pg_type, type_)
            if own is not None:
                return own
            shown = of_model_type(value)
        case _:
            shown = expressions.value(value)
    return json_text(shown, type_, nullable=value.nullable, as_string=as_string)


def of_model_type(column: Column) -> Sql:
    """A column as the type that the model says, even if the table has changed since."""
    return checked(column_sql(column), column.pg_type, column.type)


def structured_json(
    value: ObjectValue | ItemsValue, blocks: BlockRenderer, *, as_string: bool
) -> Sql:
    """The JSON text of an object or a collection, never NULL: `null` only for an object."""

    def part(expr: BoundExpr) -> Sql:
        type_ = expr.type or STRING
        return value_json(expr, type_, blocks.expressions, as_string=as_string)

    if isinstance(value, ItemsValue):
        blocks.enter(value.block)
        rows = blocks.select(part(value.item), value.block)
        return build("('[' || array_to_string(ARRAY({0}), ',') || ']')", rows)
    texts = [
        build("{0} || {1}", quoted(("," if i else "") + f'"{name}":'), part(member))
        for i, (name, member) in enumerate(value.members)
    ]
    whole = build("'{{' || {0} || '}}'", join(" || ", texts)) if texts else quoted("{}")
    is_null = fill(value.is_null, (column_sql(value.whole),))
    return build("(CASE WHEN {0} THEN 'null' ELSE {1} END)", is_null, whole)
