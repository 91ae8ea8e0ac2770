"""A database of the shape of OData's reference services: complex types, flags, composite keys, singletons, links over a
junction, bound and unbound functions; every part is walked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.harness.cluster import READER
from tests.harness.inside import inside

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def database(cluster):
    cluster.psql("postgres", "CREATE DATABASE reference")
    cluster.psql("reference", (DATA / "reference.sql").read_text(encoding="utf-8"))
    yield cluster.dsn(user=READER, database="reference")
    cluster.psql("postgres", "DROP DATABASE reference WITH (FORCE)")


@pytest.fixture
async def service(database):
    async with inside(database, ODATA_MODEL=str(DATA / "reference.json"), ODATA_HOST="127.0.0.1") as running:
        yield running


async def asked(service: Any, target: str) -> Any:
    answer = await service.ask(target, None)
    assert answer.status == 200, (target, answer.body)
    found = answer.json()
    return (
        found.get("value", {name: value for name, value in found.items() if not name.startswith("@odata.context")})
        if isinstance(found, dict)
        else found
    )


SINGLETONS = [
    ("Settings", {"id": 1, "name": "Reference", "home": {"city": "Bern", "country": "CH"}, "top_id": 3}),
    ("Settings/name", "Reference"),
    ("Settings/home/city", "Bern"),
    ("Settings?$select=name", {"@odata.id": "Settings", "name": "Reference"}),
    ("Settings?$expand=top($select=id)&$select=id", {"id": 1, "top": {"id": 3}}),
    ("Settings/top/name", "Product 3"),
    ("Settings/top/details?$top=1&$select=n", [{"@odata.id": "Details(product_id=3,n=1)", "n": 1}]),
    ("Settings/$ref", {"@odata.id": "Settings"}),
]


@pytest.mark.parametrize(("target", "expected"), SINGLETONS)
async def test_a_singleton_is_one_entity(service, target, expected):
    assert await asked(service, target) == expected


async def test_a_singleton_that_is_none_or_several(service):
    assert (await service.ask("Nobody", None)).status == 404
    assert (await service.ask("Nil", None)).status == 204
    several = await service.ask("Several", None)
    assert several.status == 500 and several.code == "Db.Key" and "has several rows" in several.json()["error"]["message"]
    for target in ("Settings(1)", "Settings/$count"):
        assert (await service.ask(target, None)).status == 404
    assert (await service.ask("Settings?$filter=id eq 1", None)).status == 400
    assert (await service.ask("Settings", None)).json()["@odata.context"].endswith("$metadata#Settings")
    assert (await service.ask("$entity?$id=Settings", None)).status == 200


MANY_TO_MANY = [
    ("Products(1)/categories?$select=id", [{"id": 1}, {"id": 3}]),
    ("Products(1)/categories/$count", 2),
    ("Products(1)/categories(3)/products?$top=2&$select=id", [{"id": 1}, {"id": 3}]),
    ("Products?$filter=categories/any(c:c/id eq 2)&$select=id&$top=2", [{"id": 2}, {"id": 4}]),
    ("Products/$count?$filter=categories/all(c:c/id gt 1)", 10),
    ("Products?$filter=categories/$count eq 2 and categories/any(c:c/products/any(p:p/id eq 20))&$select=id&$top=1", [{"id": 2}]),
    ("Categories?$expand=products($filter=id lt 4;$orderby=id desc;$select=id;$count=true)&$select=id&$top=2",
     [{"id": 1, "products@odata.count": 2, "products": [{"id": 3}, {"id": 1}]}, {"id": 2, "products@odata.count": 1, "products": [{"id": 2}]}]),
    ("Categories?$apply=groupby((name),aggregate(products/$count as n))&$top=1&$select=n", [{"@odata.id": None, "n@odata.type": "#Decimal", "n": 10}]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), MANY_TO_MANY)
async def test_links_over_a_junction_are_followed_from_both_sides(service, target, expected):
    assert await asked(service, target) == expected


async def test_pages_of_links_over_a_junction_are_complete(service):
    row = (await service.ask("Categories(1)?$expand=products($select=id)", None, {"Prefer": "maxpagesize=4"})).json()
    found, link = [p["id"] for p in row["products"]], row["products@odata.nextLink"]
    pages = await service.pages(f"http://gateway.test/v1.0/odata/{link}" if "://" not in link else link, None, {"Prefer": "maxpagesize=4"})
    found += [p["id"] for page in pages for p in page]
    assert found == list(range(1, 20, 2))


FUNCTIONS = [
    ("Cheapest?$select=id", [{"id": 1}, {"id": 2}, {"id": 3}]),
    ("Cheapest(count=1)?$expand=details($top=1;$select=n)&$select=id", [{"id": 1, "details": [{"@odata.id": "Details(product_id=1,n=1)", "n": 1}]}]),
    ("Cheapest(count=@n)/$count?@n=2", 2),
    ("Nearest(country='Italy')", {"city": "Rome", "country": "Italy"}),
    ("Products(2)/Ref.Discounted(percent=50)", 1.0),
    ("Products(2)/Ref.Discounted()", 1.0),
    ("Products(2)/Ref.Details()?$filter=n gt 1&$select=n", [{"@odata.id": "Details(product_id=2,n=2)", "n": 2}, {"@odata.id": "Details(product_id=2,n=3)", "n": 3}]),
    ("Products(2)/Ref.Details()(product_id=2,n=3)/body", "Detail 2.3"),
    ("Cheapest(count=2)(2)/Ref.Details()/$count", 3),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), FUNCTIONS)
async def test_functions_of_a_model_are_called(service, target, expected):
    assert await asked(service, target) == expected


async def test_what_cannot_follow_is_refused(service):
    for target in ("Products(2)/Ref.Discounted()/x", "Nearest(country='Italy')/city", "Nobody/name"):
        assert (await service.ask(target, None)).status == 404, target
    assert (await service.ask("Nearest(country='Nowhere')", None)).status == 204


VALUES = [
    ("Products(2)/price", 2.000000000000000001),
    ("Products?$filter=price eq 2.000000000000000001&$select=id", [{"id": 2}]),
    ("Products?$filter=access has Ref.Access'Read,Write'&$select=access&$top=2", [{"@odata.id": "Products(3)", "access": "Read,Write"}, {"@odata.id": "Products(7)", "access": "Read,Write,Execute"}]),
    ("Products?$filter=skin eq Ref.Skin'plain' and size/length gt 10&$select=skin,size/unit&$top=1", [{"@odata.id": "Products(13)", "skin": "plain", "size": {"unit": "cm"}}]),
    ("Products?$orderby=size/width desc&$top=1&$select=id", [{"id": 19}]),
    ("Products?$filter=tags/any(t:t eq 't2')&$select=tags&$top=1", [{"@odata.id": "Products(2)", "tags": ["t2", "all"]}]),
    ("Products(2)/size/length", 2.0),
    ("Details(product_id=2,n=3)/product/name", "Product 2"),
    ("Products?$search=Product 7&$select=id", [{"id": 7}, {"id": 17}]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), VALUES)
async def test_values_of_every_shape_are_read(service, target, expected):
    assert await asked(service, target) == expected


async def test_a_photo_is_its_octets(service):
    answer = await service.ask("Products(1)/photo/$value", None)
    assert (dict(answer.headers)["Content-Type"], answer.body) == ("image/png", b"\x89PNG")


async def test_the_documents_name_every_part(service):
    listed = {(each["name"], each["kind"]) for each in await asked(service, "")}
    assert {("Products", "EntitySet"), ("Settings", "Singleton"), ("Cheapest", "FunctionImport")} <= listed and (
        "Nearest",
        "FunctionImport",
    ) not in listed
    document = (await service.ask("$metadata?$format=json", None)).json()["Ref"]
    assert document["Service"]["Nil"] == {"$Type": "Ref.Nothing", "$Nullable": True}
    assert document["Service"]["Settings"] == {"$Type": "Ref.Settings", "$NavigationPropertyBinding": {"top": "Products"}}
    assert [len(f["$Parameter"]) for f in document["Discounted"]] == [2, 1]
    xml = (await service.ask("$metadata", None)).body.decode()
    assert (
        '<Singleton Name="Settings" Type="Ref.Settings">' in xml
        and '<Function Name="Discounted" IsBound="true" IsComposable="true">' in xml
    )
