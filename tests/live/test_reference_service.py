"""A database of the shape of OData's reference services: complex types, flags, derived types, composite keys, singletons, links over a
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
    """The rows, the value or the entity that a target gives, without the context and without the types that rows name."""
    answer = await service.ask(target, None)
    assert answer.status == 200, (target, answer.body)
    found = without(answer.json(), "@odata.type", "@odata.context")
    return found.get("value", found) if isinstance(found, dict) else found


def without(value: Any, *names: str) -> Any:
    if isinstance(value, dict):
        return {name: without(item, *names) for name, item in value.items() if name not in names}
    return [without(item, *names) for item in value] if isinstance(value, list) else value


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


DERIVED = [
    ("People?$filter=isof(Ref.Employee)&$select=id", [{"id": 1}, {"id": 2}, {"id": 4}]),
    ("People?$filter=isof(Ref.Employee) and not isof($it,Ref.Manager)&$select=id", [{"id": 2}, {"id": 4}]),
    ("People/Ref.Employee?$filter=salary gt 45&$orderby=salary&$select=id", [{"id": 2}, {"id": 1}]),
    ("People/Ref.Employee/$count", 3),
    ("People/Ref.Employee(2)/name", "Bob"),
    ("People(2)/Ref.Employee/salary", 50),
    ("People(2)/Ref.Employee/boss/name", "Ada"),
    ("People(1)/Ref.Manager/reports?$select=id", [{"id": 2}, {"id": 4}]),
    ("People(1)/Ref.Employee?$expand=reports($select=salary)&$select=id", {"id": 1, "reports": [{"@odata.id": "People(2)", "salary": 50}, {"@odata.id": "People(4)", "salary": 40}]}),
    ("People?$filter=Ref.Employee/salary gt 45&$select=id", [{"id": 1}, {"id": 2}]),
    ("People?$filter=Ref.Employee/salary eq null&$select=id", [{"id": 3}, {"id": 5}]),
    ("People?$filter=Ref.Employee/boss/name eq 'Ada'&$select=id", [{"id": 2}, {"id": 4}]),
    ("People?$filter=Ref.Employee/boss eq null&$select=id", [{"id": 1}, {"id": 3}, {"id": 5}]),
    ("People?$filter=Ref.Employee/reports/any(r:r/salary lt 45)&$select=id", [{"id": 1}]),
    ("People?$filter=Ref.Employee/reports/$count eq 0&$select=id", [{"id": 2}, {"id": 3}, {"id": 4}, {"id": 5}]),
    ("People?$orderby=Ref.Employee/salary desc&$select=id&$top=2", [{"id": 1}, {"id": 2}]),
    ("People?$select=Ref.Employee/salary&$filter=id lt 4", [{"@odata.id": "People(1)", "salary": 90}, {"@odata.id": "People(2)", "salary": 50}, {"@odata.id": "People(3)"}]),
    ("People?$expand=Ref.Employee/boss($select=id),Ref.Customer/favourite($select=id)&$select=id&$filter=id in (2,3,5)",
     [{"id": 2, "boss": {"id": 1}}, {"id": 3, "favourite": {"id": 3}}, {"id": 5}]),
    ("People?$compute=Ref.Employee/salary add 1 as more&$select=more&$filter=id gt 3", [{"@odata.id": "People(4)", "more@odata.type": "#Int64", "more": 41}, {"@odata.id": "People(5)", "more@odata.type": "#Int64", "more": None}]),
    ("Vouchers/$count", 7),
    ("Vouchers(4)/gift/id", 1),
    ("Products(9)/Ref.Bundle/discount", 0.9),
    ("Products(9)/Ref.BigBundle/Ref.Discounted(percent=100)", 0.0),
    ("Products?$filter=Ref.Bundle/discount gt 1&$select=id", [{"id": 12}, {"id": 15}, {"id": 18}]),
    ("Categories(1)/products/Ref.Voucher?$select=id", [{"id": 1}, {"id": 7}, {"id": 13}, {"id": 19}]),
    ("Categories?$filter=products/Ref.BigBundle/any(b:b/discount gt 1)&$select=id", [{"id": 2}, {"id": 4}]),
    ("Categories?$filter=products/any(p:isof(p,Ref.BigBundle) and p/id lt 10)&$select=id", [{"id": 1}, {"id": 3}]),
    ("Me?$select=name", {"@odata.id": "Me", "name": "Bob"}),
    ("Me/Ref.Employee/boss/name", "Ada"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), DERIVED)
async def test_entities_are_cast_to_derived_types(service, target, expected):
    assert await asked(service, target) == expected


async def test_each_row_has_the_members_of_its_type_and_names_it(service):
    rows = (await service.ask("People", None)).json()["value"]
    assert [row.get("@odata.type") for row in rows] == ["#Ref.Manager", "#Ref.Employee", "#Ref.Customer", "#Ref.Employee", None]
    assert [sorted(set(row) - {"@odata.type", "id", "name", "home"}) for row in rows] == [
        ["boss_id", "salary"], ["boss_id", "salary"], ["credit", "favourite_id"], ["boss_id", "salary"], [],
    ]  # fmt: skip
    rows = (await service.ask("People/Ref.Employee", None)).json()["value"]
    assert [row.get("@odata.type") for row in rows] == ["#Ref.Manager", None, None]
    one = (await service.ask("Products(9)", None)).json()
    assert (one["@odata.type"], one["discount"]) == ("#Ref.BigBundle", 0.9)
    assert all("@odata.type" not in row for row in (await service.ask("Vouchers", None)).json()["value"])
    full = (await service.ask("People(2)?$format=application/json;odata.metadata=full", None)).json()
    assert full["@odata.type"] == "#Ref.Employee" and full["boss@odata.navigationLink"] == "People(2)/Ref.Employee/boss"


CONTEXTS = {
    "People/Ref.Employee": "People/Ref.Employee",
    "People(2)/Ref.Employee": "People/Ref.Employee/$entity",
    "People(2)/Ref.Employee/salary": "People(2)/Ref.Employee/salary",
    "People?$select=name,Ref.Employee/salary": "People(name,Ref.Employee/salary)",
    "Me/Ref.Employee": "Me/Ref.Employee",
}


async def test_the_context_names_the_cast(service):
    for target, context in CONTEXTS.items():
        assert (await service.ask(target, None)).json()["@odata.context"].partition("$metadata#")[2] == context, target


async def test_pages_of_rows_of_several_types_are_complete(service):
    for target, count in {"Products": 20, "People/Ref.Employee": 3, "Vouchers": 7, "Products/Ref.Bundle?$orderby=discount desc": 6}.items():
        pages = await service.pages(target, None, {"Prefer": "maxpagesize=2"})
        assert [row for page in pages for row in page] == (await service.ask(target, None)).json()["value"], target
        assert sum(map(len, pages)) == count
    row = (
        await service.ask("People?$expand=Ref.Employee/reports($select=id)&$select=id&$top=1", None, {"Prefer": "maxpagesize=1"})
    ).json()["value"][0]
    assert row["reports@odata.nextLink"].startswith("http://gateway.test/v1.0/odata/People(1)/Ref.Manager/reports?")
    pages = await service.pages(row["reports@odata.nextLink"], None, {"Prefer": "maxpagesize=1"})
    assert [one["id"] for page in pages for one in page] == [4]


NESTED = [
    ("Settings?$expand=top($select=id;$expand=details($select=n))", 2, ("top", "details"), "n", [3]),
    ("People(2)/Ref.Employee/boss?$expand=reports($select=id)", 1, ("reports",), "id", [4]),
    ("Boss?$expand=Ref.Employee/reports($select=id)", 1, ("reports",), "id", [4]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "size", "way", "name", "expected"), NESTED)
async def test_next_links_of_expanded_collections_are_read(service, target, size, way, name, expected):
    row = (await service.ask(target, None, {"Prefer": f"maxpagesize={size}"})).json()
    for step in way[:-1]:
        row = row[step]
    pages = await service.pages(row[f"{way[-1]}@odata.nextLink"], None, {"Prefer": f"maxpagesize={size}"})
    assert [one[name] for page in pages for one in page] == expected


NOT_CAST = [
    ("People(3)/Ref.Employee", 404),
    ("Vouchers(3)", 404),
    ("Products/Ref.Nope", 404),
    ("Products/Ref.Employee", 404),
    ("Products?$filter=Ref.Nope/x eq 1", 400),
    ("Products?$filter=Ref.Employee/salary eq 1", 400),
    ("Products?$filter=discount gt 1", 400),
    ("Products?$select=Ref.Nope/x", 400),
    ("Products?$apply=groupby((Ref.Voucher/code))", 501),
    ("Products?$apply=concat(filter(id eq 1),filter(id eq 2))", 501),
    ("Categories?$expand=products/Ref.Voucher", 501),
    ("Cheapest()/Ref.Voucher", 501),
]


@pytest.mark.parametrize(("target", "status"), NOT_CAST)
async def test_a_cast_that_cannot_be_is_refused(service, target, status):
    answer = await service.ask(target, None)
    assert answer.status == status, answer.body


async def test_metadata_has_the_base_of_each_type(service):
    document = (await service.ask("$metadata?$format=json", None)).json()["Ref"]
    assert document["Manager"] == {"$Kind": "EntityType", "$BaseType": "Ref.Employee"}
    assert (
        document["Person"]["$Abstract"] is True and document["Voucher"]["$BaseType"] == "Ref.Product" and "$Key" not in document["Voucher"]
    )
    xml = (await service.ask("$metadata", None)).body.decode()
    assert '<EntityType Name="Employee" BaseType="Ref.Person">' in xml and '<EntityType Name="Person" Abstract="true">' in xml
    assert '<NavigationPropertyBinding Path="Ref.Employee/boss" Target="People"/>' in xml
