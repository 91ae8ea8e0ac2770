"""The rows that a function returns, with what tells them apart."""

from __future__ import annotations

from odata_gateway.edm.row_keys import DIGEST, ROW, TWIN
from odata_gateway.plan.tree.relation import CalledFunction, Source
from odata_gateway.sql.calls.arguments import argument_sql
from odata_gateway.sql.fragment import EMPTY, Sql, build, ident, join, raw
from odata_gateway.sql.renderer import BlockRenderer
from odata_gateway.types.primitive import PrimitiveType


def rows_of_call(call: CalledFunction, source: Source, blocks: BlockRenderer) -> Sql:
    """The SELECT of the rows that a call returns. A single row that has nothing but nulls is
    none."""
    args = (argument_sql(parameter, value, source, blocks) for parameter, value in call.args)
    name = build("{0}.{1}", ident(call.function.schema), ident(call.function.routine))
    columns = EMPTY
    if isinstance(call.function.result.type, PrimitiveType):
        [value] = source.entity_type.properties.values()
        columns = build(" ({0})", ident(value.column))
    is_row = not (call.function.result.collection or columns.parts)
    key = [build("f.{0}", ident(p.column)) for p in source.entity_type.key]
    text = raw('f::text COLLATE "C"')
    twins = build("PARTITION BY {0} ORDER BY {1}", join(", ", key), text)
    return build(
        "SELECT f.*, f AS {0}, md5(f::text) AS {1}, row_number() OVER ({2}) AS {3} "
        "FROM {4}({5}) AS f{6}{7}",
        ident(ROW),
        ident(DIGEST),
        twins if key else build("PARTITION BY {0}", text),
        ident(TWIN),
        name,
        join(", ", args),
        columns,
        raw(" WHERE NOT (f IS NULL)") if is_row else EMPTY,
    )
