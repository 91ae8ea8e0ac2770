"""Typed expressions as SQL. Null logic lives here and only here.

OData's comparisons have two values and its and, or, not three (URL Conventions 5.1.1.1). At the top
of a WHERE, and below and/or there, null and false mean the same, so a comparison stays bare and
indexes serve it. Elsewhere (`strict`) a comparison over something nullable becomes `(...) IS TRUE`.

Postgres chooses when it computes what, and may do so for a row before it has looked at the row
policy: an operation that fails on a value would then tell of rows that nobody may see. Whatever can
fail is therefore computed behind the policies of the rows it reads, in a CASE, whose order Postgres
keeps (its documentation, 4.2.14).

Many operations name an operand several times, so that SQL can grow by a power with each level of
them: what it may have in all is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString, Protocol, assert_never

from odata_gateway.errors import LimitNodes
from odata_gateway.plan.tree.relation import (
    Arithmetic,
    Block,
    BoundExpr,
    CaseWhen,
    CollectionCall,
    Column,
    Compare,
    ConstantValue,
    CountOf,
    Derived,
    Exists,
    Function,
    InArray,
    InSubquery,
    IsNotTrue,
    Logic,
    Negate,
    Not,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.sql.collections import of_collections_sql, values_of
from odata_gateway.sql.fragment import Hole, Sql, alias, build, fill, ident, join, param, raw
from odata_gateway.sql.functions import (
    arithmetic_sql,
    cast_sql,
    function_can_fail,
    function_sql,
)
from odata_gateway.sql.pg_types import null_of, read, reading_of
from odata_gateway.types.family import LIKE_MODES, NULL_MODES
from odata_gateway.types.primitive import DECIMAL

SYMBOLS: dict[str, str] = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}

MOST_PARTS = 100_000
"""Of the SQL of all expressions in a statement, about a megabyte. Requests as long as a URL may be
make up to 30,000 (measured), where they do not nest what multiplies."""


class Blocks(Protocol):
    """What renders the blocks of lambdas and counts inside expressions."""

    def select(self, what: Sql, block: Block) -> Sql: ...

    def derived(self, derived: Derived) -> Sql: ...

    def walls(self, sources: Iterable[int]) -> list[Sql]: ...


class Expressions:
    """Renders expressions; `relations` renders the blocks inside them."""

    def __init__(self, relations: Blocks) -> None:
        self._relations = relations
        self._behind_walls = False
        self._parts = 0  # of all that was rendered and stands in nothing else

    def condition(self, expr: BoundExpr) -> Sql:
        """A Boolean expression of which only true matters."""
        return self._render(expr, strict=False)

    def value(self, expr: BoundExpr) -> Sql:
        """An expression whose value, null included, matters."""
        return self._render(expr, strict=True)

    def fitted(self, expr: BoundExpr) -> Sql:
        """A value for an answer: a whole number that its type cannot hold fails the request.
        Conditions are computed in wider numbers."""
        value = self.value(expr)
        if isinstance(expr, Arithmetic | Negate | CaseWhen) and expr.type.is_integer:
            return fill("({0})::" + expr.type.pg_type, (value,))
        return value

    def _render(self, expr: BoundExpr, *, strict: bool) -> Sql:
        """An expression's SQL; raises LimitNodes where that is too much, with what was rendered
        before."""
        before = self._parts
        walled = may_fail(expr) and not self._behind_walls
        found = (
            self._walled(expr, strict=strict) if walled else self._operation(expr, strict=strict)
        )
        self._parts = before + len(found.parts)
        if self._parts > MOST_PARTS:
            raise LimitNodes(
                "the SQL of the request would be too long",
                hint="nest fewer functions and operators within each other",
            )
        return found

    def _operation(self, expr: BoundExpr, *, strict: bool) -> Sql:
        match expr:
            case Column():
                return read(column_sql(expr), expr.pg_type, expr.type)
            case Parameter():
                return parameter_sql(expr)
            case ConstantValue():
                return constant_sql(expr)
            case Compare():
                return self._compare(expr, strict=strict)
            case InArray():
                return self._one_of(expr, strict=strict)
            case Logic(op=op, operands=operands):
                parts = join(
                    " AND " if op == "and" else " OR ",
                    (self._render(o, strict=strict) for o in operands),
                )
                return build("({0})", parts)
            case Not(operand=operand):
                return build("(NOT {0})", self.value(operand))
            case IsNotTrue(operand=operand):
                return build("({0} IS NOT TRUE)", self.condition(operand))
            case Exists(block=block, negated=negated):
                return build(
                    "(NOT EXISTS ({0}))" if negated else "EXISTS ({0})",
                    self._select(raw("1"), block),
                )
            case InSubquery(values=values, derived=derived):
                return build(
                    "(({0}) IN ({1}))",
                    join(", ", (self.value(v) for v in values)),
                    self._derived(derived),
                )
            case CountOf(block=block):
                return build("({0})", self._select(raw("count(*)"), block))
            case Arithmetic():
                return arithmetic_sql(expr, self.value(expr.left), self.value(expr.right))
            case Negate(operand=operand):
                return build("(- {0})", self.value(operand))
            case Function(id="cast", args=(operand,)):
                return cast_sql(self.value(operand), operand.type, expr.type)
            case Function():
                return function_sql(
                    expr.id,
                    tuple(self.value(a) for a in expr.args),
                    pattern=any(is_pattern(a) for a in expr.args),
                )
            case CaseWhen():
                return self._case(expr)
            case CollectionCall():
                return of_collections_sql(expr, self.value, parameter_sql)
            case _:
                assert_never(expr)

    def _walled(self, expr: BoundExpr, *, strict: bool) -> Sql:
        """An operation that may fail, computed for rows within the policies only; null for others,
        which no answer shows."""
        walls = self._relations.walls(sorted(sources_of(expr)))
        self._behind_walls = True
        try:
            inner = self._render(expr, strict=strict)
        finally:
            self._behind_walls = False
        return (
            build("(CASE WHEN {0} THEN {1} END)", join(" AND ", walls), inner) if walls else inner
        )

    def _select(self, what: Sql, block: Block) -> Sql:
        """A block inside an expression: its rows are others, with walls of their own."""
        behind, self._behind_walls = self._behind_walls, False
        try:
            return self._relations.select(what, block)
        finally:
            self._behind_walls = behind

    def _derived(self, derived: Derived) -> Sql:
        behind, self._behind_walls = self._behind_walls, False
        try:
            return self._relations.derived(derived)
        finally:
            self._behind_walls = behind

    def _compare(self, expr: Compare, *, strict: bool) -> Sql:
        if is_null(expr.left) or is_null(expr.right):
            return self._compare_null(expr)
        left, right = self._operands(expr.left, expr.right)
        nullable = expr.left.nullable or expr.right.nullable
        if expr.op == "ne" and (nullable or may_miss(expr.left) or may_miss(expr.right)):
            return self._differs(expr, left, right)
        if expr.op == "eq" and expr.left.nullable and expr.right.nullable:
            return self._beyond_nan(
                expr, "false", build("({0} IS NOT DISTINCT FROM {1})", left, right)
            )
        bare = fill("({0} " + SYMBOLS[expr.op] + " {1})", (left, right))
        if (greater := _greater_column(expr)) is not None:
            bare = build("({0} AND {1} <> 'NaN')", bare, column_sql(greater))
        return (
            build("({0} IS TRUE)", bare)
            if strict and (nullable or may_miss(expr.left) or may_miss(expr.right))
            else bare
        )

    def _differs(self, expr: Compare, left: Sql, right: Sql) -> Sql:
        """`ne` over something nullable: true for null against a value (5.1.1.1.2)."""
        if expr.left.nullable and expr.right.nullable:
            return self._beyond_nan(expr, "true", build("({0} IS DISTINCT FROM {1})", left, right))
        return build("(({0} = {1}) IS NOT TRUE)", left, right)

    def _beyond_nan(self, expr: Compare, answer: LiteralString, otherwise: Sql) -> Sql:
        """The answer where a side is NaN, which is neither null nor equal to anything; otherwise
        what is asked of other values."""
        sides = [
            build("{0} = 'NaN'", self.value(side))
            for side in (expr.left, expr.right)
            if may_be_nan(side)
        ]
        return (
            fill(
                "(CASE WHEN {0} THEN " + answer + " ELSE {1} END)", (join(" OR ", sides), otherwise)
            )
            if sides
            else otherwise
        )

    def _compare_null(self, expr: Compare) -> Sql:
        """Comparison with the null literal: eq and ne ask for null, the others are false. Typed:
        ORDER BY takes no bare constant."""
        other = expr.right if is_null(expr.left) else expr.left
        if expr.op not in ("eq", "ne"):
            return raw("false::bool")
        if is_null(other):
            return raw("true::bool") if expr.op == "eq" else raw("false::bool")
        return build("({0} IS NULL)" if expr.op == "eq" else "({0} IS NOT NULL)", self._bare(other))

    def _one_of(self, expr: InArray, *, strict: bool) -> Sql:
        left, right = self._operands(expr.operand, expr.values)
        bare = build("({0} = ANY({1}))", left, right)
        return build("({0} IS TRUE)", bare) if strict else bare

    def _operands(self, left: BoundExpr, right: BoundExpr) -> tuple[Sql, Sql]:
        """Both sides, with a column left bare beside a parameter that can take the column's own
        type."""
        if isinstance(left, Column) and isinstance(right, Parameter):
            return self._beside(left, right)
        if isinstance(right, Column) and isinstance(left, Parameter):
            column, value = self._beside(right, left)
            return value, column
        return self._number(left), self._number(right)

    def _number(self, expr: BoundExpr) -> Sql:
        """A side of a comparison; a NaN that was computed is NULL there, because Postgres has it
        equal to itself and above all numbers."""
        return (
            build("nullif({0}, 'NaN')", self.value(expr)) if may_be_nan(expr) else self.value(expr)
        )

    def _beside(self, column: Column, value: Parameter) -> tuple[Sql, Sql]:
        reading, slot = reading_of(column.pg_type, column.type), value.slot
        many = isinstance(slot, LiteralSlot) and slot.many
        if isinstance(slot, LiteralSlot) and slot.mode == reading.equal_mode:
            return column_sql(column), param(slot, reading.equal_type + ("[]" if many else ""))
        if reading.compared and not many:
            return column_sql(column), fill(reading.compared, (parameter_sql(value),))
        return self.value(column), parameter_sql(value)

    def _bare(self, expr: BoundExpr) -> Sql:
        """What IS NULL looks at: the column itself, except where reading it can make null of
        something."""
        if isinstance(expr, Column) and not reading_of(expr.pg_type, expr.type).reads_null:
            return column_sql(expr)
        return self.value(expr)

    def _case(self, expr: CaseWhen) -> Sql:
        branches = join(
            " ",
            (
                build("WHEN {0} THEN {1}", self.condition(c), self.value(v))
                for c, v in expr.branches
            ),
        )
        return build("(CASE {0} END)", branches)


def may_fail(expr: BoundExpr) -> bool:
    """Whether an operation itself can raise for some values, as a division by zero does."""
    return isinstance(expr, Arithmetic | Negate | CollectionCall) or (
        isinstance(expr, Function) and function_can_fail(expr.id)
    )


def sources_of(expr: BoundExpr) -> set[int]:
    """The sources whose columns an expression reads, but for those of the blocks inside it."""
    match expr:
        case Column(source=source):
            return {source}
        case Parameter() | ConstantValue() | Exists() | CountOf():
            return set()
        case Function(args=parts) | Logic(operands=parts) | InSubquery(values=parts):
            return set().union(*map(sources_of, parts))
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            return sources_of(left) | sources_of(right)
        case (
            Negate(operand=operand)
            | Not(operand=operand)
            | IsNotTrue(operand=operand)
            | InArray(operand=operand)
        ):
            return sources_of(operand)
        case CollectionCall(args=args):
            return set().union(*(sources_of(value) for each in args for value in values_of(each)))
        case CaseWhen(branches=branches):
            return set().union(*(sources_of(part) for branch in branches for part in branch))
        case _:
            assert_never(expr)


def is_null(expr: BoundExpr) -> bool:
    return isinstance(expr, ConstantValue) and expr.value is None


def is_pattern(expr: BoundExpr) -> bool:
    """Whether a parameter is an escaped LIKE pattern."""
    return (
        isinstance(expr, Parameter)
        and isinstance(expr.slot, LiteralSlot)
        and expr.slot.mode in LIKE_MODES
    )


def may_miss(expr: BoundExpr) -> bool:
    """Whether a parameter may be null so as to equal nothing: a text that is no uuid beside a uuid
    column, a cast that fails, NaN."""
    if may_be_nan(expr):
        return True
    slot = expr.slot if isinstance(expr, Parameter) else None
    return isinstance(slot, LiteralSlot) and (
        slot.mode in NULL_MODES or (slot.type.family.has_nan and slot.mode != "value")
    )


def may_be_nan(expr: BoundExpr) -> bool:
    """Whether a number may be none: a double that is stored, computed or not beside anything, or a
    decimal divided by zero."""
    match expr:
        case Column() | Arithmetic() | Function() | Negate() | CaseWhen():
            return expr.type.family.has_nan or (expr.type is DECIMAL and _divides(expr))
        case Parameter(slot=LiteralSlot(mode="value"), type=type_):
            return type_.family.has_nan
    return False


def _divides(expr: BoundExpr) -> bool:
    """Whether divby is in an expression, which makes infinite decimals, and of these what is no
    number."""
    match expr:
        case Arithmetic(op=op, left=left, right=right):
            return op == "divby" or _divides(left) or _divides(right)
        case Negate(operand=operand):
            return _divides(operand)
        case Function(args=args):
            return any(map(_divides, args))
        case CaseWhen(branches=branches):
            return any(_divides(value) for _, value in branches)
    return False


def _greater_column(expr: Compare) -> Column | None:
    """A column of doubles, bare beside a parameter, that a comparison wants to be the greater:
    Postgres has NaN above all numbers."""
    if expr.op in ("lt", "le"):
        column, other = expr.right, expr.left
    else:
        column, other = expr.left, expr.right
    is_order = expr.op not in ("eq", "ne")
    return (
        column
        if is_order
        and isinstance(column, Column)
        and isinstance(other, Parameter)
        and may_be_nan(column)
        else None
    )


def column_sql(column: Column) -> Sql:
    return build("{0}.{1}", alias(column.source), ident(column.name))


def parameter_sql(expr: Parameter) -> Sql:
    """A parameter as the canonical type of its edm type."""
    wire = expr.type.family.wire
    array = "[]" if isinstance(expr.slot, LiteralSlot) and expr.slot.many else ""
    typed = _typed(expr, wire.bound + array)
    return fill("{0}::" + wire.cast_to + array, (typed,)) if wire.cast_to else typed


def _typed(expr: Parameter, pg_type: str) -> Sql:
    return Sql((Hole(expr.slot, pg_type),))


def constant_sql(expr: ConstantValue) -> Sql:
    match expr.value:
        case True:
            return raw("true")
        case False:
            return raw("false")
        case None:
            return null_of(expr.type)
        case number:
            return Sql((f"{number:d}",))
