"""Files of columns of every type, read back by independent readers, have the values of the oracle or of JSON: of generated queries, the same in every run."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from tests.harness.cluster import READER, Cluster
from tests.harness.figures import amount
from tests.harness.file_checks import check
from tests.harness.inside import Inside, inside
from tests.harness.read_back import READERS
from tests.oracle import type_tables
from tests.oracle.file_queries import of_asked, zoo_query
from tests.oracle.type_queries import Asked
from tests.oracle.type_tables import Table

DATABASE = "files_of_types"
QUERIES = amount(32, 1_500)


@dataclass(frozen=True)
class Zoo:
    tables: dict[str, Table]
    dsn: str
    model: Path


@pytest.fixture(scope="module")
def zoo(cluster: Cluster, reader_url: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    path = tmp_path_factory.mktemp("types") / "model.json"
    path.write_text(type_tables.model())
    cluster.load(DATABASE)
    cluster.psql(DATABASE, type_tables.script(READER))
    yield Zoo(asyncio.run(type_tables.load(cluster.dsn(database=DATABASE))), reader_url(DATABASE), path)
    cluster.psql("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
async def served(zoo: Zoo) -> AsyncIterator[Inside]:
    async with inside(zoo.dsn, ODATA_MODEL=str(zoo.model), ODATA_STATEMENT_TIMEOUT_S="600") as gateway:
        yield gateway


@pytest.mark.parametrize("format_name", READERS)
async def test_every_value_of_every_type(zoo, served, format_name):
    """Also null against an empty text, 2**53 + 1, NaN, far years, quotes, line ends, emoji and control characters."""
    for table in zoo.tables.values():
        beyond = ("dt", "dur") if format_name in ("arrow", "parquet") else ()
        names = [name for name, column in table.columns.items() if column.kind not in beyond]
        assert await check(served, of_asked(Asked(table, select=tuple(names))), format_name), table.name


@pytest.mark.parametrize("format_name", READERS)
async def test_a_generated_query(zoo, served, format_name):
    """Rows, rows behind a link, groups and products."""
    asked = [await check(served, zoo_query(format_name, number, zoo.tables), format_name) for number in range(QUERIES)]
    assert sum(asked) > QUERIES / 2


@pytest.mark.parametrize("format_name", ("arrow", "parquet"))
async def test_decimals_whose_digits_are_known_are_decimals(served, format_name):
    """A column says it by its type, numeric(12,2); what is computed, and what has any number of digits, is a text."""
    target = f"Beasts?$select=n,n2,more&$compute=n2 mul 2 as more&$format={format_name}"
    body = (await served.ask(target)).body
    table = pa.ipc.open_stream(body).read_all() if format_name == "arrow" else pyarrow.parquet.read_table(io.BytesIO(body))
    assert [str(type_) for type_ in table.schema.types] == ["string", "decimal128(12, 2)", "string"]
    grouped = (await served.ask("Beasts?$apply=groupby((n2))&$format=arrow")).body
    assert [str(type_) for type_ in pa.ipc.open_stream(grouped).schema.types] == ["string"]


async def test_a_time_that_arrow_cannot_say_is_refused_before_the_first_byte(served):
    """Its last microsecond is 30 years before that of Postgres."""
    answer = await served.ask("Beasts?$select=ts&$format=arrow")
    assert (answer.status, answer.broken, answer.code) == (406, "", "Url.Format")
    assert answer.json()["error"]["message"].startswith("$format: arrow cannot show a value that is beyond its types")
