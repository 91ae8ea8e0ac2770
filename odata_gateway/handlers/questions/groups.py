"""Addresses of the rows that have a value, and of the number of rows for each value."""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import chain, count

from odata_gateway.handlers.questions.columns import RowColumn
from odata_gateway.url.addresses.address import Address
from odata_gateway.url.addresses.conditions import by_calendar, counted, counted_groups, narrowed

MOST_CHARACTERS = 500
"""Of a value that a condition of a link has."""


def rows_with(address: Address, column: RowColumn, value: object) -> Address | None:
    """The address of the rows in which a column has a value of the JSON; None where no URL says
    that: nothing equals NaN, and a URL with a long text would be refused."""
    if (value == "NaN" and column.is_numeric) or len(str(value)) > MOST_CHARACTERS:
        return None
    try:
        return narrowed(address, f"{column.name} eq {column.literal(value)}")
    except ValueError:
        return None


def grouped(address: Address, number: str, *names: str) -> Address:
    """The address of the number of rows for each value of a column, or of several.

    number  the name of the number
    """
    return counted(address, names, number)


def grouped_by_time(
    address: Address, number: str, taken: Container[str], column: RowColumn
) -> list[tuple[str, Address]]:
    """The addresses of the number of rows for each month and each day of a column, with the names
    of these; empty for a column without any. `date` and its like must be free as names."""
    wanted = [("month", ("year", "month")), ("day", ("date",))]
    return [
        (name, by_calendar(address, column.name, parts, number))
        for name, parts in wanted
        if all(column.takes(part) and part not in taken for part in parts)
    ]


def number_name(taken: Container[str]) -> str:
    """A name for a number of rows that neither a column has nor what is not shown."""
    further = (f"count_{number}" for number in count(2))
    return next(name for name in chain(["count", "rows"], further) if name not in taken)


def members_of_group(address: Address, columns: Sequence[RowColumn], row: object) -> Address | None:
    """The address of the rows that a row of `grouped` counts; None for other rows."""
    found = counted_groups(address)
    if found is None:
        return None
    rows: Address | None = found.address
    for column in columns:
        if rows is not None and column.name in found.names:
            rows = rows_with(rows, column, column.value(row))
    return rows
