"""A selection of the rows of all accounts as a partial one, for the rows of each account, and a
merging one, whose rows are what the partial ones find.

The results of both together are those of the selection, with the same types, because the same rules
make them: a sum is a sum of sums, an average the sum by the number. Different values are counted
where all of them are together, so the partial selection groups by them too; those that belong to
one account each, such as keys, are counted there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from odata_gateway.plan.tree.columns import account_column, made_columns
from odata_gateway.plan.tree.relation import (
    Aggregate,
    Block,
    BoundExpr,
    CaseWhen,
    Column,
    Derived,
    OrderKey,
    Selection,
    Source,
    WindowCondition,
)
from odata_gateway.sql.derived import COUNTS
from odata_gateway.sql.pg_types import is_own

_Value = BoundExpr | Aggregate | WindowCondition


@dataclass(frozen=True, slots=True)
class SplitSelection:
    """A selection in two steps.

    partial  of the rows of one account
    merging  of what the partial ones of all accounts find, as the rows of its source; None where
             these rows are what the selection finds
    """

    partial: Selection
    merging: Selection | None


def split_selection(selection: Selection) -> SplitSelection:
    """The two steps of a selection."""
    if is_apart(selection):
        return SplitSelection(selection, None)
    columns = selection.columns
    if selection.distinct:
        source, made = _merged(selection)
        return SplitSelection(selection, Selection(Block(source), made, len(made)))
    if selection.groups is not None:
        return _split_groups(selection, selection.groups)
    windows = [value for value in columns if isinstance(value, WindowCondition)]
    order = (*selection.order, *(key for window in windows for key in _order_of(window)))
    plain = (value for value in columns if not isinstance(value, WindowCondition))
    values: tuple[_Value, ...] = tuple(dict.fromkeys((*plain, *(key.expr for key in order))))
    limited = selection.order if selection.top is not None else ()
    partial = replace(selection, columns=values, order=limited, skip=None)
    source, made = _merged(partial)
    new = dict(zip(values, made, strict=True))
    merging = replace(
        selection,
        block=Block(source),
        columns=tuple(_renamed(value, new) for value in columns),
        order=tuple(replace(key, expr=new[key.expr]) for key in selection.order),
    )
    return SplitSelection(partial, merging)


def is_apart(selection: Selection) -> bool:
    """Whether the rows that a selection finds for each account on its own are, together, those that
    it finds for all."""
    if selection.top is not None or selection.skip is not None:
        return False
    if any(isinstance(column, WindowCondition) for column in selection.columns):
        return False
    if selection.distinct:
        return _have_one_account(selection.columns, selection.block)
    if selection.groups is None:
        return True
    return _have_one_account(selection.columns[: selection.groups], selection.block)


# --- groups ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Parts:
    """The columns of a partial selection, which are added one after the other.

    values  different values that the rows are grouped by
    """

    groups: tuple[_Value, ...]
    values: list[_Value] = field(default_factory=list)
    aggregates: list[Aggregate] = field(default_factory=list)


def _split_groups(selection: Selection, number: int) -> SplitSelection:
    found = _Parts(selection.columns[:number])
    aggregates = [value for value in selection.columns[number:] if isinstance(value, Aggregate)]
    for each in aggregates:
        _add(each, selection.block, found)
    columns = (*found.groups, *found.values, *found.aggregates)
    partial = replace(selection, columns=columns, groups=number + len(found.values))
    source, made = _merged(partial)
    new = dict(zip(columns, made, strict=True))
    merged = (_merging(each, selection.block, new) for each in aggregates)
    return SplitSelection(
        partial, Selection(Block(source), (*made[:number], *merged), selection.groups)
    )


def _add(aggregate: Aggregate, block: Block, found: _Parts) -> None:
    """Add what an aggregate needs to a partial selection."""
    if _needs_values(aggregate, block):
        found.values.append(_value(aggregate))
        return
    found.aggregates += _parts_of(aggregate)


def _needs_values(aggregate: Aggregate, block: Block) -> bool:
    """Whether an aggregate must look at the different values of all accounts."""
    if aggregate.method != "countdistinct" or aggregate.operand is None:
        return False
    return not _have_one_account((aggregate.operand,), block)


def _value(aggregate: Aggregate) -> BoundExpr:
    """A value that is counted if it is different from others; null where the condition is not
    true."""
    assert aggregate.operand is not None
    if aggregate.condition is None or aggregate.operand.type is None:
        return aggregate.operand
    return CaseWhen(((aggregate.condition, aggregate.operand),), aggregate.operand.type)


def _parts_of(aggregate: Aggregate) -> tuple[Aggregate, ...]:
    """The aggregates of the rows of one account from which one of all rows is made."""
    operand = aggregate.operand
    if aggregate.method in ("min", "max"):
        is_as_it_is = isinstance(operand, Column) and is_own(operand)
        return (replace(aggregate, part=0) if is_as_it_is else aggregate,)
    type_ = None if operand is None else operand.type
    if aggregate.method in COUNTS or type_ is None:
        rule = COUNTS[aggregate.method]
    else:
        rule = type_.aggregates[aggregate.method]
    return tuple(replace(aggregate, part=number) for number in range(len(rule.parts)))


def _merging(aggregate: Aggregate, block: Block, new: Mapping[_Value, Column]) -> Aggregate:
    """An aggregate of what the partial selections found."""
    if _needs_values(aggregate, block):
        return replace(aggregate, operand=new[_value(aggregate)], condition=None)
    parts = _parts_of(aggregate)
    columns = tuple(new[part] for part in parts)
    if aggregate.method not in ("min", "max"):
        return replace(aggregate, condition=None, parts=columns)
    [column], operand = columns, aggregate.operand
    if parts[0].part is not None and isinstance(operand, Column):
        column = replace(column, pg_type=operand.pg_type, catalog=operand.catalog)
    return replace(aggregate, operand=column, condition=None)


# --- what partial selections find -----------------------------------------------------------------


def _merged(partial: Selection) -> tuple[Source, tuple[Column, ...]]:
    """A source whose rows are what a partial selection finds, and its columns."""
    source = replace(
        partial.block.source, derived=Derived((partial,)), items=None, call=None, beside=None
    )
    return source, made_columns(source.number, (partial,))


def _order_of(window: WindowCondition) -> tuple[OrderKey, ...]:
    """What a window condition looks at, as if rows were ordered by it."""
    looked_at = (*window.partition, *(() if window.value is None else (window.value,)))
    return (*window.order, *(OrderKey(value, False) for value in looked_at))


def _renamed(value: _Value, new: Mapping[_Value, Column]) -> _Value:
    if not isinstance(value, WindowCondition):
        return new[value]
    return replace(
        value,
        order=tuple(replace(key, expr=new[key.expr]) for key in value.order),
        partition=tuple(new[part] for part in value.partition),
        value=None if value.value is None else new[value.value],
    )


def _have_one_account(columns: Iterable[object], block: Block) -> bool:
    """Whether rows with the same values in these columns are always of one account: these have the
    account, or the key of a row with an account."""
    found = {
        (column.source, column.name)
        for column in columns
        if isinstance(column, Column) and column.name and not column.steps
        if column.function is None
    }
    for source in (block.source, *(crossed.source for crossed in block.crossed)):
        account = account_column(source)
        if account is None:
            continue
        key = {(source.number, part.column) for part in source.entity_type.identity}
        if (source.number, account) in found or (key and key <= found):
            return True
    return False
