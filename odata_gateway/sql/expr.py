"""Bound expressions as SQL. How null, false and NaN are told apart is decided here and in
`sql.comparisons`.

OData's comparisons have two values, its `and`, `or` and `not` three (URL Conventions 5.1.1.1). At
the top of a WHERE, and below and/or there, null and false mean the same: a comparison stays bare,
and indexes serve it (`condition`). Elsewhere a comparison of something nullable becomes
`(...) IS TRUE` (`value`).

Postgres decides when it computes what, and may compute an operation for a row before it has looked
at the row policy. An operation that fails for some values would then tell of rows that the caller
may not see. So whatever can fail stands in a CASE behind the policies of the rows it reads;
Postgres keeps the order of a CASE (its documentation, 4.2.14).

Many operations name an operand several times, so the SQL can grow by a factor with each level of
nesting. Its size is bounded for that reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import assert_never

from odata_gateway.errors import LimitNodes
from odata_gateway.plan.tree.collections import values_of
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
    ItemsValue,
    Logic,
    Negate,
    Not,
    ObjectValue,
    Parameter,
)
from odata_gateway.plan.tree.slots import LiteralSlot
from odata_gateway.sql.collation import unified, unified_arguments
from odata_gateway.sql.collections import collection_call_sql
from odata_gateway.sql.comparisons import comparison_sql, in_array_sql, index_condition
from odata_gateway.sql.fragment import Hole, Sql, build, fill, join, quoted, raw
from odata_gateway.sql.functions import (
    arithmetic_sql,
    cast_in_zone,
    cast_sql,
    folded,
    function_can_fail,
    function_in_zone,
    function_misses_infinity,
    function_sql,
    is_moved,
    negation_sql,
    pg_type_of,
    promoted,
)
from odata_gateway.sql.pg_types import compared_column, keeps_type, null_of, stored, value_of
from odata_gateway.sql.renderer import BlockRenderer
from odata_gateway.sql.structured.json_values import structured_json
from odata_gateway.sql.structured.membership import membership_sql
from odata_gateway.types.family import LIKE_MODES, PrimitiveType
from odata_gateway.types.primitive import STRING

MAX_PARTS = 100_000
"""Pieces of SQL that all expressions of a statement may have, about a megabyte of text. Requests as
long as a URL may be make up to 30,000 (measured) unless they nest operations that multiply."""

Predicate = Compare | InArray | Logic | Not | IsNotTrue | Exists | InSubquery
"""Expressions whose SQL depends on whether null may stand for false, or that hold conditions."""


class Expressions:
    """Renders expressions; `blocks` renders the blocks inside them."""

    def __init__(self, blocks: BlockRenderer, *, zoned: bool = False) -> None:
        self.zoned = zoned
        self._blocks = blocks
        self._is_guarded = False
        self._parts = 0
        """Pieces of the expressions rendered so far that are not part of another one."""

    def condition(self, expr: BoundExpr) -> Sql:
        """A Boolean expression in a place where false and null mean the same."""
        return self._render(expr, strict=False)

    def value(self, expr: BoundExpr) -> Sql:
        """An expression in a place where null differs from false."""
        return self._render(expr, strict=True)

    def typed(self, expr: BoundExpr) -> Sql:
        """A value as exactly the Postgres type of its edm type, as columns of derived rows must
        be: a literal is a parameter of a wider type, and a column may be one of a narrower."""
        value = self.value(expr)
        if expr.type is None or not expr.type.is_numeric or pg_type_of(expr) == expr.type.pg_type:
            return value
        return fill("{0}::" + expr.type.pg_type, (value,))

    def _render(self, expr: BoundExpr, *, strict: bool) -> Sql:
        """An expression's SQL.

        raises  LimitNodes  when it and what was rendered before exceed MAX_PARTS
        """
        before = self._parts
        if can_fail(expr) and not self._is_guarded:
            found = self._guarded(expr, strict=strict)
        else:
            found = self._operation(expr, strict=strict)
        if not strict and isinstance(expr, Function):
            index = index_condition(expr, self)
            found = found if index is None else build("({0} AND {1})", index, found)
        self._parts = before + len(found.parts)
        self._check_length()
        return found

    def repeat(self, rendered: Iterable[Sql], times: int) -> None:
        """Count conditions that a statement contains several times.

        raises  LimitNodes  as for those that are rendered
        """
        if times:
            self._parts += times * sum(len(each.parts) for each in rendered)
            self._check_length()

    def _check_length(self) -> None:
        if self._parts > MAX_PARTS:
            raise LimitNodes(
                "the SQL of the request would be too long",
                hint="nest fewer functions and operators within each other",
            )

    # --- guards -----------------------------------------------------------------------------------

    def _guarded(self, expr: BoundExpr, *, strict: bool) -> Sql:
        """An operation that can fail, computed only for rows that the policies show; null for
        others, which are in no answer."""
        guards = self._blocks.policy_guards(sorted(sources_of(expr)))
        with self._guarding(True):
            inner = self._operation(expr, strict=strict)
        if not guards:
            return inner
        return build("(CASE WHEN {0} THEN {1} END)", join(" AND ", guards), inner)

    @contextmanager
    def _guarding(self, is_guarded: bool) -> Iterator[None]:
        """Whether what is rendered inside stands behind the policies of the rows it reads. The rows
        of a block inside an expression are other rows, with policies of their own."""
        outer, self._is_guarded = self._is_guarded, is_guarded
        try:
            yield
        finally:
            self._is_guarded = outer

    # --- a form per node --------------------------------------------------------------------------

    def _operation(self, expr: BoundExpr, *, strict: bool) -> Sql:
        match expr:
            case Column():
                return value_of(expr) if expr.nullable else stored(expr)
            case Parameter():
                return parameter_sql(expr)
            case ConstantValue():
                return constant_sql(expr)
            case CountOf(block=block):
                with self._guarding(False):
                    return build("({0})", self._blocks.select(raw("count(*)"), block))
            case Arithmetic():
                return arithmetic_sql(expr, self.value(expr.left), self.value(expr.right))
            case Negate(operand=operand):
                return negation_sql(expr, self.value(operand))
            case Function(id="cast", args=(operand,)):
                (value,) = unified_arguments(expr, (self._argument(operand, expr),))
                if self.zoned and is_moved(operand):
                    return cast_in_zone(value, expr.type)
                return cast_sql(value, operand.type, expr.type)
            case Function():
                given = [self._argument(a, expr) for a in expr.args]
                values = folded(expr, unified_arguments(expr, given))
                if self.zoned and len(values) == 1 and is_moved(expr.args[0]):
                    return function_in_zone(expr.id, values[0])
                return function_sql(expr.id, values, pattern=any(map(_is_pattern, expr.args)))
            case CaseWhen():
                return self._case(expr)
            case CollectionCall():
                return collection_call_sql(expr, self)
            case ObjectValue():
                return build("nullif({0}, 'null')", self.structured(expr, as_string=False))
            case ItemsValue():
                return self.structured(expr, as_string=False)
            case _:
                return self._predicate(expr, strict=strict)

    def array(self, item: BoundExpr, block: Block) -> Sql:
        """The values of the rows of a block as an array."""
        with self._guarding(False):
            self._blocks.enter(block)
            return build("ARRAY({0})", self._blocks.select(self.typed(item), block))

    def structured(self, expr: ObjectValue | ItemsValue, *, as_string: bool) -> Sql:
        """An object or a collection as JSON text."""
        with self._guarding(False):
            return structured_json(expr, self._blocks, as_string=as_string)

    def _predicate(self, expr: Predicate, *, strict: bool) -> Sql:
        match expr:
            case Compare():
                return comparison_sql(expr, self, strict=strict)
            case InArray():
                return in_array_sql(expr, self, strict=strict)
            case Logic(op=op, operands=operands):
                terms = (self._render(o, strict=strict) for o in operands)
                return build("({0})", join(" AND " if op == "and" else " OR ", terms))
            case Not(operand=operand):
                return build("(NOT {0})", self.value(operand))
            case IsNotTrue(operand=operand):
                return build("({0} IS NOT TRUE)", self.condition(operand))
            case Exists() if (found := membership_sql(expr, self, strict=strict)) is not None:
                return found
            case Exists(block=block, negated=negated):
                with self._guarding(False):
                    rows = self._blocks.select(raw("1"), block)
                return build("(NOT EXISTS ({0}))" if negated else "EXISTS ({0})", rows)
            case InSubquery(values=values, derived=derived):
                row = join(", ", self._values_in(values, derived))
                with self._guarding(False):
                    rows = self._blocks.derived(derived)
                if expr.single:
                    return build("(({0}) = ({1}))", row, rows)
                return build("(({0}) IN ({1}))", row, rows)
            case _:
                assert_never(expr)

    def _argument(self, expr: BoundExpr, call: Function) -> Sql:
        """An argument of a function. One that makes null of values which OData has not, as texts
        and parts of times do, takes a column as it is stored."""
        makes_text = call.id == "cast" and call.type is STRING
        if isinstance(expr, Column) and (makes_text or function_misses_infinity(call.id)):
            return stored(expr)
        return self.value(expr)

    def _values_in(self, values: tuple[BoundExpr, ...], derived: Derived) -> Iterator[Sql]:
        """The values that are looked up among derived rows, as the types of these."""
        for index, value in enumerate(values):
            if isinstance(value, Column) and keeps_type(derived, index):
                yield compared_column(value)
            else:
                yield self.value(value)

    def _case(self, expr: CaseWhen) -> Sql:
        results = [result for _, result in expr.branches]
        values = unified(results, [self.value(result) for result in results])
        branches = (
            build("WHEN {0} THEN {1}", self.condition(condition), _branch(value, result, expr.type))
            for (condition, result), value in zip(expr.branches, values, strict=True)
        )
        return build("(CASE {0} END)", join(" ", branches))


def _branch(value: Sql, result: BoundExpr, common: PrimitiveType) -> Sql:
    """A result of case(), numbers as the common type of all results."""
    return promoted(value, result, common) if common.is_numeric else value


# --- parameters and constants ---------------------------------------------------------------------


def parameter_sql(expr: Parameter) -> Sql:
    """A parameter as the canonical Postgres type of its edm type, or as an array of it."""
    how = expr.type.family.argument_type
    array = "[]" if isinstance(expr.slot, LiteralSlot) and expr.slot.many else ""
    bound = Sql((Hole(expr.slot, how.bound + array),))
    return fill("{0}::" + how.cast_to + array, (bound,)) if how.cast_to else bound


def constant_sql(expr: ConstantValue) -> Sql:
    match expr.value:
        case True:
            return raw("true")
        case False:
            return raw("false")
        case None:
            return null_of(expr.type)
        case str(text):
            return quoted(text)
        case number:
            return Sql((f"{number:d}",))


def _is_pattern(expr: BoundExpr) -> bool:
    """Whether a parameter is an escaped LIKE pattern."""
    return (
        isinstance(expr, Parameter)
        and isinstance(expr.slot, LiteralSlot)
        and expr.slot.mode in LIKE_MODES
    )


# --- what can fail, and for which rows ------------------------------------------------------------


def can_fail(expr: BoundExpr) -> bool:
    """Whether an operation itself can raise for some values, as a division by zero does."""
    return isinstance(expr, Arithmetic | Negate | CollectionCall) or (
        isinstance(expr, Function) and function_can_fail(expr.id)
    )


def sources_of(expr: BoundExpr) -> set[int]:
    """The sources whose columns an expression reads, without those of the blocks inside it."""
    match expr:
        case Column(source=source):
            return {source}
        case Parameter() | ConstantValue() | Exists() | CountOf() | ItemsValue():
            return set()
        case ObjectValue(whole=whole):
            return {whole.source}
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
