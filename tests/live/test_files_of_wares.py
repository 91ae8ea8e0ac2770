"""Files of a database whose texts, collections and objects are hard for readers: each reader of each format has the values that JSON has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from tests.harness.cluster import READER, Cluster
from tests.harness.figures import amount
from tests.harness.file_checks import asked, check
from tests.harness.inside import Inside, inside
from tests.harness.read_back import READERS
from tests.oracle import wares
from tests.oracle.wares import EVERYTHING, WareMaker

QUERIES = amount(30, 1_500)


@pytest.fixture(scope="module")
def dsn(cluster: Cluster, reader_url: Callable[[str], str]) -> Iterator[str]:
    cluster.psql("postgres", "CREATE DATABASE wares")
    cluster.psql("wares", wares.script(READER))
    yield reader_url("wares")
    cluster.psql("postgres", "DROP DATABASE wares WITH (FORCE)")


@pytest.fixture
async def wares_served(dsn: str) -> AsyncIterator[Inside]:
    async with inside(dsn, ODATA_MODEL="auto", ODATA_SCHEMAS=wares.SCHEMA, ODATA_HOST="127.0.0.1", ODATA_MAX_PAGE_ROWS="100000") as gateway:
        yield gateway


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize("format_name", READERS)
async def test_every_value(wares_served, format_name, name):
    assert await check(wares_served, EVERYTHING[name], format_name)


@pytest.mark.parametrize("format_name", READERS)
async def test_a_generated_query(wares_served, format_name):
    """Properties, what is computed, links, groups, products, and what functions return."""
    for number in range(QUERIES):
        assert await check(wares_served, WareMaker(f"{format_name} {number}").query(), format_name)


@pytest.mark.parametrize("format_name", ["csv", "ndjson", "table", "arrow", "parquet"])
async def test_instants_are_the_same_in_another_zone(wares_served, format_name):
    """Also before Berlin had whole hours, outside the years 1 to 9999, and inside collections and objects. A workbook has the clock of the zone."""
    query = EVERYTHING["wares"]
    assert await check(wares_served, query, format_name, prefer=",timezone=Europe/Berlin")
    answer = await asked(wares_served, query, format_name, ",timezone=Europe/Berlin")
    assert "timezone=Europe/Berlin" in dict(answer.headers)["Preference-Applied"]
