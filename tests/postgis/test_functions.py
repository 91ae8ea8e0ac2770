"""geo.distance, geo.length and geo.intersects: their answers are PostGIS's own, also where an index finds the rows."""

from __future__ import annotations

import asyncio
import json
import re
from itertools import product
from urllib.parse import quote

import asyncpg
import pytest
from odata_gateway.sql.fragment import finish, raw
from odata_gateway.sql.functions import function_sql
from odata_gateway.sql.pg_types import json_text, plain_text
from odata_gateway.types.canonical_functions import geo_overload
from odata_gateway.types.families.geo import KINDS, SHAPES, located_type
from tests.harness.shapes import BERLIN, GIS, SQUARE

SPOTS = ("13.4 52.5", "0 0", "-179.99 0", "179.99 89.9", "12.25 -89.5", "100 30.5")


def ids(places, target):
    return sorted(row["id"] for page in places.pages(target) for row in page)


def wanted(server, condition, table="many"):
    return sorted(int(n) for n in server.psql("places", f"SET search_path = {GIS}; SELECT id FROM world.{table} WHERE {condition}").split())


@pytest.mark.parametrize("metres", [0, 1, 250_000, 3_000_000.5, 19_000_000, 30_000_000])
def test_distances_on_the_earth_are_those_of_postgis(places, server, metres):
    for spot, (op, symbol) in product(SPOTS, (("lt", "<"), ("le", "<="), ("gt", ">"))):
        found = ids(places, f"many?$select=id&$filter=geo.distance(spot,geography'SRID=4326;Point({spot})') {op} {metres}")
        assert found == wanted(server, f"st_distance(spot, 'POINT({spot})'::geography) {symbol} {metres}")


@pytest.mark.parametrize("radius", [0, 1, 100, 2500.25, "1e4", "1e300", "INF"])
def test_distances_in_a_plane_are_those_of_postgis(places, server, radius):
    number = "'Infinity'::float8" if radius == "INF" else f"{radius}::float8"
    for op, symbol in (("lt", "<"), ("le", "<="), ("ge", ">=")):
        found = ids(places, f"many?$select=id&$filter=geo.distance(geometry'SRID=3857;Point(7919 4684)',flat) {op} {radius}")
        assert found == wanted(server, f"st_distance(flat, 'SRID=3857;POINT(7919 4684)') {symbol} {number}")


def test_distances_at_exactly_the_limit_are_there(places, server):
    """The box that an index finds is a little larger than the distance."""
    for number in range(1, 50, 7):
        value = server.psql(
            "places", f"SELECT {GIS}.st_distance(spot, 'SRID=4326;POINT(13.4 52.5)'::{GIS}.geography) FROM world.many WHERE id = {number}"
        )
        assert number in ids(places, f"many?$select=id&$filter=geo.distance(spot,{BERLIN}) le {value.strip()}")


def test_shapes_intersect_as_in_postgis(places, server):
    polygon = "POLYGON((-20 -20,60 -10,70 50,-10 60,-20 -20))"
    assert ids(places, f"many?$select=id&$filter=geo.intersects(spot,geography'SRID=4326;{polygon}')") == wanted(
        server, f"st_intersects(spot, '{polygon}'::geography)"
    )
    flat = "POLYGON((0 0,5000 100,4000 6000,0 0))"
    assert ids(places, f"many?$select=id&$filter=geo.intersects(geometry'SRID=3857;{flat}',flat)") == wanted(
        server, f"st_intersects(flat, 'SRID=3857;{flat}')"
    )
    assert ids(places, f"place?$select=id&$filter=not geo.intersects(spot,geography'SRID=4326;{SQUARE}')") == [2, 3, 4, 6]
    assert ids(places, "place?$select=id&$filter=geo.intersects(spot,area)") == [1]
    assert ids(places, "visit?$select=id&$filter=geo.intersects(at,place/area)") == [1]


def test_different_coordinate_systems_have_no_distance(places, server):
    found = ids(places, "many?$select=id&$filter=geo.distance(loose,geometry'SRID=4326;Point(0 0)') lt 30")
    assert found == wanted(server, "st_srid(loose) = 4326 AND st_distance(st_setsrid(loose, 4326), 'SRID=4326;POINT(0 0)') < 30")
    assert len(ids(places, "many?$select=id&$filter=geo.distance(loose,geometry'SRID=4326;Point(0 0)') eq null")) == 3000
    assert ids(places, "many?$select=id&$filter=geo.intersects(loose,geometry'SRID=77;Point(0 0)')") == []


def test_lengths_are_those_of_lines(places, server):
    [value] = places.get("place?$compute=geo.length(route) as length&$select=length&$filter=id eq 1").rows
    assert value["length"] == float(server.psql("places", f"SELECT {GIS}.st_length(route) FROM world.place WHERE id = 1"))
    assert ids(places, "plan?$select=id&$filter=geo.length(lines) eq 6") == [1]
    rows = places.get("plan?$compute=geo.length(of_3857) as n&$select=id,n&$filter=of_3857 ne null").rows
    assert [row["n"] for row in rows] == [5, None, None]


def test_distances_order_rows_and_are_aggregated(places, in_pages, server):
    rows = [row for page in places.pages(f"place?$compute=geo.distance(spot,{BERLIN}) as d&$select=id,d&$orderby=d desc") for row in page]
    assert [row["id"] for row in rows][:4] == [6, 3, 2, 1] and rows[3]["d"] == 0 and {row["d"] for row in rows[4:]} == {None}
    pages = in_pages.pages(f"many?$select=id&$orderby=geo.distance(spot,{BERLIN})&$filter=spot ne null and id lt 100")
    found = [row["id"] for page in pages for row in page]
    assert len(pages) > 10
    in_order = server.psql(
        "places",
        f"SELECT id FROM world.many WHERE spot IS NOT NULL AND id < 100 ORDER BY {GIS}.st_distance(spot, 'SRID=4326;POINT(13.4 52.5)'::{GIS}.geography), id",
    )
    assert found == [int(n) for n in in_order.split()]
    [row] = places.get(f"place?$apply=compute(geo.distance(spot,{BERLIN}) as d)/aggregate(d with max as far,$count as n)").rows
    assert row["n"] == 6 and row["far"] > 5_900_000
    [row] = places.get(f"place?$apply=filter(geo.distance(spot,{BERLIN}) lt 1000000)/aggregate($count as n)").rows
    assert row["n"] == 2


def test_expand_lambdas_and_aliases_take_them(places):
    target = f"place?$select=id&$expand=visit($filter=geo.distance(at,{BERLIN}) lt 10000;$select=id)&$filter=visit/any(v:geo.distance(v/at,@spot) lt 10000)&@spot={BERLIN}"
    [row] = places.get(target).rows
    assert (row["id"], [visit["id"] for visit in row["visit"]]) == (1, [1])
    assert ids(places, f"many/$filter(geo.distance(spot,{BERLIN}) lt 500000)?$select=id") == ids(
        places, f"many?$select=id&$filter=500000 gt geo.distance({BERLIN},spot)"
    )


def test_functions_of_the_database_take_and_return_shapes(places):
    assert [row["id"] for row in places.get(f"near(spot={BERLIN},metres=1000)").rows] == [1]
    assert [row["id"] for row in places.get(f"near(spot=@p,metres=1000000)?@p={BERLIN}&$orderby=id").rows] == [1, 2]
    assert places.get("near(spot=null,metres=1)").rows == []
    assert places.get("near(spot=geography'SRID=4326;Point(13.4 99)',metres=1)").status == 400
    center = places.get("place(1)/world.center()").json()["value"]
    assert center["coordinates"] == [13.4, 52.5] == places.get("place(1)?$select=center").json()["center"]["coordinates"]
    assert places.get("first_spot()").json()["value"]["coordinates"] == [13.4, 52.5]
    assert [row["id"] for row in places.get(f"spots()?$filter=geo.distance(at,{BERLIN}) lt 10").rows] == [1]


# --- indexes ---------------------------------------------------------------------------------------------------------------------------------


INDEXED = [
    (f"geo.distance(spot,{BERLIN}) lt 1000", "many_spot"),
    (f"1000 ge geo.distance({BERLIN},spot)", "many_spot"),
    (f"geo.intersects(spot,geography'SRID=4326;{SQUARE}')", "many_spot"),
    ("geo.distance(flat,geometry'SRID=3857;Point(1 2)') le 10", "many_flat"),
    ("geo.intersects(geometry'SRID=3857;Polygon((0 0,9 9,9 0,0 0))',flat)", "many_flat"),
    ("geo.distance(loose,geometry'SRID=4326;Point(1 2)') le 1", "many_loose"),
    (f"geo.distance(spot,{BERLIN}) lt 1000 and id gt 5", "many_spot"),
]


@pytest.mark.parametrize(("condition", "index"), INDEXED)
def test_an_index_finds_the_rows(places, server, condition, index):
    def scans():
        server.psql("places", "SELECT pg_stat_force_next_flush()")
        return int(server.psql("places", f"SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelname = '{index}'"))

    before = scans()
    assert places.get(f"many?$select=id&$filter={condition}&$count=true").status == 200
    for _ in range(200):
        if scans() > before:
            return
        asyncio.run(asyncio.sleep(0.1))
    raise AssertionError(f"{condition}: the index was not used")


# --- every type and function -------------------------------------------------------------------------------------------------------------------


async def test_every_type_and_function_takes_null(server):
    connection = await asyncpg.connect(server.dsn(database="places"))
    try:
        for kind in KINDS:
            for name in SHAPES:
                type_ = located_type(f"Edm.{kind.title()}{name}", GIS, None if name else 4326)
                null = raw(f'NULL::"Gis Tools".{kind}')
                found = await connection.fetchval(f"SELECT {finish(json_text(null, type_, nullable=True, as_string=False)).text}")
                assert json.loads(found) is None
                assert await connection.fetchval(f"SELECT {finish(plain_text(null, type_)).text} IS NULL")
            for function, count in (("distance", 2), ("intersects", 2), ("length", 1)):
                for is_one in "01":
                    id_ = f"geo.{function}.{kind}.{is_one}.{GIS}"
                    assert geo_overload(id_) is not None
                    line = raw(f"""'SRID=4326;LINESTRING(0 0,1 1)'::"Gis Tools".{kind}""")
                    assert await connection.fetchval(f"SELECT {finish(function_sql(id_, (line,) * count)).text} IS NOT NULL")
                    for place in range(count):
                        given = tuple(raw(f'NULL::"Gis Tools".{kind}') if number == place else line for number in range(count))
                        assert await connection.fetchval(f"SELECT {finish(function_sql(id_, given)).text} IS NULL")
    finally:
        await connection.close()


def test_the_page_offers_for_each_column_the_conditions_that_the_language_has(places):
    for name in (each for each in places.get("").json()["value"] if each["kind"] == "EntitySet"):
        page = places.get(f"{name['url']}?$top=1", headers={"Accept": "text/html"})
        assert page.status == 200, page.body
        forms = re.findall(r'<select name="operator" aria-label="Condition on ([^"]*)">(.*?)</select>', page.body.decode(), re.S)
        for column, offered in forms:
            operators = re.findall(r'<option value="([^"]*)"', offered)
            assert {"eq null", "ne null"} <= set(operators), (name, column)
            compared = [f"{column} {operator}" for operator in operators if operator.endswith(" null")]
            compared += [f"{column} {operator} {column}" for operator in operators if operator in ("eq", "ne", "lt")]
            for condition in compared:
                answer = places.get(f"{name['url']}?$filter={quote(condition)}&$top=1")
                assert answer.status == 200, (condition, answer.body)
