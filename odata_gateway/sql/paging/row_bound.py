"""A number of rows that stands in a statement, so that Postgres keeps its plan.

The number of rows of a chunk is a parameter. A plan for any number of them reckons with a tenth of
the table, and looks far dearer than one for the number that is asked for. So Postgres plans each
chunk anew, which takes more than half of its time for a page of few rows (measured: 0.37 of the
processor time without it for one row, 0.52 for 20, 0.71 for 100). With the next of a few constants
beside the parameter, it keeps the plan that it makes for that constant.

A kept plan is the same for all values of the other parameters, and a wrong one can cost far more
than planning: for an account of the average size it may be best to sort all its rows, and then
Postgres does so with the millions of another account (measured: 18,984 blocks in place of 4 for a
page of 50 rows). So only a statement is bounded that has no parameter besides the number of rows:
all rows of tables without accounts, or those that a condition without a literal leaves, from the
first row. Its kept plan is the one that Postgres would make for the constant each time.
"""

from __future__ import annotations

from collections.abc import Sequence

from odata_gateway.plan.tree.slots import LimitSlot, Slot
from odata_gateway.sql.fragment import Sql, build

BOUNDS = (1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50, 75, 100)
"""The constants. The sizes of pages that clients use most are among them, and there are few: each
is another prepared statement. Planning is little of the work for more rows."""
_BOUND_OF = tuple(
    next(bound for bound in BOUNDS if rows <= bound) for rows in range(BOUNDS[-1] + 1)
)


def row_bound(rows: int) -> int:
    """The smallest of the constants that is at least as large; 0 for more rows."""
    return _BOUND_OF[rows] if rows < len(_BOUND_OF) else 0


def has_only_limit(slots: Sequence[Slot]) -> bool:
    """Whether the number of rows is the only parameter of a statement."""
    return all(isinstance(slot, LimitSlot) for slot in slots)


def bounded(rows: Sql, limit: Sql) -> Sql:
    """The first `limit` rows of a SELECT that has a constant for a LIMIT. The rows stay in their
    order, and no more of them are made than are asked for."""
    return build("SELECT * FROM ({0}) AS b LIMIT {1}", rows, limit)
