"""Models that say otherwise than the columns, and roles that may not use PostGIS: `check` says so, and what is left is right."""

from __future__ import annotations

import asyncio
import json

import pytest
from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.edm.csdl import parse_model
from tests.harness.shapes import GIS, READER

DECLARED = {
    "spot": {"$Type": "Edm.GeographyPoint", "$SRID": "3857"},
    "anything": {"$Type": "Edm.GeographyPoint", "$SRID": "4326", "$Nullable": True},
    "route": {"$Type": "Edm.Geography", "$Nullable": True},
    "area": {"$Type": "Edm.GeographyPoint", "$Nullable": True},
    "name": {"$Type": "Edm.GeometryPoint", "$Nullable": True},
    "absent": {"$Type": "Edm.GeometryPoint", "$Nullable": True},
}
PLACE = {
    "$Kind": "EntityType",
    "$Key": ["id"],
    "@Gateway.Table": "world.place",
    "@Gateway.Unscoped": True,
    "id": {"$Type": "Edm.Int32"},
    **DECLARED,
}
CONTAINER = {"$Kind": "EntityContainer", "places": {"$Collection": True, "$Type": "S.place"}}
MODEL = {"$Version": "4.01", "$EntityContainer": "S.Service", "S": {"place": PLACE, "Service": CONTAINER}}


def compared(dsn):
    async def run():
        database = await Database.open(DatabaseSettings(dsn))
        try:
            return await inspect(database, parse_model(json.loads(json.dumps(MODEL))))
        finally:
            await database.close()

    return asyncio.run(run())


def test_what_a_model_says_otherwise_is_told(places_dsn):
    model, findings = compared(places_dsn)
    place = model.entity_types["place"]
    assert {name: (p.type.name, p.srid) for name, p in place.properties.items() if name != "id"} == {
        "spot": ("Edm.GeographyPoint", 4326),
        "anything": ("Edm.Geography", "variable"),
        "route": ("Edm.Geography", 4326),
    }
    assert set(place.withheld) == {"area", "name", "absent"}
    texts = "\n".join(finding.text for finding in findings)
    for text in (
        "the coordinate system of the column is 4326, not 3857",
        "type geography is wider than Edm.GeographyPoint; anything is served as Edm.Geography",
        "type geography cannot be served as Edm.GeographyPoint; area is left out",
        "type text cannot be served as Edm.GeometryPoint; name is left out",
        "the column does not exist; absent is left out",
    ):
        assert text in texts


@pytest.mark.parametrize(
    ("taken", "given"),
    [
        (f"REVOKE USAGE ON SCHEMA {GIS} FROM {READER}", f"GRANT USAGE ON SCHEMA {GIS} TO {READER}"),
        (f"REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {GIS} FROM PUBLIC", f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {GIS} TO PUBLIC"),
    ],
)
def test_a_role_that_may_not_use_postgis_has_no_shapes(server, places_dsn, taken, given):
    server.psql("places", taken)
    try:
        model, findings = compared(places_dsn)
    finally:
        server.psql("places", given)
    place = model.entity_types["place"]
    assert list(place.properties) == ["id"] and "may not" in place.withheld["spot"].message
    assert any("may not use the functions of type geography" in finding.text for finding in findings)
