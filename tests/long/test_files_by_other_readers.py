"""Files read by programs of other people: polars, DuckDB and LibreOffice have the values of the oracle or of JSON, of generated queries.

What LibreOffice itself loses is in its readers: of CSV nothing but which characters end a line; of a workbook that too, and digits beyond the 15th.
"""

from __future__ import annotations

import csv
import io
import tempfile

import duckdb
import pandas
import polars
import pytest
from tests.harness.figures import amount
from tests.harness.file_checks import asked, check, json_rows
from tests.harness.other_readers import LIBREOFFICE_CSV, LIBREOFFICE_SHEET, OTHER_READERS, converted
from tests.live.test_files_of_types import served, zoo
from tests.live.test_files_of_wares import dsn, wares_served
from tests.oracle.file_queries import of_asked, zoo_query
from tests.oracle.type_queries import Asked
from tests.oracle.wares import EVERYTHING, WareMaker

__all__ = ("dsn", "served", "wares_served", "zoo")
QUERIES = amount(60, 1_500)
TYPES = "Beasts?$select=id,i8,n,n2,f8,flag,txt,doc,ts,day,gid&$filter=ts le 9999-12-31T00:00:00Z or ts eq null"


@pytest.mark.parametrize("format_name", OTHER_READERS)
async def test_every_value(wares_served, format_name):
    for query in EVERYTHING.values():
        if "ndjson" not in format_name or "value" not in query.members:  # lines that are no objects
            assert await check(wares_served, query, format_name, OTHER_READERS[format_name])


@pytest.mark.parametrize("format_name", OTHER_READERS)
async def test_a_generated_query(wares_served, format_name):
    for number in range(QUERIES):
        query = WareMaker(f"{format_name} {number}").query()
        if "ndjson" not in format_name or "value" not in query.members:
            assert await check(wares_served, query, format_name, OTHER_READERS[format_name])


@pytest.mark.parametrize("format_name", OTHER_READERS)
async def test_a_generated_query_over_every_type(zoo, served, format_name):
    done = [
        await check(served, zoo_query(format_name, number, zoo.tables), format_name, OTHER_READERS[format_name])
        for number in range(QUERIES)
    ]
    assert sum(done) > QUERIES / 2


@pytest.mark.parametrize(("format_name", "to", "reader"), [("csv", "csv", LIBREOFFICE_CSV), ("xlsx", "xlsx", LIBREOFFICE_SHEET)])
async def test_libreoffice_has_every_value(wares_served, zoo, served, format_name, to, reader):
    """It opens the files, and what it writes then is compared; all files at once, because it starts slowly."""
    queries = [*EVERYTHING.values(), *(WareMaker(f"LibreOffice {number}").query() for number in range(QUERIES // 2))]
    cases = []
    for query in queries:
        if format_name not in query.refused:
            rows = await json_rows(wares_served, query)
            if rows:
                cases.append((query, rows, (await asked(wares_served, query, format_name)).body))
    for table in zoo.tables.values():
        query = of_asked(Asked(table, select=tuple(table.columns)))
        cases.append((query, query.rows, (await asked(served, query, format_name)).body))
    written = converted([body for _, _, body in cases], format_name, to)
    for (query, rows, _), body in zip(cases, written, strict=True):
        wrong = reader.wrong(body, query.members, rows, is_ordered=query.is_ordered)
        assert not wrong, (query.target, wrong[:5])


@pytest.mark.parametrize("name", ["i8", "txt", "day", "flag"])
async def test_a_file_of_one_column_has_as_many_rows_for_every_reader(served, name):
    """Readers pass over blank lines, so null is \"\" there."""
    target = f"Beasts?$select={name}&$filter=ts le 9999-12-31T00:00:00Z or ts eq null"
    body = (await served.ask(f"{target}&$format=csv")).body
    wanted = [row[name] for row in (await served.ask(f"{target}&$format=application/json;odata.metadata=none")).json()["value"]]
    assert None in wanted
    kept = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    counts = [len(kept), len(pandas.read_csv(io.BytesIO(body))), len(polars.read_csv(io.BytesIO(body), infer_schema=False))]
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(body)
        file.flush()
        counts.append(len(duckdb.sql(f"SELECT * FROM read_csv('{file.name}', header=true, all_varchar=true)").fetchall()))
    assert counts == [len(wanted)] * 4
    assert [row[name] == "" for row in kept] == [value in (None, "") for value in wanted]


async def test_columns_have_the_types_of_the_model_for_every_reader(served, tmp_path):
    for format_name in ("parquet", "arrow"):
        (tmp_path / f"rows.{format_name}").write_bytes((await served.ask(f"{TYPES}&$format={format_name}")).body)
    frames = [polars.read_parquet(tmp_path / "rows.parquet"), polars.read_ipc_stream(tmp_path / "rows.arrow")]
    assert frames[0].equals(frames[1])
    types = [str(type_) for type_ in frames[0].schema.values()]
    assert types == [
        "Int32", "Int64", "String", "Decimal(precision=12, scale=2)", "Float64", "Boolean", "String", "String",
        "Datetime(time_unit='us', time_zone='UTC')", "Date", "String",
    ]  # fmt: skip
    read = duckdb.sql(f"SELECT * FROM '{tmp_path}/rows.parquet'")
    assert [str(type_) for type_ in read.types] == [
        "INTEGER", "BIGINT", "VARCHAR", "DECIMAL(12,2)", "DOUBLE", "BOOLEAN", "VARCHAR", "VARCHAR", "TIMESTAMP WITH TIME ZONE", "DATE", "VARCHAR",
    ]  # fmt: skip
    pandas_types = [str(type_) for type_ in pandas.read_parquet(tmp_path / "rows.parquet", dtype_backend="pyarrow").dtypes]
    assert pandas_types[1] == "int64[pyarrow]" and pandas_types[3] == "decimal128(12, 2)[pyarrow]"
