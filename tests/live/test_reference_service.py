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
    ("Products/Ref.Dearest(n=2)?$select=id", [{"id": 19}, {"id": 20}]),
    ("Products/$filter(id lt 5)/Ref.Dearest()?$select=id", [{"id": 4}]),
    ("Categories(1)/products/Ref.Voucher/Ref.Dearest(n=2)/Ref.Voucher?$select=code&$orderby=id desc", [{"@odata.id": "Products(19)", "code": "V19"}, {"@odata.id": "Products(13)", "code": "V13"}]),
    ("Cheapest(count=5)/Ref.Dearest(n=1)(5)/name", "Product 5"),
    ("Products/$filter(id lt 3)/Ref.Total", 3.000000000000000002),
    ("Categories(2)/products/Ref.Total()", 110.00000000000000001),
    ("Products/Dearest(n=1)?$select=id", [{"id": 20}]),
    ("Products(2)/Discounted(percent=50)", 1.0),
    ("WithAccess(access=Ref.Access'Read')?$select=id", [{"id": 1}, {"id": 9}, {"id": 17}]),
    ("WithAccess(access=@a)/$count?@a='Read,Write'", 3),
    ("OfSkin(skin='plain')?$select=id&$top=2", [{"id": 1}, {"id": 4}]),
    ("OfSkin(skin=null)/$count", 0),
    ("OfIds(ids=@i,kinds=@k)?@i=[3,4,5]&@k=[\"bundle\",null]&$select=id", [{"id": 3}]),
    ("OfIds?ids=[3,4]&$select=id", [{"id": 3}, {"id": 4}]),
    ("OfIds(ids=@i,kinds=null)/$count?@i=[]", 0),
    ("PeopleAt(place=@p)?@p={\"country\":\"UK\",\"city\":\"London\",\"@odata.type\":\"Ref.Place\"}&$select=id", [{"id": 1}]),
    ("PeopleAt(place=@p)/Ref.Customer?@p={\"country\":\"Italy\",\"city\":null}&$select=credit", [{"@odata.id": "People(3)", "credit": 7}]),
    ("Label(addresses=@a)?@a=[{\"street\":\"A\",\"place\":{\"city\":\"B\"},\"weight\":1.5},{\"street\":\"C\"}]", ["A, B 1.500", "C, - -"]),
    ("Label(addresses=@a)/$count?@a=[]", 0),
    ("DoubleWeight(weight=1.25)", 2.5),
    ("BestAccess()", "Read,Execute"),
    ("Skins()?$filter=$it eq 'plain'", ["plain", "plain"]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), FUNCTIONS)
async def test_functions_of_a_model_are_called(service, target, expected):
    assert await asked(service, target) == expected


NOT_CALLED = [
    ("Products(1)/Ref.Total()", 404),
    ("Products/Ref.Details()", 404),
    ("Categories(99)/products/Ref.Total()", 404),
    ("WithAccess(access='Nope')", 400),
    ("WithAccess(access=1.5)", 400),
    ('OfIds(ids=@i)?@i=["x"]', 400),
    ("OfIds(ids=@i)?@i=3", 400),
    ('PeopleAt(place=@p)?@p={"land":"UK"}', 400),
    ('PeopleAt(place=@p)?@p={"country":3}', 400),
    ("PeopleAt(place=@p)?@p=[1]", 400),
    ("Label(addresses=@a)?@a=[1]", 400),
    ("DoubleWeight(weight='x')", 400),
]


async def test_functions_of_a_database_are_read_from_its_catalog(database):
    calls = {
        "product/ref.dearest(n=2)?$select=id": [{"id": 19}, {"id": 20}],
        "product/$filter(id lt 5)/ref.dearest?$select=id": [{"id": 4}],
        "total(ids=@i)?@i=[1,2]": 3.000000000000000002,
        'of_ids(ids=@i,kinds=@k)?@i=[3,4]&@k=["voucher"]&$select=id': [{"id": 4}],
        'people_at(place=@p)?@p={"country":"Italy"}&$select=id': [{"id": 3}],
        'label(addresses=@a)?@a=[{"street":"A","place":{"city":"B"}},null]': [None, "A, B -"],
        "of_skin(skin='plain')/$count": 7,
    }
    async with inside(database, ODATA_MODEL="auto", ODATA_SCHEMAS="ref", ODATA_HOST="127.0.0.1") as running:
        for target, expected in calls.items():
            assert await asked(running, target) == expected, target
        document = (await running.ask("$metadata?$format=json", None)).json()["ref"]
    assert document["dearest"][0]["$Parameter"][0] == {"$Name": "items", "$Type": "ref.product", "$Collection": True}
    assert document["label"][0]["$Parameter"] == [{"$Name": "addresses", "$Type": "ref.address", "$Collection": True, "$Nullable": True}]


IMPLICIT = [
    ("Nearest?country='Italy'", 200, {"city": "Rome", "country": "Italy"}),
    ("Nearest()?@country='Italy'", 200, {"city": "Rome", "country": "Italy"}),
    ("Cheapest?@count=2&$count=true&$select=id", 200, [{"id": 1}, {"id": 2}]),
    ("Products(2)/Ref.Discounted?percent=75", 200, 0.5),
    ("Products(2)/Ref.Discounted(percent=@percent)?@percent=75", 200, 0.5),
    ("Products(2)/Discounted?percent=75", 200, 0.5),  # the namespace and the parentheses left out
    ("Products(2)/Discounted()?percent=75", 200, 0.5),
    ("Products(2)/Ref.Discounted(percent=10)?percent=75", 400, "Url.Option"),
    ("Nearest(country='Italy')?country='UK'", 400, "Url.Option"),
    ("Nearest?country=Italy", 400, "Bind.Type"),
    ("Cheapest?count=2", 400, "Url.Syntax"),  # the system option of this name
]


@pytest.mark.parametrize(("target", "status", "expected"), IMPLICIT)
async def test_a_query_option_with_the_name_of_a_parameter_is_its_value(service, target, status, expected):
    answer = await service.ask(target, None)
    assert answer.status == status, answer.body
    assert (answer.code if status >= 400 else await asked(service, target)) == expected


async def test_pages_keep_an_implicit_parameter(service):
    pages = await service.pages("Products(2)/Ref.Details?percent=1&$select=n", None, {"Prefer": "maxpagesize=2"})
    assert [row["n"] for page in pages for row in page] == [1, 2, 3]
    pages = await service.pages("Cheapest?@count=5&$select=id", None, {"Prefer": "maxpagesize=2"})
    assert [row["id"] for page in pages for row in page] == [1, 2, 3, 4, 5]


ROOTS = [
    ("Products?$filter=id eq $root/Settings/top_id and $root/Settings/home/city eq 'Bern'&$select=id", [{"id": 3}]),
    ("Products?$filter=name eq $root/Settings/top/name&$select=id", [{"id": 3}]),
    ("Products?$filter=$it eq $root/Settings/top&$select=id", [{"id": 3}]),
    ("Products/$count?$filter=$root/Boss/Ref.Employee/salary gt 80", 20),
    ("Products/$count?$filter=$root/Boss/Ref.Employee/reports/$count eq 2 and $root/Settings/top/categories/any(c:c/id eq 1)", 20),
    ("Products/$count?$filter=$root/Nil/id eq null and $root/Nil eq null", 20),
    ("Products?$compute=$root/Settings/name as s&$select=id,s&$top=1", [{"id": 1, "s": "Reference"}]),
    ("Products?$expand=details($filter=product_id eq $root/Settings/top_id;$select=n)&$skip=2&$top=1&$select=id",
     [{"id": 3, "details": [{"@odata.id": "Details(product_id=3,n=1)", "n": 1}, {"@odata.id": "Details(product_id=3,n=2)", "n": 2}, {"@odata.id": "Details(product_id=3,n=3)", "n": 3}]}]),
    ("Products?$filter=id eq $root/Details(product_id=3,n=1)/product/id&$select=id", [{"id": 3}]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), ROOTS)
async def test_expressions_begin_at_the_root(service, target, expected):
    assert await asked(service, target) == expected


async def test_an_expression_fails_where_a_singleton_has_several_rows(service):
    answer = await service.ask("Products?$filter=$root/Several/id eq 1", None)
    assert answer.status == 500 and answer.code == "Db.Table" and "several rows" in answer.json()["error"]["message"]


async def test_what_cannot_follow_is_refused(service):
    for target in ("Products(2)/Ref.Discounted()/x", "Nearest(country='Italy')/city", "Nobody/name"):
        assert (await service.ask(target, None)).status == 404, target
    assert (await service.ask("Nearest(country='Nowhere')", None)).status == 204


VALUES = [
    ("Products(2)/price", 2.000000000000000001),
    ("Products?$filter=price eq 2.000000000000000001&$select=id", [{"id": 2}]),
    ("Products?$filter=access eq 1 or access in (5)&$select=id&$top=2", [{"id": 1}, {"id": 5}]),
    ("Products?$filter=access gt 5 and skin eq 0&$select=id&$top=1", [{"id": 7}]),
    ("Products?$filter=cast(access,Edm.Byte) eq 7&$select=id&$top=1", [{"id": 7}]),
    ("Products?$filter=access has Ref.Access'Read,Write'&$select=access&$top=2", [{"@odata.id": "Products(3)", "access": "Read,Write"}, {"@odata.id": "Products(7)", "access": "Read,Write,Execute"}]),
    ("Products?$filter=skin eq Ref.Skin'plain' and size/length gt 10&$select=skin,size/unit&$top=1", [{"@odata.id": "Products(13)", "skin": "plain", "size": {"unit": "cm"}}]),
    ("Products?$orderby=size/width desc&$top=1&$select=id", [{"id": 19}]),
    ("Products?$filter=tags/any(t:t eq 't2')&$select=tags&$top=1", [{"@odata.id": "Products(2)", "tags": ["t2", "all"]}]),
    ("Products(2)/size/length", 2.0),
    ("Details(product_id=2,n=3)/product/name", "Product 2"),
    ("Products?$search=Product 7&$select=id", [{"id": 7}, {"id": 17}]),
    ("Products?$select=manual,extra&$filter=id in (1,4)", [
        {"@odata.id": "Products(1)", "manual@odata.mediaReadLink": "Products(1)/manual", "manual@odata.mediaContentType": "text/plain", "extra": 7},
        {"@odata.id": "Products(4)", "manual@odata.mediaReadLink": "Products(4)/manual", "manual@odata.mediaContentType": "text/plain", "extra": {"a": [1, None], "b": "x"}}]),
    ("Products/$count?$filter=extra ne null and manual eq null", 9),
    ("Documents?$select=title&$top=1", [{"@odata.mediaReadLink": "Documents(1)/$value", "@odata.mediaContentType": "text/plain", "@odata.id": "Documents(1)", "title": "First"}]),
    ("Suppliers('a')/main/place/city", "Rome"),
    ("Suppliers('a')/others/$count", 2),
    ("Suppliers?$filter=main/place/city eq 'Rome'&$select=code,main/place/city,others/street", [{"code": "a", "main": {"place": {"city": "Rome"}}, "others": [{"street": "Low 2"}, {"street": "Low 3"}]}]),
    ("Suppliers?$filter=others/any(o:o/place/city eq 'Bern') and others/$count($filter=weight gt 2) eq 1&$select=code", [{"code": "a"}]),
    ("Suppliers?$filter=others/all(o:o/weight gt 2)&$select=code", [{"code": "b"}, {"code": "c"}]),
    ("Suppliers?$filter=marks/any(m:m/name eq 'gold' and m/n gt 2)&$select=weights,marks", [{"@odata.id": "Suppliers('a')", "weights": [1.5, 2.5], "marks": [{"name": "gold", "n": 3}, {"name": "new", "n": None}]}]),
    ("Suppliers?$orderby=main/place/country desc,main/weight&$select=code", [{"code": "a"}, {"code": "b"}, {"code": "c"}]),
    ("Suppliers?$apply=groupby((main/place/country),aggregate(main/weight with sum as s))&$filter=s gt 1", [{"@odata.id": None, "main": {"place": {"country": "Italy"}}, "s@odata.type": "#Decimal", "s": 1.5}]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), VALUES)
async def test_values_of_every_shape_are_read(service, target, expected):
    assert await asked(service, target) == expected


async def test_a_photo_is_its_octets(service):
    answer = await service.ask("Products(1)/photo/$value", None)
    assert (dict(answer.headers)["Content-Type"], answer.body) == ("image/png", b"\x89PNG")


async def test_octets_are_read_by_their_own_address(service):
    for target, status, body in [
        ("Products(1)/manual", 200, b"Manual 1"), ("Products(1)/manual/$value", 200, b"Manual 1"), ("Products(3)/manual", 204, b""),
        ("Documents(1)/$value", 200, b"abcdefghij"), ("Documents(2)/$value", 200, b""), ("Documents(3)/$value", 204, b""),
    ]:  # fmt: skip
        answer = await service.ask(target, None)
        assert (answer.status, answer.body) == (status, body), target
        assert status == 204 or dict(answer.headers)["Content-Type"].startswith("text/plain"), target


async def test_what_is_valid_and_not_supported_is_not_called_a_mistake(service):
    for target in (
        "Products?$expand=manual", "Products?$filter=extra eq 7", "Suppliers?$select=code,others($filter=weight gt 2)",
        "Suppliers('a')/others?$filter=weight gt 2", "Suppliers?$select=code,weights($top=1)",
    ):  # fmt: skip
        assert (await service.ask(target, None)).status == 501, target


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
    assert document["Dearest"][0]["$Parameter"][0] == {"$Name": "items", "$Type": "Ref.Product", "$Collection": True}
    assert document["DoubleWeight"][0]["$ReturnType"] == {"$Type": "Ref.Weight", "$Nullable": True}
    assert document["Label"][0]["$Parameter"] == [{"$Name": "addresses", "$Type": "Ref.Address", "$Collection": True}]
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
    ("Categories?$expand=products/Ref.Voucher($filter=code ne 'V1';$select=code;$top=1;$count=true)&$select=id&$top=1",
     [{"id": 1, "products@odata.count": 3, "products": [{"@odata.id": "Products(7)", "code": "V7"}]}]),
    ("Categories(1)?$expand=products/Ref.Voucher/$count&$select=id", {"id": 1, "products@odata.count": 4}),
    ("Categories(1)?$expand=products/Ref.BigBundle/$ref&$select=id", {"id": 1, "products": [{"@odata.id": "Products(9)"}]}),
    ("Settings?$expand=top/Ref.Bundle($select=id)&$select=id", {"id": 1, "top": {"id": 3}}),
    ("Settings?$expand=top/Ref.Voucher($select=id)&$select=id", {"id": 1, "top": None}),
    ("People?$expand=Ref.Employee/boss/Ref.Manager($select=id)&$select=id&$top=2", [{"id": 1, "boss": None}, {"id": 2, "boss": {"id": 1}}]),
    ("People?$expand=Ref.Employee/reports($levels=max;$select=id)&$select=id&$top=1", [{"id": 1, "reports": [{"id": 2, "reports": []}, {"id": 4, "reports": []}]}]),
    ("Details?$apply=groupby((product))&$expand=product/Ref.Voucher($select=code)&$top=2", [{"@odata.id": None, "product": {"@odata.id": "Products(1)", "code": "V1"}}, {"@odata.id": None, "product": None}]),
    ("Products?$filter=cast(Ref.Voucher)/code eq 'V1'&$select=id", [{"id": 1}]),
    ("Products?$filter=cast($it,Ref.Voucher) ne null and id lt 5&$select=id", [{"id": 1}, {"id": 4}]),
    ("Details?$filter=cast(product,Ref.Voucher)/gift/id eq 1 and n eq 1&$select=product_id&$top=2", [{"@odata.id": "Details(product_id=4,n=1)", "product_id": 4}, {"@odata.id": "Details(product_id=7,n=1)", "product_id": 7}]),
    ("Categories?$filter=products/any(p:cast(p,Ref.Voucher)/code eq 'V1')&$select=id", [{"id": 1}, {"id": 3}]),
    ("Products?$orderby=cast(Ref.Bundle)/discount desc&$select=id&$top=2", [{"id": 18}, {"id": 15}]),
    ("Products?$filter=cast(size,Ref.Dimensions)/length eq 1&$select=id", [{"id": 1}]),
    ("Products?$filter=Ref.Voucher/issuer/city eq 'City 4'&$select=id", [{"id": 4}]),
    ("Products?$filter=Ref.Voucher/issuer ne null&$select=id", [{"id": 1}, {"id": 4}, {"id": 7}]),
    ("Products/$count?$filter=Ref.Voucher/issuer eq null", 17),
    ("Products?$orderby=Ref.Voucher/issuer/city desc&$select=id&$top=2", [{"id": 7}, {"id": 4}]),
    ("Products?$compute=Ref.Voucher/issuer as at&$select=id,at&$top=2", [{"id": 1, "at@odata.type": "#Ref.Place", "at": {"city": "City 1", "country": "UK"}}, {"id": 2, "at@odata.type": "#Ref.Place", "at": None}]),
    ("Products?$filter=Ref.Voucher/marks/any(m:m eq 'm0')&$select=id", [{"id": 4}, {"id": 10}, {"id": 16}]),
    ("Products/$count?$filter='v' in Ref.Voucher/marks", 7),
    ("Products/$count?$filter=Ref.Voucher/marks/$count($filter=$this eq 'm0') gt 0", 3),
    ("Cheapest(count=10)/Ref.Voucher?$select=code&$orderby=id desc&$top=1", [{"@odata.id": "Products(10)", "code": "V10"}]),
    ("Cheapest(count=20)/Ref.Bundle(3)/discount", 0.3),
    ("Cheapest(count=20)/$filter(id gt 4)/Ref.Voucher/$count", 5),
    ("Cheapest(count=20)/Ref.Voucher?$apply=groupby((gift_of),aggregate($count as n))&$filter=n gt 1", [{"@odata.id": None, "gift_of": 1, "n@odata.type": "#Decimal", "n": 6}]),
    ("Products?$apply=groupby((Ref.Voucher/code),aggregate($count as n))&$filter=code ne null&$orderby=code desc&$top=1&$select=code", [{"@odata.id": None, "code": "V7"}]),
    ("Products?$apply=groupby((Ref.Voucher/code))/filter(code eq null)/aggregate($count as n)", [{"@odata.id": None, "n@odata.type": "#Decimal", "n": 1}]),
    ("Products?$apply=aggregate(Ref.Bundle/discount with sum as d,Ref.Bundle/discount with countdistinct as n,Ref.Voucher/issuer/city with max as c)",
     [{"@odata.id": None, "d": 6.3, "n@odata.type": "#Decimal", "n": 6, "c": "City 7"}]),
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


async def test_nulls_are_left_out_of_rows_of_several_types(service):
    answer = await service.ask("Products?$select=id,skin,extra&$filter=id in (1,2,3)", None, {"Prefer": "omit-values=nulls"})
    assert dict(answer.headers)["Preference-Applied"] == "omit-values=nulls"
    assert without(answer.json()["value"], "@odata.type") == [
        {"id": 1, "skin": "plain", "extra": 7},
        {"id": 2, "skin": "striped"},
        {"id": 3},
    ]
    one = (await service.ask("Me", None, {"Prefer": "omit-values=nulls"})).json()
    assert "home" not in one and one["salary"] == 50


CONTEXTS = {
    "Categories?$expand=products/Ref.Voucher($select=code)": "Categories(products/Ref.Voucher(code))",
    "People/Ref.Employee?$expand=reports($levels=2;$select=id)&$select=id": "People/Ref.Employee(id,reports+(id))",
    "Cheapest()/Ref.Voucher?$select=id": "Products/Ref.Voucher(id)",
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
    ("Categories(1)?$expand=products/Ref.Voucher($select=id)", 2, ("products",), "id", [13, 19]),
    ("Boss?$expand=Ref.Employee/reports($select=id)", 1, ("reports",), "id", [4]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "size", "way", "name", "expected"), NESTED)
async def test_next_links_of_expanded_collections_are_read(service, target, size, way, name, expected):
    row = (await service.ask(target, None, {"Prefer": f"maxpagesize={size}"})).json()
    for step in way[:-1]:
        row = row[step]
    pages = await service.pages(row[f"{way[-1]}@odata.nextLink"], None, {"Prefer": f"maxpagesize={size}"})
    assert [one[name] for page in pages for one in page] == expected


KEYS = [
    ("Products(1)/details(2)/body", "Detail 1.2"),
    ("Products(1)/details(n=2)/body", "Detail 1.2"),
    ("Products(1)/details(product_id=1,n=2)/body", "Detail 1.2"),
    ("Products(@p)/details(@n)/body?@p=1&@n=2", "Detail 1.2"),
    ("Products(1)/Ref.Voucher/details(2)/body", "Detail 1.2"),
    ("Categories(1)/products(1)/details(2)/product/name", "Product 1"),
    ("Products/1/details/2/body", "Detail 1.2"),
    ("Details/1/2", {"product_id": 1, "n": 2, "body": "Detail 1.2"}),
    ("Details/1/2/product/name", "Product 1"),
    ("Cheapest()(1)/details(2)/body", "Detail 1.2"),
    ("Products/$count?$filter=access has 3", 5),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), KEYS)
async def test_a_key_need_not_repeat_what_the_path_says_and_its_parts_may_be_segments(service, target, expected):
    assert await asked(service, target) == expected


async def test_the_context_has_the_whole_key(service):
    for target in ("Products(1)/details(2)/body", "Products/1/details/2/body", "Details/1/2/body"):
        found = (await service.ask(target, None)).json()["@odata.context"]
        assert found.endswith("$metadata#Details(product_id=1,n=2)/body"), target


NOT_A_KEY = [
    ("Products(1)/details(product_id=2,n=2)", 404),
    ("Products(1)/details(4)", 404),
    ("Products(1)/details(product_id=1)", 400),
    ("Details(2)", 400),
    ("Details/1", 404),
    ("Details/1/$count", 404),
    ("Details/1/product", 404),
    ("Details/1/2/3", 404),
    ("Products/1/details/1/2/body", 404),  # the shorter form is complete with its first segment
    ("Suppliers('a')/others?$select=street", 501),
    ("Products?$select=size($compute=length mul 2 as twice)", 501),
    ("Products?$select=size($top=1)", 400),
]

NOT_CAST = [
    ("People(3)/Ref.Employee", 404),
    ("Vouchers(3)", 404),
    ("Products/Ref.Nope", 404),
    ("Products/Ref.Employee", 404),
    ("Products?$filter=Ref.Nope/x eq 1", 400),
    ("Products?$filter=Ref.Employee/salary eq 1", 400),
    ("Products?$filter=discount gt 1", 400),
    ("Products?$select=Ref.Nope/x", 400),
    ("Products?$apply=groupby((Ref.Voucher/name))", 501),
    ("Products?$apply=groupby((Ref.Voucher/gift/name))", 501),
    ("Products?$apply=groupby((Ref.Voucher/issuer/country))", 501),
    ("Products?$apply=aggregate(Ref.Voucher/gift/price with sum as p)", 501),
    ("Categories?$apply=aggregate(products/Ref.Bundle/discount with sum as s)", 501),
    ("Products?$apply=groupby((Ref.Voucher/code),aggregate(id with max as code))", 400),
    ("Products?$compute=id as code", 400),
    ("Products?$apply=concat(filter(id eq 1),filter(id eq 2))", 501),
    ("Categories?$expand=products/Ref.Employee", 400),
    ("Cheapest()/Ref.Employee", 404),
    ("Cheapest(count=20)(2)/Ref.Voucher", 404),
    ("Products?$filter=cast(Ref.Employee)/salary eq 1", 400),
    ("Products?$filter=cast(id,Ref.Voucher)/code eq 'V1'", 400),
    ("Products?$filter=cast(Ref.Voucher)", 501),
    ("$crossjoin(Products,Categories)?$expand=Products/Ref.Voucher", 501),
    ("Products?$apply=Ref.Nope()", 400),
]


@pytest.mark.parametrize(("target", "status"), [*NOT_CALLED, *NOT_A_KEY, *NOT_CAST])
async def test_a_call_that_fits_no_function_and_a_cast_that_cannot_be_are_refused(service, target, status):
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


DEFINED = [
    ("Suppliers?$filter=cast(name,Ref.Code) eq 'Alpha'&$select=code", ["a"]),
    ("Suppliers?$filter=isof(code,Ref.Code)&$select=code", ["a", "b", "c"]),
    ("Suppliers?$filter=isof(weight,Ref.Code)&$select=code", []),
    ("Suppliers?$filter=isof(weight,Ref.Weight)&$select=code", ["a", "b"]),  # null is of no type
    ("Suppliers?$filter=isof(weight mul 0.3333,Ref.Weight)&$select=code", []),  # more digits than Scale
    ("Suppliers?$filter=cast(weight mul 1.0004,Ref.Weight) eq 1.125&$select=code", ["a"]),  # rounded
    ("Suppliers?$filter=cast(weight mul 10000000,Ref.Weight) eq null&$select=code", ["a", "c"]),  # more digits than Precision
    ("Suppliers?$filter=cast('12.34567',Ref.Weight) eq 12.346&$select=code", ["a", "b", "c"]),
    ("Suppliers?$filter=cast('x',Ref.Weight) eq null and cast(null,Ref.Weight) eq null&$select=code", ["a", "b", "c"]),
    ("Suppliers?$orderby=cast(weight,Ref.Weight) desc&$select=code", ["a", "b", "c"]),
]


@pytest.mark.parametrize(("target", "codes"), DEFINED)
async def test_values_are_cast_to_type_definitions_within_their_facets(service, target, codes):
    assert [row["code"] for row in await asked(service, target)] == codes


async def test_a_name_that_is_no_type_definition_is_refused_with_the_nearest(service):
    answer = await service.ask("Suppliers?$filter=cast(name,Ref.Cod) eq 'x'", None)
    assert answer.status == 400 and "Ref.Code" in answer.json()["error"]["message"]
