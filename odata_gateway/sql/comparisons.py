"""Comparisons as SQL: eq, ne, lt, le, gt, ge and in.

OData's comparisons are true or false, never null (URL Conventions 5.1.1.1): null equals null, `ne`
is true for null against a value, and the others are false where a side is null. NaN equals nothing,
itself included; Postgres has it equal to itself and above all numbers.

`strict` asks for false in place of null. Where the caller takes null for false, a comparison stays
bare, so that an index serves it. For the same reason a column stays bare beside a parameter: the
parameter is converted to the column's type, not the column to the parameter's.

A bare column may hold values that OData has not, such as an infinite time, and that are null. None
of them equals a value of OData, and in an order they stand at its ends. So a comparison that asks
for an order has the end of the column as a second bound, which an index serves as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString, NamedTuple

from odata_gateway.plan.tree.relation import (
    Arithmetic,
    BoundExpr,
    CaseWhen,
    Column,
    Compare,
    ConstantValue,
    Function,
    InArray,
    Negate,
    ObjectValue,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.sql.collation import unified
from odata_gateway.sql.fragment import Sql, build, column_sql, fill, join, param, raw
from odata_gateway.sql.functions import index_template, promoted
from odata_gateway.sql.pg_types import (
    compared_column,
    compared_value,
    is_null_sql,
    is_own,
    is_value_sql,
    operator,
    own_schema,
    stored,
)
from odata_gateway.sql.renderer import ExpressionRenderer
from odata_gateway.sql.row_keys.key_conditions import is_found, is_one_of
from odata_gateway.types.family import NULL_MODES, OWN_MODES, ReadAsNull
from odata_gateway.types.primitive import SINGLE, promote

SYMBOLS: dict[str, str] = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


class Sides(NamedTuple):
    """Both sides of a comparison.

    own  the column whose own type both are of; None: they are of the type of their edm type
    """

    left: Sql
    right: Sql
    own: Column | None = None

    def operator(self, symbol: str) -> Sql:
        return Sql((symbol,)) if self.own is None else operator(symbol, self.own)

    def compared(self, symbol: str) -> Sql:
        return build("({0} {1} {2})", self.left, self.operator(symbol), self.right)

    @property
    def is_named(self) -> bool:
        """Whether the operators must be named with their schema."""
        return self.own is not None and own_schema(self.own) != ""

    def mirrored(self) -> Sides:
        return Sides(self.right, self.left, self.own)


def comparison_sql(expr: Compare, renderer: ExpressionRenderer, *, strict: bool) -> Sql:
    """A comparison of two values."""
    if is_null(expr.left) or is_null(expr.right):
        return _compared_with_null(expr, renderer)
    nullable = expr.left.nullable or expr.right.nullable
    can_be_null = nullable or may_miss(expr.left) or may_miss(expr.right)
    both = expr.op in ("eq", "ne") and expr.left.nullable and expr.right.nullable
    sides = _operands(expr.left, expr.right, renderer, both_nullable=both)
    if expr.op == "ne" and can_be_null:
        return _not_equal(expr, sides, renderer)
    if expr.op == "eq" and both:
        return _unless_nan(expr, "false", _same(sides), renderer)
    bare = sides.compared(SYMBOLS[expr.op])
    for bound in (*_ends(expr), *_found_by(expr, renderer), *_reached(expr, renderer)):
        bare = build("({0} AND {1})", bare, bound)
    return build("({0} IS TRUE)", bare) if strict and can_be_null else bare


def compared_side(expr: Compare, side: BoundExpr, renderer: ExpressionRenderer) -> Sql:
    """A side of a comparison as it is compared."""
    both = expr.left.nullable and expr.right.nullable
    sides = _operands(expr.left, expr.right, renderer, both_nullable=both)
    return sides.left if side is expr.left else sides.right


def in_array_sql(expr: InArray, renderer: ExpressionRenderer, *, strict: bool) -> Sql:
    """Whether a value is in a list, which is one array parameter."""
    sides = _operands(expr.operand, expr.values, renderer, both_nullable=False)
    bare = build("({0} {1} ANY({2}))", sides.left, sides.operator("="), sides.right)
    if isinstance(expr.operand, Column) and (found := is_one_of(expr.operand, sides.right)):
        bare = build("({0} AND {1})", bare, found)
    return build("({0} IS TRUE)", bare) if strict else bare


def _not_equal(expr: Compare, sides: Sides, renderer: ExpressionRenderer) -> Sql:
    """`ne` where a side can be null: true for null against a value (5.1.1.1.2)."""
    if expr.left.nullable and expr.right.nullable:
        return _unless_nan(expr, "true", _differs(sides), renderer)
    return build("({0} IS NOT TRUE)", sides.compared("="))


def _same(sides: Sides) -> Sql:
    """Whether both sides are equal or both null."""
    if not sides.is_named:
        return build("({0} IS NOT DISTINCT FROM {1})", sides.left, sides.right)
    equal = sides.compared("=")
    return build("({0} IS TRUE OR ({1} IS NULL AND {2} IS NULL))", equal, sides.left, sides.right)


def _differs(sides: Sides) -> Sql:
    """Whether the sides are not equal, and not both null."""
    if not sides.is_named:
        return build("({0} IS DISTINCT FROM {1})", sides.left, sides.right)
    return build("(NOT {0})", _same(sides))


def _unless_nan(
    expr: Compare, with_nan: LiteralString, otherwise: Sql, renderer: ExpressionRenderer
) -> Sql:
    """`otherwise`, or `with_nan` for rows where a side is NaN: as an operand it was made NULL, so
    that IS DISTINCT FROM would take it for null."""
    sides = [
        build("{0} = 'NaN'", renderer.value(side))
        for side in (expr.left, expr.right)
        if may_be_nan(side)
    ]
    if not sides:
        return otherwise
    found = join(" OR ", sides)
    return fill("(CASE WHEN {0} THEN " + with_nan + " ELSE {1} END)", (found, otherwise))


def _compared_with_null(expr: Compare, renderer: ExpressionRenderer) -> Sql:
    """A comparison with the null literal: eq and ne ask for null, the others are false. Constants
    have a type, because ORDER BY refuses untyped ones."""
    other = expr.right if is_null(expr.left) else expr.left
    if expr.op not in ("eq", "ne"):
        return raw("false::bool")
    if is_null(other):
        return raw("true::bool") if expr.op == "eq" else raw("false::bool")
    if isinstance(other, ObjectValue):
        is_absent = fill(other.is_null, (column_sql(other.whole),))
        return is_absent if expr.op == "eq" else build("(NOT {0})", is_absent)
    if isinstance(other, Column):
        found = is_null_sql(other) if expr.op == "eq" else is_value_sql(other)
        return build("({0})", found)
    template: LiteralString = "({0} IS NULL)" if expr.op == "eq" else "({0} IS NOT NULL)"
    return build(template, renderer.value(other))


# --- operands -------------------------------------------------------------------------------------


def _operands(
    left: BoundExpr, right: BoundExpr, renderer: ExpressionRenderer, *, both_nullable: bool
) -> Sides:
    """Both sides, as types that Postgres compares as OData does."""
    sides = _sides(left, right, renderer, both_nullable=both_nullable)
    if left.type is None or right.type is None or not left.type.is_numeric:
        return sides
    own, other = _promoted(sides.left, left, right), _promoted(sides.right, right, left)
    return Sides(own, other, sides.own)


def _promoted(value: Sql, expr: BoundExpr, other: BoundExpr) -> Sql:
    """A number as Edm.Single or Edm.Double if the other side is one and Postgres would compare them
    as other types, or fail for a numeric that is too large (5.1.1.18)."""
    if expr.type is None or other.type is None or not other.type.family.has_nan:
        return value
    common = promote(expr.type, other.type)
    if common is expr.type or not (common is SINGLE or expr.type.pg_type == "numeric"):
        return value
    return promoted(value, expr, common)


def _sides(
    left: BoundExpr, right: BoundExpr, renderer: ExpressionRenderer, *, both_nullable: bool
) -> Sides:
    """Both sides, with columns left bare where an index can serve; not where null equals null."""
    if isinstance(left, Column) and isinstance(right, Parameter):
        return _column_and_parameter(left, right, renderer)
    if isinstance(right, Column) and isinstance(left, Parameter):
        return _column_and_parameter(right, left, renderer).mirrored()
    if isinstance(left, Column) and isinstance(right, Column) and _are_alike(left, right):
        return Sides(*_unified(left, right, compared_column(left), compared_column(right)), left)
    if both_nullable:
        sides = _nan_as_null(left, renderer), _nan_as_null(right, renderer)
    else:
        sides = _bare_or_value(left, right, renderer), _bare_or_value(right, left, renderer)
    return Sides(*_unified(left, right, *sides))


def _unified(left: BoundExpr, right: BoundExpr, *values: Sql) -> tuple[Sql, Sql]:
    """Both sides by one collation, if they are texts of two."""
    first, second = unified((left, right), values)
    return first, second


def _are_alike(left: Column, right: Column) -> bool:
    """Whether two columns are compared as the type that both have."""
    same_type = left.pg_type == right.pg_type and left.catalog.name == right.catalog.name
    return same_type and is_own(left) and is_own(right)


def _column_and_parameter(column: Column, value: Parameter, renderer: ExpressionRenderer) -> Sides:
    reading, slot = column.type.reading(column.pg_type), value.slot
    mode, many = (slot.mode, slot.many) if isinstance(slot, LiteralSlot) else (None, False)
    if reading.equal_type and mode == reading.equal_mode:
        array: LiteralString = "[]" if many else ""
        return Sides(column_sql(column), param(slot, reading.equal_type + array))
    if value.nullable or (reading.nulls and _may_equal_nulls(value)):
        return Sides(renderer.value(column), renderer.value(value))
    found = compared_value(renderer.value(value), column, many=many)
    if found is not None and (mode in OWN_MODES or reading.equal_mode is None):
        return Sides(compared_column(column), found, column)
    return Sides(stored(column), renderer.value(value))


def _bare_or_value(expr: BoundExpr, other: BoundExpr, renderer: ExpressionRenderer) -> Sql:
    """A side of a comparison: a bare column, unless it may be NaN."""
    if isinstance(expr, Column) and _nulls_beside(expr, other):
        return stored(expr)
    return _nan_as_null(expr, renderer)


def _nulls_beside(expr: BoundExpr, other: BoundExpr) -> ReadAsNull | None:
    """The values that a side may hold as a bare column and that are null; None where it holds none,
    or is not bare beside the other."""
    if not isinstance(expr, Column) or not expr.nullable or _may_equal_nulls(other):
        return None
    return expr.type.reading(expr.pg_type).nulls


def _may_equal_nulls(other: BoundExpr) -> bool:
    """Whether a value may equal one of the others that are null: a double may be infinite, where it
    meets a decimal."""
    return other.type is not None and other.type.family.has_nan


def _nan_as_null(expr: BoundExpr, renderer: ExpressionRenderer) -> Sql:
    """A side of a comparison, with NULL in place of a NaN."""
    value = renderer.value(expr)
    return build("nullif({0}, 'NaN')", value) if may_be_nan(expr) else value


def _ends(expr: Compare) -> Iterator[Sql]:
    """Of a comparison that asks for an order: the bounds that keep out values which are null,
    though a bare column has them below or above all others."""
    if expr.op in ("eq", "ne"):
        return
    lesser, greater = expr.left, expr.right
    if expr.op in ("gt", "ge"):
        lesser, greater = greater, lesser
    if (double := _bare_double(greater, lesser)) is not None:
        yield build("{0} <> 'NaN'", column_sql(double))
    for side, other, is_less in ((lesser, greater, True), (greater, lesser, False)):
        nulls = _nulls_beside(side, other)
        bound: LiteralString = "" if nulls is None else nulls.below if is_less else nulls.above
        if bound and isinstance(side, Column):
            yield fill(bound, (column_sql(side),))


def _found_by(expr: Compare, renderer: ExpressionRenderer) -> Iterator[Sql]:
    """Of a key that the service makes beside a value: by what Postgres finds the row."""
    for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
        if expr.op == "eq" and isinstance(side, Column) and isinstance(other, Parameter):
            found = is_found(side, "=", renderer.value(other))
            if found is not None:
                yield found


def _reached(expr: Compare, renderer: ExpressionRenderer) -> Iterator[Sql]:
    """Of a function that must be at most a parameter: what an index on its argument finds."""
    if expr.op in ("eq", "ne"):
        return
    lesser, greater = (expr.left, expr.right)
    if expr.op in ("gt", "ge"):
        lesser, greater = greater, lesser
    if isinstance(lesser, Function) and isinstance(greater, Parameter):
        found = index_condition(lesser, renderer, renderer.value(greater))
        if found is not None:
            yield found


def index_condition(
    call: Function, renderer: ExpressionRenderer, limit: Sql | None = None
) -> Sql | None:
    """A condition that holds wherever a function is true, or at most `limit`, and that an index on
    a column serves; None: there is none, or no column beside a parameter.

    renderer  renders the parameter
    """
    template = index_template(call.id)
    if template is None or ("{2}" in template) is (limit is None):
        return None
    match call.args:
        case (Column() as column, Parameter() as value) | (
            Parameter() as value,
            Column() as column,
        ):
            given = column_sql(column), renderer.value(value)
            return fill(template, given if limit is None else (*given, limit))
    return None


def _bare_double(greater: BoundExpr, lesser: BoundExpr) -> Column | None:
    """A column of doubles beside a parameter that must be the lesser side, or None: Postgres has a
    NaN in it above all numbers, and the column stays bare."""
    is_bare = isinstance(lesser, Parameter) and may_be_nan(greater)
    return greater if isinstance(greater, Column) and is_bare else None


# --- what an operand can be -----------------------------------------------------------------------


def is_null(expr: BoundExpr) -> bool:
    """Whether an expression is the null literal."""
    return isinstance(expr, ConstantValue) and expr.value is None


def may_miss(expr: BoundExpr) -> bool:
    """Whether a side can be NULL in SQL although it is not null in OData, so that it equals
    nothing: a text that is not a uuid beside a uuid column, a cast that fails, NaN, a time finer
    than any that is kept."""
    if may_be_nan(expr):
        return True
    slot = expr.slot if isinstance(expr, Parameter) else None
    if not isinstance(slot, LiteralSlot):
        return False
    family = slot.type.family
    return (
        slot.mode in NULL_MODES
        or (family.has_nan and slot.mode != "value")
        or (family.has_finer_literals and slot.mode == "exact")
    )


def may_be_nan(expr: BoundExpr) -> bool:
    """Whether a value can be NaN: a double that is stored, computed, or a literal of its own
    type."""
    match expr:
        case Column() | Arithmetic() | Function() | Negate() | CaseWhen():
            return expr.type.family.has_nan
        case Parameter(slot=LiteralSlot(mode="value"), type=type_):
            return type_.family.has_nan
    return False
