"""Rows of 1,600 columns, the most that a table of Postgres has: every format has all of them, and what no statement can join is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.harness.cluster import READER, Cluster
from tests.harness.inside import Inside, inside
from tests.harness.own_model import document, entity
from tests.harness.read_back import READERS

DATABASE = "wide_rows"
COLUMNS = [f"c{number}" for number in range(1_599)]
TYPES = {
    "Wide": entity("id", {"id": "Int32", **dict.fromkeys(COLUMNS, "String?")}, "wides"),
    "Other": entity("id", {"id": "Int32", **dict.fromkeys(COLUMNS[:99], "String?")}, "others"),
}


@pytest.fixture(scope="module")
def model(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Rows in which every third column is null."""
    cluster.load(DATABASE)
    values = ", ".join(f"'{number}/' || i" if number % 3 else "NULL" for number in range(len(COLUMNS)))
    columns = ", ".join(f"{name} text" for name in COLUMNS)
    cluster.psql(
        DATABASE,
        f"CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO {READER}; CREATE TABLE own.wides (id int PRIMARY KEY, {columns});"
        f"INSERT INTO own.wides SELECT i, {values} FROM generate_series(1, 20) AS i;"
        f"CREATE TABLE own.others AS SELECT id, {', '.join(COLUMNS[:99])} FROM own.wides; ALTER TABLE own.others ADD PRIMARY KEY (id);"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA own TO {READER}",
    )
    path = tmp_path_factory.mktemp("wide") / "model.json"
    path.write_text(json.dumps(document(TYPES)))
    yield str(path)
    cluster.psql("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
async def served(cluster: Cluster, model: str) -> AsyncIterator[Inside]:
    async with inside(cluster.dsn(user=READER, database=DATABASE), ODATA_MODEL=model) as gateway:
        yield gateway


def wanted(row: int) -> dict[str, object]:
    return {"id": row} | {name: f"{n}/{row}" if n % 3 else None for n, name in enumerate(COLUMNS)}


async def test_json_has_all_columns(served):
    expected = [wanted(row) for row in range(1, 21)]
    assert (await served.ask("Wides?$format=application/json;odata.metadata=none")).json()["value"] == expected
    without = (await served.ask("Wides(3)", headers={"Prefer": "omit-values=nulls"})).json()
    assert {name: value for name, value in without.items() if name[0] != "@"} == {k: v for k, v in wanted(3).items() if v is not None}
    lines = (await served.ask("Wides?$format=ndjson")).body.splitlines()
    assert [json.loads(line) for line in lines] == expected


@pytest.mark.parametrize("format_name", ["csv", "xlsx", "arrow", "parquet"])
async def test_a_file_has_all_columns(served, format_name):
    answer = await served.ask(f"Wides?$format={format_name}")
    names, rows = READERS[format_name][0].table(answer.body)
    assert names == ["id", *COLUMNS] and len(rows) == 20
    for number, row in enumerate(rows, 1):
        assert [None if cell is None else str(cell) for cell in row] == [None if v is None else str(v) for v in wanted(number).values()]


@pytest.mark.parametrize("format_name", ["json", "csv", "ndjson", "xlsx", "arrow", "parquet", "table"])
async def test_more_columns_than_a_statement_has_are_refused(served, format_name):
    answer = await served.ask(f"$crossjoin(Wides,Others)?$expand=Wides,Others&$top=1&$format={format_name}")
    assert (answer.status, answer.code) == (400, "Limit.Nodes") and "$select" in answer.json()["error"]["message"]
    fewer = await served.ask(f"$crossjoin(Wides,Others)?$expand=Wides($select=id,c1),Others&$top=1&$format={format_name}")
    assert fewer.status == 200
