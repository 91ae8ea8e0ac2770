"""Files of objects and collections: columns of their members in tables, nested in Arrow and Parquet."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from tests.harness.read_back import csv_table, sheet_table
from tests.live.test_structured_types import made, rows, settings

__all__ = ("made", "settings")


def test_tables_have_a_column_for_each_member_of_an_object(made):
    target = "thing?$select=id,home,tags&$orderby=id"
    names, cells = csv_table(made.get(f"{target}&$format=csv", token=None).body)
    assert names == ["id", "tags", "home/street", "home/Zip_Code", "home/spot/lat", "home/spot/lon", "home/since"]
    for shown, row in zip(rows(made, target), cells, strict=True):
        home = shown["home"] or {}
        spot = home.get("spot") or {}
        texts = [home.get("street"), home.get("Zip_Code"), spot.get("lat"), spot.get("lon"), home.get("since")]
        assert row[2:] == [None if text is None else str(text) for text in texts]
        assert json.loads(row[1]) == shown["tags"]
    names, sheet = sheet_table(made.get(f"{target}&$format=xlsx", token=None).body)
    assert [row[4] for row in sheet] == [None if cell[4] is None else float(cell[4]) for cell in cells]


@pytest.mark.parametrize(
    "read", [("arrow", lambda body: pa.ipc.open_stream(body).read_all()), ("parquet", lambda body: pq.read_table(io.BytesIO(body)))]
)
def test_arrow_and_parquet_nest_objects_and_collections(made, read):
    format_name, table_of = read
    target = "thing?$select=id,home,homes,tags,large,times,doubles,flags,span&$orderby=id"
    table = table_of(made.get(f"{target}&$format={format_name}", token=None).body)
    types = {field.name: str(field.type) for field in table.schema}
    assert types["large"].startswith("list<") and "int64" in types["large"] and "timestamp[us, tz=UTC]" in types["times"]
    assert types["home"].startswith("struct<street: string") and "spot: struct<lat: double, lon: double>" in types["home"]
    for shown, row in zip(rows(made, target), table.to_pylist(), strict=True):
        assert row["tags"] == shown["tags"] and row["large"] == shown["large"] and row["flags"] == shown["flags"]
        since = [each and each.pop("since") for each in (shown["home"], row["home"])]
        assert row["home"] == shown["home"] and str(since[1]) == str(since[0])
        assert [at and at.isoformat(timespec="microseconds") for at in row["times"]] == [
            at and at.replace("Z", "+00:00") for at in shown["times"]
        ]
        assert row["span"] == shown["span"] and len(row["homes"]) == len(shown["homes"])


def test_one_object_is_a_table_of_its_members(made):
    assert csv_table(made.get("thing(1)/home?$format=csv", token=None).body)[1] == [["Main St", "12345", "1.5", "2.5", "2020-01-01"]]
    assert made.get("thing(3)/home?$format=csv", token=None).status == made.get("thing(3)/home", token=None).status == 204
    assert csv_table(made.get("thing(1)/numbers?$format=csv", token=None).body) == (["numbers"], [["[1,2,null,2147483647]"]])
