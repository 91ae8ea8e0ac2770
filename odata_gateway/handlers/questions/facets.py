"""How many rows there are, and how often each value of a column occurs. Every query has a time
limit, and what took too long is said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from odata_gateway.errors import ODataError
from odata_gateway.handlers.questions.client import ServiceClient
from odata_gateway.handlers.questions.columns import RowColumn
from odata_gateway.handlers.questions.groups import rows_with
from odata_gateway.url.addresses.address import Address
from odata_gateway.url.addresses.conditions import counted, with_steps

FACET_S, COUNT_S = 1.0, 0.3
MOST_COUNTED = 10_000
MOST_FACETS, MOST_VALUES = 8, 20
_SAMPLE_ROWS = 2_000
_AT_ONCE = 2
_NUMBER = "number_counted_for_the_page"
"""Of what only the page reads; rows have no such name."""


class FacetValue(NamedTuple):
    """A value, how many rows have it, and where these are."""

    value: object
    rows: int
    address: Address | None


class Facet(NamedTuple):
    """The values of a column, the most frequent first.

    more   there are others
    fault  why there are no values here; empty: there are
    """

    column: RowColumn
    found: tuple[FacetValue, ...] = ()
    more: bool = False
    fault: str = ""


class RowCount(NamedTuple):
    """A number of rows as a page says it, such as `More than 10,000 rows`."""

    text: str
    is_exact: bool


async def row_count(client: ServiceClient, address: Address, on_page: int) -> RowCount:
    """The number of rows up to MOST_COUNTED.

    on_page  rows of the first page, which is not the last one
    """
    counting = with_steps(address, f"top({MOST_COUNTED + 1})/aggregate($count as {_NUMBER})")
    try:
        rows = await client.rows_within(counting.target, rows=1, seconds=COUNT_S)
        count = int(rows[0][_NUMBER])
    except (ODataError, TimeoutError):
        return RowCount(f"More than {on_page:,} rows", is_exact=False)
    if count > MOST_COUNTED:
        return RowCount(f"More than {MOST_COUNTED:,} rows", is_exact=False)
    return RowCount(f"{count:,} rows", is_exact=True)


async def facets(
    client: ServiceClient, address: Address, columns: Sequence[RowColumn], number: str
) -> list[Facet]:
    """The values of the columns that seem to have few. Whether a column does is seen in a sample of
    the rows, so neither statistics nor their privileges are needed.

    number  a name for a number of rows
    """
    groupable = [column for column in columns if column.is_groupable and len(column.path) == 1]
    try:
        few = await _with_few_values(client, address, groupable)
    except TimeoutError:
        return [Facet(column, fault="took too long") for column in groupable[:1]]
    except ODataError:
        few = groupable
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(column: RowColumn) -> Facet:
        async with turns:
            return await _facet(client, address, number, column)

    return list(await asyncio.gather(*map(in_turn, few[:MOST_FACETS])))


async def _with_few_values(
    client: ServiceClient, address: Address, columns: list[RowColumn]
) -> list[RowColumn]:
    names = [f"{_NUMBER}_{i}" for i in range(len(columns))]
    items = [f"{c.name} with countdistinct as {n}" for c, n in zip(columns, names, strict=True)]
    aggregates = ",".join([*items, f"$count as {_NUMBER}"])
    sampling = with_steps(address, f"top({_SAMPLE_ROWS})/aggregate({aggregates})")
    rows = await client.rows_within(sampling.target, rows=1, seconds=FACET_S)
    most = min(MOST_VALUES, int(rows[0][_NUMBER]) // 2)
    return [c for c, n in zip(columns, names, strict=True) if 0 < int(rows[0][n]) <= most]


async def _facet(client: ServiceClient, address: Address, number: str, column: RowColumn) -> Facet:
    counting = counted(address, (column.name,), number).changed({"$top": str(MOST_VALUES + 1)})
    try:
        rows = await client.rows_within(counting.target, rows=MOST_VALUES + 1, seconds=FACET_S)
    except TimeoutError:
        return Facet(column, fault="took too long")
    except ODataError as error:
        return Facet(column, fault=error.message)
    values = []
    for row in rows[:MOST_VALUES]:
        value = column.value(row)
        values.append(FacetValue(value, int(row[number]), rows_with(address, column, value)))
    return Facet(column, tuple(values), more=len(rows) > MOST_VALUES)
