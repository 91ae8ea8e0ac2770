"""The order of rows that were read apart, from their order values.

Whole numbers, times and other values whose texts have their order are compared here. The rest is
compared by Postgres, which knows collations: the statement names no table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.sql.accounts.value_order import ValueOrder

OrderTexts = Sequence[str | None]
"""The texts of one order value of some rows; None for null."""
Ranks = list[Any]
"""The same values as numbers or texts that Python orders. Null is less than all others."""

_LEAST = float("-inf")


@dataclass(frozen=True, slots=True)
class OrderStatement:
    """The statement that puts rows in the order of a query, from their order values.

    text      empty where the values do not say all about the order
    slots     the position of the order value that fills each of $1, $2, ...
    orders    how each value is ordered; None: as only Postgres knows
    descends  whether the order of each value does
    """

    text: str
    slots: tuple[int, ...]
    orders: tuple[ValueOrder | None, ...] = ()
    descends: tuple[bool, ...] = ()

    def bind(self, columns: Sequence[OrderTexts]) -> BoundStatement:
        """The statement for some rows; it finds their numbers in order, from 1 on."""
        return BoundStatement(self.text, [columns[slot] for slot in self.slots])

    def ranks(self, columns: Sequence[OrderTexts]) -> list[Ranks] | None:
        """What puts the rows in order here; None where only Postgres can."""
        found = []
        for order, texts in zip(self.orders, columns, strict=True):
            ranks = None if order is None else _ranks(order, texts)
            if ranks is None:
                return None
            found.append(ranks)
        return found

    def in_order(self, ranks: Sequence[Ranks]) -> list[int]:
        """The indexes of the rows in order."""
        found = list(range(len(ranks[0])))
        for column, descends in reversed([*zip(ranks, self.descends, strict=True)]):
            found.sort(key=column.__getitem__, reverse=descends)
        return found


def _ranks(order: ValueOrder, texts: OrderTexts) -> Ranks | None:
    """None where a text is not as it should be."""
    match order:
        case "number":
            try:
                return [_LEAST if text is None else int(text) for text in texts]
            except ValueError:
                return None
        case "time":
            ranks = [text or "" for text in texts]
            return ranks if all(map(_is_of_four_digits, ranks)) else None
        case "instant":
            is_utc = all(text is None or text.endswith("+00") for text in texts)
            return _ranks("time", texts) if is_utc else None
        case "text":
            return [text or "" for text in texts]
        case _:
            assert_never(order)


def _is_of_four_digits(time: str) -> bool:
    """Whether the year of a time has four digits and is not BC, or there is no time."""
    return time[4:5] in ("-", "") and time[-1:] != "C"
