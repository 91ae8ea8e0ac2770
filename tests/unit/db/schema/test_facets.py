"""No value is outside of what $metadata declares: where a column allows more than the model says, the facet gives way, and `check` says so."""

from __future__ import annotations

import json
import re

import pytest
from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.edm.csdl import parse_model
from tests.harness.inside import inside

DECIMAL, TEXT, TIME = {"$Type": "Edm.Decimal"}, {"$Type": "Edm.String"}, {"$Type": "Edm.DateTimeOffset"}
# (the column's type, the declaration, (precision, scale, maximal length) as served, the facets that gave way)
CASES = [
    ("numeric(20,4)", DECIMAL | {"$Precision": 6, "$Scale": 2}, (20, 4, None), ["$Precision", "$Scale"]),
    ("numeric(6,2)", DECIMAL | {"$Precision": 6, "$Scale": 2}, (6, 2, None), []),
    ("numeric(5,2)", DECIMAL | {"$Precision": 6, "$Scale": 2}, (6, 2, None), []),
    ("numeric(5,4)", DECIMAL | {"$Precision": 6, "$Scale": 2}, (8, 4, None), ["$Precision", "$Scale"]),
    ("numeric(6,0)", DECIMAL | {"$Precision": 6, "$Scale": 2}, (8, 2, None), ["$Precision"]),
    ("numeric", DECIMAL | {"$Precision": 6, "$Scale": 2}, (None, "variable", None), ["$Precision", "$Scale"]),
    ("numeric", DECIMAL | {"$Precision": 6, "$Scale": "variable"}, (None, "variable", None), ["$Precision"]),
    ("numeric", DECIMAL, (None, "variable", None), []),
    ("numeric(12,2)", DECIMAL | {"$Precision": 6, "$Scale": "variable"}, (12, "variable", None), ["$Precision"]),
    ("numeric(3,5)", DECIMAL | {"$Precision": 3, "$Scale": 3}, (5, 5, None), ["$Precision", "$Scale"]),
    ("numeric(5,-2)", DECIMAL | {"$Precision": 5, "$Scale": 0}, (7, 0, None), ["$Precision"]),
    ("int8", DECIMAL | {"$Precision": 10, "$Scale": 0, "@Gateway.PgType": "int8"}, (19, 0, None), ["$Precision"]),
    ("money_amount", DECIMAL | {"$Precision": 6, "$Scale": 2}, (12, 2, None), ["$Precision"]),
    ("money_of_shop", DECIMAL | {"$Precision": 6, "$Scale": 2}, (12, 2, None), ["$Precision"]),
    ("text", TEXT | {"$MaxLength": 3}, (None, None, None), ["$MaxLength"]),
    ("varchar", TEXT | {"$MaxLength": 3}, (None, None, None), ["$MaxLength"]),
    ("varchar(10)", TEXT | {"$MaxLength": 3}, (None, None, 10), ["$MaxLength"]),
    ("varchar(3)", TEXT | {"$MaxLength": 5}, (None, None, 5), []),
    ("char(4)", TEXT | {"$MaxLength": 4, "@Gateway.PgType": "bpchar"}, (None, None, 4), []),
    ("uuid", TEXT | {"$MaxLength": 10, "@Gateway.PgType": "uuid"}, (None, None, 36), ["$MaxLength"]),
    ("jsonb", TEXT | {"$MaxLength": 10, "@Gateway.PgType": "jsonb"}, (None, None, None), ["$MaxLength"]),
    ("text", TEXT, (None, None, None), []),
    ("bytea", {"$Type": "Edm.Binary", "$MaxLength": 2}, (None, None, None), ["$MaxLength"]),
    ("timestamp", TIME, (6, None, None), []),
    ("timestamp(0)", TIME | {"$Precision": 0}, (6, None, None), ["$Precision"]),
    ("timestamptz", TIME | {"$Precision": 3, "@Gateway.PgType": "timestamptz"}, (6, None, None), ["$Precision"]),
    ("timestamp", TIME | {"$Precision": 7}, (7, None, None), []),
    ("time", {"$Type": "Edm.TimeOfDay"}, (6, None, None), []),
    ("interval", {"$Type": "Edm.Duration", "$Precision": 2}, (6, None, None), ["$Precision"]),
    ("date", {"$Type": "Edm.Date"}, (None, None, None), []),
]  # fmt: skip
CREATE = (
    "CREATE DOMAIN public.money_amount AS numeric(12,2); CREATE DOMAIN public.money_of_shop AS public.money_amount NOT NULL DEFAULT 0; "
    + "CREATE TABLE public.facets (id int4 PRIMARY KEY, "
    + ", ".join(f"c{number} {pg_type}" for number, (pg_type, *_) in enumerate(CASES))
    + "); GRANT SELECT ON public.facets TO PUBLIC; CREATE VIEW public.facets_view AS SELECT * FROM public.facets; GRANT SELECT ON public.facets_view TO PUBLIC;"
)


def document(table: str = "facets", **properties: object) -> dict[str, object]:
    declared = {f"c{number}": {**declaration, "$Nullable": True} for number, (_, declaration, *_) in enumerate(CASES)}
    entity_type = {
        "$Kind": "EntityType",
        "$Key": ["id"],
        "@Gateway.Table": f"public.{table}",
        "@Gateway.Unscoped": True,
        "id": {"$Type": "Edm.Int32"},
    }
    container = {"$Kind": "EntityContainer", "F": {"$Collection": True, "$Type": "T.Facet"}}
    return {"$Version": "4.01", "$EntityContainer": "T.C", "T": {"Facet": {**entity_type, **(properties or declared)}, "C": container}}


@pytest.mark.parametrize("table", ["facets", "facets_view"])
async def test_values_are_within_the_facets_that_are_served(owner, scratch_reader_dsn, table):
    await owner.execute(CREATE)
    database = await Database.open(DatabaseSettings(scratch_reader_dsn))
    model, findings = await inspect(database, parse_model(document(table)))
    await database.close()
    for number, (pg_type, declaration, wanted, given_way) in enumerate(CASES):
        prop = model.entity_types["Facet"].properties[f"c{number}"]
        assert (prop.precision, prop.scale, prop.max_length) == wanted, (pg_type, declaration)
        texts = [finding.text for finding in findings if finding.subject == f"public.{table}.c{number}" and "exceed" in finding.text]
        assert [re.search(r"\$\w+", text).group() for text in texts] == given_way, (pg_type, texts)
        assert all(finding.level == "warning" for finding in findings if "exceed" in finding.text)


async def test_a_whole_number_is_served_as_the_type_of_its_column(owner, scratch_reader_dsn):
    """The model may name a wider column, whose values the declared type need not hold."""
    await owner.execute(
        "CREATE TABLE public.facets (id int4 PRIMARY KEY, a int8, b int2, c int4, d int2); GRANT SELECT ON public.facets TO PUBLIC"
    )
    declared = {"a": ("Edm.Int32", "int8"), "b": ("Edm.Byte", "int2"), "c": ("Edm.Int16", "int4"), "d": ("Edm.Int32", "int2")}
    properties = {name: {"$Type": type_, "$Nullable": True, "@Gateway.PgType": pg_type} for name, (type_, pg_type) in declared.items()}
    database = await Database.open(DatabaseSettings(scratch_reader_dsn))
    model, findings = await inspect(database, parse_model(document(**properties)))
    await database.close()
    served = {name: prop.type.name for name, prop in model.entity_types["Facet"].properties.items()}
    assert served == {"id": "Edm.Int32", "a": "Edm.Int64", "b": "Edm.Int16", "c": "Edm.Int32", "d": "Edm.Int32"}
    assert sum("is wider than" in finding.text for finding in findings) == 3


async def test_metadata_declares_what_is_served(owner, scratch_reader_dsn, tmp_path):
    await owner.execute(CREATE)
    path = tmp_path / "facets.json"
    path.write_text(json.dumps(document()))
    async with inside(scratch_reader_dsn, ODATA_MODEL=str(path)) as running:
        xml = (await running.ask("$metadata")).body.decode()
        served = (await running.ask("$metadata?$format=json")).json()["T"]["Facet"]
    for number, (_, _, (precision, scale, max_length), _) in enumerate(CASES):
        [line] = re.findall(rf'<Property Name="c{number}" .*/>', xml)
        for facet, value in (("Precision", precision), ("Scale", scale), ("MaxLength", max_length)):
            assert (f'{facet}="{value}"' in line) if value is not None else (facet not in line), line
            assert served[f"c{number}"].get(f"${facet}", "variable" if scale == "variable" and facet == "Scale" else None) == value
