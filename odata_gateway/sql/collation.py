"""One collation for texts that are put together.

Postgres cannot compare two texts, or order by what was made of them, if they are of columns with
two collations other than the database's own. By the database's own it can, and every text may be
given that one. Collations that take texts with different characters for equal have no search in
texts: before version 18 no LIKE, and in no version regular expressions. So a search is by the
database's own collation as well.

A comparison of a column with a parameter needs none of this: it is by the column's collation, so
that an index serves.
"""

from __future__ import annotations

from collections.abc import Sequence

from odata_gateway.plan.tree.collations import collations_of, collations_of_all, need_one
from odata_gateway.plan.tree.relation import Function
from odata_gateway.sql.fragment import Sql, build


def unified(exprs: Sequence[object], values: Sequence[Sql]) -> tuple[Sql, ...]:
    """The SQL of expressions that are put together, by one collation if they have several."""
    return _by_one(exprs, values) if len(collations_of_all(exprs)) > 1 else tuple(values)


def unified_arguments(call: Function, values: Sequence[Sql]) -> tuple[Sql, ...]:
    """The SQL of a function's arguments, by a collation that the function takes."""
    return _by_one(call.args, values) if need_one(call) else tuple(values)


def of_database(expr: object, value: Sql) -> Sql:
    """The SQL of an expression by the database's own collation."""
    return build('({0} COLLATE "default")', value) if collations_of(expr) else value


def _by_one(exprs: Sequence[object], values: Sequence[Sql]) -> tuple[Sql, ...]:
    return tuple(map(of_database, exprs, values))
