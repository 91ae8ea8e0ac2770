"""What a geography or geometry is in rows, texts, files and $metadata, of every kind that PostGIS keeps."""

from __future__ import annotations

import csv
import io
import json

import pytest
from tests.harness.csdl import assert_valid_json, assert_valid_xml

SYSTEM = {number: {"type": "name", "properties": {"name": f"EPSG:{number}"}} for number in (3857, 4269, 4326)}


def shape(kind, coordinates, system=None):
    found = {"type": kind, "coordinates": coordinates}
    return found if system is None else {**found, "crs": SYSTEM[system]}


def collection(*shapes, system=None):
    found = {"type": "GeometryCollection", "geometries": list(shapes)}
    return found if system is None else {**found, "crs": SYSTEM[system]}


# By set and property: the values of the rows that are not null, by id.
VALUES = {
    "place/spot": {
        1: shape("Point", [13.4, 52.5]),
        2: shape("Point", [2.35, 48.85]),
        3: shape("Point", [12.5, 41.9]),
        4: shape("Point", []),
        6: shape("Point", [0.1234567890123456, 0.000000012345678901234567]),
    },
    "place/area": {1: shape("Polygon", [[[13, 52], [14, 52], [14, 53], [13, 53], [13, 52]]]), 3: shape("Polygon", [])},
    "place/route": {1: shape("LineString", [[13, 52], [14, 53]]), 3: shape("LineString", [])},
    "place/high": {1: shape("Point", [1, 2, 3]), 3: shape("Point", [])},
    "place/other": {1: shape("Point", [7, 8])},
    "place/anything": {
        1: shape("Point", [1, 2], 4326),
        2: shape("LineString", [[0, 0], [1, 1]], 4269),
        3: collection(shape("Point", [1, 2]), shape("LineString", [[0, 0], [1, 1]]), system=4326),
        4: shape("MultiPoint", [[1, 2], [3, 4]], 4326),
        6: shape("Polygon", [[[0, 0], [3, 0], [3, 3], [0, 0]], [[1, 0.2], [2, 0.2], [2, 1], [1, 0.2]]], 4326),
    },
    "plan/anything": {1: shape("Point", [1, 2]), 3: shape("Point", [1, 2], 4326)},
    "plan/point": {1: shape("Point", [10, 20]), 3: shape("Point", [0, 0]), 4: shape("Point", [-1e300, 5])},
    "plan/measured": {1: shape("Point", [1, 2])},
    "plan/measured_high": {1: shape("Point", [1, 2, 3])},
    "plan/points": {1: shape("MultiPoint", [[1, 2], [3, 4]]), 3: shape("MultiPoint", [])},
    "plan/lines": {1: shape("MultiLineString", [[[0, 0], [3, 4]], [[0, 0], [0, 1]]])},
    "plan/polygons": {1: shape("MultiPolygon", [[[[0, 0], [4, 0], [4, 4], [0, 0]]]])},
    "plan/collection": {1: collection(shape("MultiPoint", [[1, 2], [3, 4]]), shape("Point", [1, 2])), 3: collection()},
    "plan/of_3857": {
        1: shape("LineString", [[0, 0], [3, 4]]),
        3: shape("Point", [0, 0]),
        4: shape("Polygon", [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]),
    },
    "plan/no_system": {1: shape("Point", [1, 1]), 3: shape("Point", [1, 1], 4326)},
}
TYPES = {
    "place/spot": ("Edm.GeographyPoint", "4326"),
    "place/area": ("Edm.GeographyPolygon", "4326"),
    "place/route": ("Edm.GeographyLineString", "4326"),
    "place/high": ("Edm.GeographyPoint", "4326"),
    "place/other": ("Edm.GeographyPoint", "4326"),
    "place/anything": ("Edm.Geography", "variable"),
    "plan/anything": ("Edm.Geometry", "variable"),
    "plan/point": ("Edm.GeometryPoint", "3857"),
    "plan/measured": ("Edm.GeometryPoint", "4326"),
    "plan/measured_high": ("Edm.GeometryPoint", "4326"),
    "plan/polygon": ("Edm.GeometryPolygon", "3857"),
    "plan/points": ("Edm.GeometryMultiPoint", "3857"),
    "plan/lines": ("Edm.GeometryMultiLineString", "3857"),
    "plan/polygons": ("Edm.GeometryMultiPolygon", "3857"),
    "plan/collection": ("Edm.GeometryCollection", "4326"),
    "plan/of_3857": ("Edm.Geometry", "3857"),
    "plan/no_system": ("Edm.GeometryPoint", "variable"),
    "plan/list": ("Edm.Geometry", "variable"),
    "seen/here": ("Edm.Geometry", "variable"),
}
TEXTS = {
    "place(1)/spot": "SRID=4326;POINT(13.4 52.5)",
    "place(4)/spot": "SRID=4326;POINT EMPTY",
    "place(6)/spot": "SRID=4326;POINT(0.1234567890123456 0.000000012345678901234567)",
    "place(1)/high": "SRID=4326;POINT(1 2 3)",
    "place(3)/high": "SRID=4326;POINT EMPTY",
    "place(2)/anything": "SRID=4269;LINESTRING(0 0,1 1)",
    "plan(1)/anything": "SRID=0;POINT(1 2)",
    "plan(1)/measured": "SRID=4326;POINT(1 2)",
    "plan(1)/measured_high": "SRID=4326;POINT(1 2 3)",
    "plan(1)/points": "SRID=3857;MULTIPOINT((1 2),(3 4))",
    "plan(1)/polygon": "SRID=3857;POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 2,1 1))",
    "plan(1)/collection": "SRID=4326;GEOMETRYCOLLECTION(MULTIPOINT((1 2),(3 4)),POINT(1 2))",
}


@pytest.mark.parametrize("path", VALUES)
def test_a_value_is_geojson_and_what_odata_cannot_say_is_null_everywhere(places, path):
    name, _, prop = path.partition("/")
    rows = {row["id"]: row[prop] for page in places.pages(f"{name}?$select=id,{prop}") for row in page}
    assert {id_: value for id_, value in rows.items() if value is not None} == VALUES[path]
    for condition, ids in ((f"{prop} ne null", set(VALUES[path])), (f"{prop} eq null", set(rows) - set(VALUES[path]))):
        found = {row["id"] for page in places.pages(f"{name}?$select=id&$filter={condition}") for row in page}
        assert found == ids
    assert places.get(f"{name}/$count?$filter={prop} ne null").body == str(len(VALUES[path])).encode()


def test_the_type_comes_before_the_coordinates(places):
    for value in places.get("place?$select=anything").rows:
        names = list(value["anything"] or ("type", "crs"))
        assert (names[0], names[-1]) == ("type", "crs")


def test_metadata_says_shape_and_coordinate_system(places):
    xml, text = places.get("$metadata").body, places.get("$metadata?$format=json").body
    assert_valid_xml(xml)
    assert_valid_json(text)
    schema = json.loads(text)["world"]
    for path, (type_, system) in TYPES.items():
        name, _, prop = path.partition("/")
        assert (schema[name][prop]["$Type"], schema[name][prop]["$SRID"]) == (type_, system), path
        assert f'Name="{prop}" Type="{type_}'.encode() in xml or f'Name="{prop}" Type="Collection({type_})'.encode() in xml
    assert b'SRID="variable"' in xml and b'SRID="3857"' in xml
    assert "$Type" not in schema["plan"]["curve"]
    assert {"geo.distance", "geo.intersects", "geo.length"} <= set(schema["Service"]["@Capabilities.FilterFunctions"])


@pytest.mark.parametrize(("path", "text"), TEXTS.items())
def test_a_text_is_well_known_text_with_the_coordinate_system(places, path, text):
    raw = places.get(f"{path}/$value")
    assert (raw.status, raw.body.decode(), raw.headers["content-type"]) == (200, text, "text/plain;charset=utf-8")
    name, _, prop = path.partition("/")
    assert places.get(f"{name}?$compute=cast({prop},Edm.String) as text&$select=text").json()["text"] == text


def test_null_has_neither_value_nor_text(places):
    for target in ("place(5)/spot", "place(5)/spot/$value", "plan(2)/anything/$value"):
        assert places.get(target).status == 204
    assert places.get("place(5)?$select=spot").json()["spot"] is None


def test_members_items_and_views_are_shapes_too(places):
    rows = places.get("place?$select=home/spot&$filter=geo.distance(home/spot,geography'SRID=4326;Point(5 6)') eq 0").rows
    assert [row["home"] for row in rows] == [{"spot": shape("Point", [5, 6])}]
    [row] = places.get("plan?$select=list&$filter=list/any(each:each eq null)").rows
    assert row["list"] == [shape("Point", [1, 2], 4326), None]
    assert len(places.get("plan?$filter=list/any(each:geo.distance(each,geometry'SRID=4326;Point(1 2)') eq 0)").rows) == 1
    seen = {row["id"]: row["here"] for row in places.get("seen?$select=id,here").rows}
    assert seen[3] == shape("Point", [0, 0], 4326) and seen[2] is None


def test_types_of_postgres_itself_and_curves_are_texts(places):
    [row, *_] = places.get("visit?$select=inside,within&$orderby=id").rows
    assert (row["inside"], row["within"]) == ("(1,2)", "(1,1),(0,0)")
    assert places.get("plan(1)/curve").json()["value"].startswith("0108")


def test_full_metadata_names_the_type(places):
    body = places.get("place(1)?$select=spot&$format=application/json;odata.metadata=full").json()
    assert body["spot@odata.type"] == "#GeographyPoint"


def test_expanded_entities_and_aggregates_have_them(places):
    [row] = places.get("visit?$expand=place($select=spot)&$select=id&$filter=id eq 3").rows
    assert row["place"]["spot"] == VALUES["place/spot"][2]
    assert places.get("place?$apply=filter(id lt 3)/compute(spot as copy)").rows[0]["copy"] == VALUES["place/spot"][1]
    rows = places.get("place?$apply=concat(filter(id eq 1),filter(id eq 2))&$select=area").rows
    assert [row["area"] for row in rows] == [VALUES["place/area"][1], None]


# --- files -----------------------------------------------------------------------------------------------------------------------------------


def test_files_have_geojson_or_well_known_text(places):
    select = "$select=anything,measured_high,list&$orderby=id&$top=1"
    lines = places.get(f"plan?$format=ndjson&{select}").body.decode().splitlines()
    assert json.loads(lines[0])["measured_high"] == shape("Point", [1, 2, 3])
    [header, row] = csv.reader(io.StringIO(places.get(f"plan?$format=csv&{select}").body.decode()))
    assert dict(zip(header, row, strict=True)) == {
        "anything": "SRID=0;POINT(1 2)",
        "measured_high": "SRID=4326;POINT(1 2 3)",
        "list": json.dumps([shape("Point", [1, 2], 4326), None], separators=(",", ":")),
    }
    assert "SRID=4326;POINT(1 2 3)" in places.get(f"plan?$format=table&{select}").body.decode()


def test_workbooks_arrow_and_parquet_have_well_known_text(places):
    import openpyxl
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = [None if id_ == 5 else TEXTS.get(f"place({id_})/spot") for id_ in (1, 4, 5, 6)]
    target = "place?$select=spot&$orderby=id&$filter=id in (1,4,5,6)&$format="
    sheet = openpyxl.load_workbook(io.BytesIO(places.get(target + "xlsx").body)).active
    assert [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)] == wanted
    assert pa.ipc.open_stream(places.get(target + "arrow").body).read_all().column("spot").to_pylist() == wanted
    assert pq.read_table(io.BytesIO(places.get(target + "parquet").body)).column("spot").to_pylist() == wanted


# --- documents and the page ------------------------------------------------------------------------------------------------------------------


def test_openapi_says_that_a_value_is_an_object(places):
    schemas = json.loads(places.get("openapi.json").body)["components"]["schemas"]
    [spot] = [schema["properties"]["area"] for name, schema in schemas.items() if name.endswith(".place")]
    assert spot["type"] == ["object", "null"] and spot["required"] == ["type"]


def test_the_page_shows_values_and_offers_what_can_be_asked(places):
    page = places.get("place", headers={"Accept": "text/html"})
    assert page.status == 200 and "GeographyPoint" in page.body.decode() and "52.5" in page.body.decode()
    offered = places.get("place?$filter=spot ne null&$top=3", headers={"Accept": "text/html"})
    assert offered.status == 200


def test_every_row_comes_once_over_pages_of_seven(in_pages, server):
    pages = in_pages.pages("many?$select=id,spot&$filter=id le 1000")
    rows = [row for page in pages for row in page]
    assert len(pages) == 143 and [row["id"] for row in rows] == list(range(1, 1001))
    shown = server.psql(
        "places", """SELECT "Gis Tools".st_asgeojson(spot, 40, 0) FROM world.many WHERE spot IS NOT NULL AND id <= 1000 ORDER BY id"""
    ).split()
    assert [row["spot"] for row in rows if row["spot"]] == [json.loads(text) for text in shown]
