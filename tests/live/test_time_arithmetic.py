"""Times and durations that leave the range of Postgres are null: no row ends a collection, and what is shown as null is null in conditions and order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from tests.harness.inside import Inside, inside

CREATE = """
CREATE TABLE public.moments (id int4 PRIMARY KEY, at timestamp, zoned timestamptz, day date, span interval, n int8, d numeric, f float8);
INSERT INTO public.moments VALUES
  (1, '2021-11-23 10:00:00.000001', '2021-11-23 10:00:00.000001+00', '2021-11-23', '36:00:00.5', 2, 1.5, 0.5),
  (2, '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '294276-12-31', '1 day', 9223372036854775807, 1e400, 1e308),
  (3, '4714-11-24 00:00 BC', '4714-11-24 00:00+00 BC', '4714-11-24 BC', '-1 day', -9223372036854775808, -1e400, -1e308),
  (4, 'infinity', 'infinity', 'infinity', '2147483647 days', 1, 1, 'Infinity'),
  (5, '-infinity', '-infinity', '-infinity', '-2147483648 days', 1, 1, 'NaN'),
  (6, '2000-02-29', '2000-02-29', '5874897-12-31', '178000000 years', 3, 1e-400, 5e-324),
  (7, '2000-01-31', '2000-01-31', '2000-01-31', '1 mon 1 day 00:00:00.000001', 7, 0.1, 3),
  (8, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
GRANT SELECT ON public.moments TO PUBLIC
"""
PROPERTIES = {
    "at": {"$Type": "Edm.DateTimeOffset"}, "zoned": {"$Type": "Edm.DateTimeOffset", "@Gateway.PgType": "timestamptz"}, "day": {"$Type": "Edm.Date"},
    "span": {"$Type": "Edm.Duration"}, "n": {"$Type": "Edm.Int64"}, "d": {"$Type": "Edm.Decimal"}, "f": {"$Type": "Edm.Double"},
}  # fmt: skip
MODEL = {
    "$Version": "4.01", "$EntityContainer": "T.C",
    "T": {
        "Moment": {
            "$Kind": "EntityType", "$Key": ["id"], "@Gateway.Table": "public.moments", "@Gateway.Unscoped": True, "id": {"$Type": "Edm.Int32"},
            **{name: {**declaration, "$Nullable": True} for name, declaration in PROPERTIES.items()},
        },
        "C": {"$Kind": "EntityContainer", "M": {"$Collection": True, "$Type": "T.Moment"}},
    },
}  # fmt: skip
# expression: the value for the rows 1 and 7
EXPRESSIONS = {
    "at add span": ["2021-11-24T22:00:00.500001Z", "2000-03-02T00:00:00.000001Z"],
    "zoned sub span": ["2021-11-21T21:59:59.500001Z", "1999-12-30T23:59:59.999999Z"],
    "at add duration'P1D'": ["2021-11-24T10:00:00.000001Z", "2000-02-01T00:00:00.000000Z"],
    "at sub duration'PT0.000001S'": ["2021-11-23T10:00:00.000000Z", "2000-01-30T23:59:59.999999Z"],
    "now() add span sub now()": ["PT129600.500000S", "PT2678400.000001S"],
    "at sub zoned": ["PT0.000000S", "PT0.000000S"],
    "maxdatetime() sub mindatetime() add (span sub span)": ["PT9435184819199.999999S", "PT9435184819199.999999S"],
    "day add span": ["2021-11-24", "2000-03-02"],
    "day sub span": ["2021-11-21", "1999-12-30"],
    "day sub 2000-01-01": ["PT690940800S", "PT2592000S"],
    "cast(day,Edm.DateTimeOffset) add span": ["2021-11-24T12:00:00.500000Z", "2000-03-02T00:00:00.000001Z"],
    "span add span": ["PT259201.000000S", "PT5356800.000002S"],
    "span sub duration'P1D'": ["PT43200.500000S", "PT2592000.000001S"],
    "-span": ["-PT129600.500000S", "-PT2678400.000001S"],
    "span mul n": ["PT259201.000000S", "PT18748800.000007S"],
    "n mul span": ["PT259201.000000S", "PT18748800.000007S"],
    "span mul d": ["PT194400.750000S", "PT267840.000000S"],
    "span mul f": ["PT64800.250000S", "PT8035200.000003S"],
    "span div n": ["PT64800.250000S", "PT382628.571429S"],
    "span div d": ["PT86400.333333S", "PT26784000.000010S"],
    "span divby f": ["PT259201.000000S", "PT892800.000000S"],
    "span mul 1e300": [None, None],
    "span mul 9223372036854775807": [None, None],
}  # fmt: skip


@pytest.fixture
async def moments(scratch_dsn: str, scratch_reader_dsn: str, tmp_path: Path) -> AsyncIterator[Inside]:
    connection = await asyncpg.connect(scratch_dsn)
    await connection.execute(CREATE)
    await connection.close()
    path = tmp_path / "moments.json"
    path.write_text(json.dumps(MODEL))
    async with inside(scratch_reader_dsn, ODATA_MODEL=str(path)) as running:
        yield running


async def test_arithmetic_that_leaves_the_range_is_null_for_its_row_alone(moments):
    for text, wanted in EXPRESSIONS.items():
        answer = await moments.ask(f"M?$compute={quote(text)} as x&$select=id,x")
        assert answer.status == 200, (text, answer.body)
        values = {row["id"]: row["x"] for row in answer.json()["value"]}
        shown = [values[1], values[7]]
        if wanted[0] is not None and wanted[0].startswith(("PT", "-PT")):
            shown = [value and value.replace(".000000S", "S") for value in shown]
            wanted = [value and value.replace(".000000S", "S") for value in wanted]
        assert shown == wanted, text
        assert len(values) == 8 and values[8] is None, text
        for op, negation in (("eq", "ne"), ("ne", "eq")):
            found = await moments.pages(f"M?$select=id&$filter={quote(f'({text}) {op} null')}")
            kept = {id_ for id_, value in values.items() if (value is None) == (op == "eq")}
            assert {row["id"] for page in found for row in page} == kept, (text, op)
            found = await moments.pages(f"M?$select=id&$filter={quote(f'not (({text}) {negation} null)')}")
            assert {row["id"] for page in found for row in page} == kept, (text, negation)
        pages = await moments.pages(f"M?$select=id&$orderby={quote(text)} desc", headers={"Prefer": "maxpagesize=1"})
        ids = [row["id"] for page in pages for row in page]
        assert sorted(ids) == list(range(1, 9)), text
        assert all(values[id_] is None for id_ in ids[sum(value is not None for value in values.values()) :]), text


async def test_what_is_known_of_the_ends_of_times(moments):
    for odata, wanted in {
        "maxdatetime() add duration'PT0.000001S' eq null": True, "mindatetime() sub duration'PT0.000001S' eq null": True,
        "maxdatetime() sub duration'PT0.000001S' lt maxdatetime()": True, "maxdatetime() sub mindatetime() gt duration'P106000000D'": True,
        "mindatetime() add (maxdatetime() sub mindatetime()) eq maxdatetime()": True, "5874897-12-31 add duration'P1D' eq null": True, "5874897-12-30 add duration'P1D' eq 5874897-12-31": True,
        "duration'P1D' mul 1e20 eq null": True, "duration'P1D' mul NaN eq null": True, "duration'P1D' div INF eq duration'PT0S'": True,
    }.items():  # fmt: skip
        answer = await moments.ask(f"M/$count?$filter={quote(odata)}")
        assert (answer.status, answer.body) == (200, b"8" if wanted else b"0"), (odata, answer.body)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("at add duration'PT0S'", "294276-12-31T23:59:59.999999Z"),
        ("zoned sub duration'PT0S'", "294276-12-31T23:59:59.999999Z"),
        ("at sub duration'PT0.000001S'", "294276-12-31T23:59:59.999998Z"),
        ("zoned sub duration'PT0.00005S'", "294276-12-31T23:59:59.999949Z"),
        ("at sub duration'PT0.00005S' add duration'PT0.00005S'", "294276-12-31T23:59:59.999999Z"),
        ("at sub duration'PT0.00005S' add duration'PT0.000051S'", None),
        ("at add duration'PT0.000001S'", None),
        ("at sub duration'-P1D'", None),
    ],
)
async def test_the_last_times_keep_all_their_digits(moments, expression, wanted):
    answer = await moments.ask(f"M(2)?$compute={quote(expression)} as x&$select=x")
    assert answer.status == 200 and answer.json()["x"] == wanted
    same = await moments.ask(f"M/$count?$filter=id eq 2 and {quote(expression)} eq {wanted or 'null'}")
    assert same.body == b"1"


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("at add duration'PT0S'", "-4713-11-24T00:00:00.000000Z"),
        ("at add duration'PT0.000001S'", "-4713-11-24T00:00:00.000001Z"),
        ("at sub duration'PT0.000001S'", None),
    ],
)
async def test_the_first_times_keep_all_their_digits(moments, expression, wanted):
    answer = await moments.ask(f"M(3)?$compute={quote(expression)} as x&$select=x")
    assert answer.status == 200 and answer.json()["x"] == wanted
