"""Functions of the database as functions of the service: what they return, how they are called, and which are never served."""

from __future__ import annotations

from typing import Any

import pytest
from odata_gateway.introspection.source import CatalogSource, WishedModel
from tests.harness.cluster import READER
from tests.harness.inside import inside

SCRIPT = f"""
CREATE SCHEMA fn; GRANT USAGE ON SCHEMA fn TO {READER};
CREATE TYPE fn.mood AS ENUM ('calm', 'cross');
CREATE TABLE fn.customer (id int PRIMARY KEY, name text NOT NULL, since date NOT NULL, mood fn.mood, tags text[]);
CREATE TABLE fn.purchase (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES fn.customer, total numeric(10,2) NOT NULL);
INSERT INTO fn.customer SELECT i, 'C' || i, date '2020-01-01' + i, CASE WHEN i % 2 = 0 THEN 'calm' ELSE 'cross' END::fn.mood, ARRAY['t' || i]
    FROM generate_series(1, 30) AS i;
INSERT INTO fn.purchase SELECT i, i % 30 + 1, i FROM generate_series(1, 90) AS i;
CREATE FUNCTION fn.top_customers(since date, n int DEFAULT 5) RETURNS SETOF fn.customer LANGUAGE sql STABLE AS
    'SELECT * FROM fn.customer AS c WHERE c.since >= top_customers.since ORDER BY c.id DESC LIMIT n';
COMMENT ON FUNCTION fn.top_customers IS 'The newest customers';
CREATE FUNCTION fn.twice() RETURNS SETOF fn.customer LANGUAGE sql STABLE AS
    'SELECT * FROM fn.customer WHERE id < 6 UNION ALL SELECT id, upper(name) || ''!'', since, mood, tags FROM fn.customer WHERE id < 6';
CREATE FUNCTION fn.best() RETURNS fn.customer LANGUAGE sql STABLE AS 'SELECT * FROM fn.customer WHERE id = 7';
CREATE FUNCTION fn.nobody() RETURNS fn.customer LANGUAGE sql STABLE AS 'SELECT * FROM fn.customer WHERE id = 0';
CREATE FUNCTION fn.totals(lowest numeric DEFAULT 0) RETURNS TABLE (customer int, total numeric, mood fn.mood) LANGUAGE sql STABLE AS
    'SELECT customer_id, sum(p.total), c.mood FROM fn.purchase AS p JOIN fn.customer AS c ON c.id = customer_id GROUP BY customer_id, c.mood HAVING sum(p.total) >= lowest';
CREATE FUNCTION fn.same() RETURNS TABLE (a int, b text) LANGUAGE sql STABLE AS 'SELECT i % 2, ''x'' FROM generate_series(1, 25) AS i';
CREATE FUNCTION fn.numbers(n int) RETURNS SETOF int LANGUAGE sql IMMUTABLE AS 'SELECT generate_series(1, n)';
CREATE FUNCTION fn.plus(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE FUNCTION fn.plus(a int, b int, c int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b + c';
CREATE FUNCTION fn.of_mood(mood fn.mood) RETURNS SETOF fn.customer LANGUAGE sql STABLE AS 'SELECT * FROM fn.customer AS c WHERE c.mood = of_mood.mood';
CREATE FUNCTION fn.shown(at timestamptz, day date, what text, yes bool, f float8, u uuid, d interval, big int8, small int2, t time) RETURNS text
    LANGUAGE sql STABLE AS 'SELECT concat_ws(''|'', at AT TIME ZONE ''UTC'', day, what, yes, f, u, d, big, small, t)';
CREATE FUNCTION fn.half(x int, OUT quotient int, OUT rest int) LANGUAGE sql IMMUTABLE AS 'SELECT x / 2, x % 2';
CREATE FUNCTION fn.orders_above(c fn.customer, lowest numeric DEFAULT 0) RETURNS SETOF fn.purchase LANGUAGE sql STABLE AS
    'SELECT * FROM fn.purchase WHERE customer_id = c.id AND total >= lowest';
CREATE FUNCTION fn.orders_total(c fn.customer) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT sum(total) FROM fn.purchase WHERE customer_id = c.id';
CREATE FUNCTION fn.no_mood(fn.customer) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT $1.mood <> 'calm' $$;
CREATE FUNCTION fn.name(c fn.customer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'taken' $$;
CREATE FUNCTION fn.fails_for_one(c fn.customer) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1 / (c.id - 7)';
CREATE FUNCTION fn.fails(n int) RETURNS SETOF int LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE FUNCTION fn.divides(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1 / n';
CREATE FUNCTION fn.writes_inside(n int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN INSERT INTO fn.purchase VALUES (1000 + n, 1, 1); RETURN n; END $$;
CREATE FUNCTION fn.writes(n int) RETURNS int LANGUAGE sql STABLE AS 'SELECT fn.writes_inside(n)';
CREATE FUNCTION fn.writes_itself(n int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN INSERT INTO fn.purchase VALUES (1000 + n, 1, 1); RETURN n; END $$;
CREATE FUNCTION fn.hidden() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'; REVOKE EXECUTE ON FUNCTION fn.hidden FROM PUBLIC;
CREATE FUNCTION fn.several(VARIADIC n int[]) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION fn.unnamed(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION fn.bits(b varbit) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION fn.nothing() RETURNS void LANGUAGE sql STABLE AS '';
GRANT SELECT ON ALL TABLES IN SCHEMA fn TO {READER}; GRANT INSERT ON fn.purchase TO {READER};
"""


@pytest.fixture(scope="module")
def database(cluster):
    cluster.psql("postgres", "CREATE DATABASE functions")
    cluster.psql("functions", SCRIPT)
    yield cluster.dsn(user=READER, database="functions")
    cluster.psql("postgres", "DROP DATABASE functions WITH (FORCE)")


@pytest.fixture
async def service(database):
    async with inside(database, ODATA_MODEL="auto", ODATA_SCHEMAS="fn", ODATA_HOST="127.0.0.1") as running:
        yield running


async def asked(service: Any, target: str) -> Any:
    """The rows, the value or the entity that a target gives, without what stands around them."""
    answer = await service.ask(target, None)
    assert answer.status == 200, (target, answer.body)
    found = answer.json()
    if not isinstance(found, dict):
        return found
    return found.get("value", {name: value for name, value in found.items() if name[0] != "@"})


ANSWERS = [
    ("top_customers(since=2020-01-10)?$select=id", [{"id": n} for n in range(26, 31)]),
    ("top_customers(since=@p,n=2)?@p=2020-01-20&$select=id", [{"id": 29}, {"id": 30}]),
    ("top_customers(since=2020-01-10,n=3)?$filter=purchase/any(p:p/total gt 88)&$select=id", [{"id": 30}]),
    ("top_customers(since=2020-01-10,n=3)/$filter(id gt 28)?$orderby=name desc&$select=id", [{"id": 30}, {"id": 29}]),
    ("top_customers(since=2020-01-10)(28)/name", "C28"),
    ("top_customers(since=2020-01-10)(28)/purchase?$top=1&$select=id", [{"id": 27}]),
    ("top_customers(since=2020-01-10,n=1)?$expand=purchase($top=1;$select=id)&$select=id", [{"id": 30, "purchase": [{"id": 29}]}]),
    ("top_customers(since=2020-01-10,n=20)?$apply=groupby((mood),aggregate($count as n))&$select=n", [{"@odata.id": None, "n@odata.type": "#Decimal", "n": 10}] * 2),
    ("top_customers(since=2020-01-10,n=20)?$apply=topcount(2,id)&$select=id", [{"id": 30}, {"id": 29}]),
    ("twice()?$filter=id eq 3&$select=name&$orderby=name", [{"@odata.id": "customer(3)", "name": "C3"}, {"@odata.id": "customer(3)", "name": "C3!"}]),
    ("twice()?$apply=topcount(3,id)&$select=id", [{"id": 5}, {"id": 5}, {"id": 4}]),
    ("best()/name", "C7"),
    ("best()/purchase?$select=id&$top=1", [{"id": 6}]),
    ("totals(lowest=172)?$orderby=total", [{"customer": 29, "total": 174.0, "mood": "cross"}, {"customer": 30, "total": 177.0, "mood": "calm"}, {"customer": 1, "total": 180.0, "mood": "cross"}]),
    ("totals()?$filter=mood eq 'calm' and customer in (2,3,4)&$select=customer", [{"customer": 2}, {"customer": 4}]),
    ("totals()?$apply=groupby((mood),aggregate(total with sum as t))&$select=t", [{"t@odata.type": "#Decimal", "t": 2025.0}, {"t@odata.type": "#Decimal", "t": 2070.0}]),
    ("totals()?$compute=total mul 2 as twice&$select=twice&$filter=customer eq 1", [{"twice@odata.type": "#Decimal", "twice": 360.0}]),
    ("numbers(n=5)?$filter=$it gt 2&$orderby=$it desc&$top=2", [5, 4]),
    ("numbers(n=@x)?@x=3", [1, 2, 3]),
    ("plus(a=1)", 2),
    ("plus(b=5,a=1,c=3)", 9),
    ("plus?a=1", 2),  # implicit parameter aliases (4.01 Protocol 11.5.4.1.2)
    ("plus(a=1)?b=2", 3),
    ("half(x=7)", {"quotient": 3, "rest": 1}),
    ("half(x=7)/rest", 1),
    ("of_mood(mood='calm')?$select=id&$top=1", [{"id": 2}]),
    ("shown(at=2020-01-01T12:00:00%2B02:00,day=2020-02-03,what='a''b%2Fc',yes=true,f=1.5,u=11111111-1111-1111-1111-111111111111,d=duration'PT1H',big=5,small=3,t=10:00:00)",
     "2020-01-01 10:00:00|2020-02-03|a'b/c|t|1.5|11111111-1111-1111-1111-111111111111|01:00:00|5|3|10:00:00"),
    ("shown(at=null,day=null,what=null,yes=null,f=null,u=null,d=null,big=null,small=-3,t=null)", "-3"),
    ("customer(3)/fn.orders_above(lowest=3)?$select=id", [{"id": 32}, {"id": 62}]),
    ("customer(3)/fn.orders_above()?$orderby=total desc&$top=1&$select=id", [{"id": 62}]),
    ("customer(3)/fn.orders_total()", 96.0),
    ("top_customers(since=2020-01-10)(28)/fn.orders_total()", 171.0),
    ("customer(3)/purchase(2)/customer/fn.orders_total()", 96.0),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), ANSWERS)
async def test_what_a_function_returns_is_taken_like_any_resource(service, target, expected):
    assert await asked(service, target) == expected


REFUSED = [
    ("plus(a=1,d=3)", 404, "plus has no parameter 'd'"),
    ("plus(b=1)", 404, "write plus(a=...,[b=...]) or plus(a=...,b=...,c=...)"),
    ("plus(a=99999999999)", 400, "from -2147483648 to 2147483647"),
    ("plus(a='x')", 400, "parameter 'a' of plus is Edm.Int32"),
    ("plus(a=1.5)", 400, "parameter 'a' of plus is Edm.Int32"),
    ("plus(a=a)", 400, "expected a number"),
    ("plus(a=1,a=2)", 400, "twice"),
    ("plus(1)", 400, "write name=value"),
    ("plus?b=1", 404, "cannot be called with these parameters"),
    ("of_mood(mood='x')", 400, "cannot be read"),
    ("top_customers(since=2020-01-10)(1)", 404, "no such entity"),
    ("nobody()/name", 404, "no such entity"),
    ("customer(99)/fn.orders_above()", 404, "no such entity"),
    ("customer(99)/fn.orders_total()", 404, "no such entity"),
    ("customer/fn.orders_total()", 404, "is called for one entity"),
    ("purchase(1)/fn.orders_total()", 404, "no type or function"),
    ("fails(n=1)", 400, "calling fn.fails fails in the database: an exception is raised"),
    ("divides(n=0)", 400, "division by zero"),
    ("writes(n=1)", 403, "the database refused to write"),
    ("writes_itself(n=1)", 403, "the database refused to write"),
    ("writes_inside(n=1)", 404, "there is no entity set"),
    ("hidden()", 404, "there is no entity set"),
    ("numbers(n=3)?$select=x", 400, "does not apply to a collection of values"),
    ("numbers(n=3)?$apply=identity", 400, "does not apply to a collection of values"),
    ("numbers(n=3)/x", 404, "rows without a key"),
    ("totals()(1)", 404, "no key"),
    ("totals()/$ref", 404, "no key"),
    ("totals()?$expand=customer", 400, "not a navigation property"),
]


@pytest.mark.parametrize(("target", "status", "message"), REFUSED)
async def test_what_cannot_be_called_is_refused_with_the_reason(service, target, status, message):
    answer = await service.ask(target, None)
    assert (answer.status, message in answer.json()["error"]["message"]) == (status, True), answer.body


CONTEXTS = {
    "top_customers(since=2020-01-10)": "customer",
    "top_customers(since=2020-01-10)(28)/name": "customer(28)/name",
    "best()": "customer/$entity",
    "best()/name": "Edm.String",
    "totals()?$select=total": "Collection(fn.totals_row)(total)",
    "half(x=1)": "fn.half_row",
    "numbers(n=1)": "Collection(Edm.Int32)",
    "plus(a=1)": "Edm.Int32",
}


async def test_the_context_says_what_was_returned(service):
    for target, context in CONTEXTS.items():
        found = (await service.ask(target, None)).json()["@odata.context"]
        assert found.partition("$metadata#")[2] == context, target


async def test_no_row_is_lost_or_doubled_by_pages(service):
    """Rows that are equal are interchangeable; an entity may come twice."""
    expected = {"top_customers(since=2020-01-01,n=30)": 30, "twice()": 10, "totals()": 30, "same()": 25, "numbers(n=40)": 40}
    for target, count in expected.items():
        whole = await asked(service, target)
        for size in ("1", "7"):
            pages = await service.pages(target, None, {"Prefer": f"maxpagesize={size}"})
            assert [row for page in pages for row in page] == whole and len(whole) == count, target
        assert (await service.ask(f"{target}/$count", None)).body == str(count).encode()


async def test_null_is_no_content_and_a_value_is_raw(service):
    assert (await service.ask("nobody()", None)).status == 204
    assert (await service.ask("plus(a=null)", None)).status == 204
    assert (await service.ask("plus(a=1)/$value", None)).body == b"2"
    assert (await service.ask("best()/$ref", None)).json()["@odata.id"] == "customer(7)"


async def test_the_documents_name_the_functions(service):
    listed = {each["name"] for each in (await asked(service, "")) if each["kind"] == "FunctionImport"}
    assert listed == {"best", "nobody", "same", "totals", "twice"}
    document = (await service.ask("$metadata?$format=json", None)).json()["fn"]
    assert document["plus"][0]["$Parameter"] == [
        {"$Name": "a", "$Type": "Edm.Int32", "$Nullable": True},
        {"$Name": "b", "$Type": "Edm.Int32", "$Nullable": True, "@Core.OptionalParameter": {}},
    ]
    assert [f.get("$IsBound") for f in document["orders_total"]] == [True]
    assert document["top_customers"][0]["@Core.Description"] == "The newest customers"
    assert document["Service"]["top_customers"] == {"$Function": "fn.top_customers", "$EntitySet": "customer"}
    assert document["totals_row"]["$Kind"] == "ComplexType"
    xml = (await service.ask("$metadata", None, {"OData-MaxVersion": "4.01"})).body.decode()
    assert '<Function Name="best" IsComposable="true">' in xml and '<ReturnType Type="Collection(fn.totals_row)" Nullable="false"/>' in xml
    assert '<FunctionImport Name="best" Function="fn.best" EntitySet="customer" IncludeInServiceDocument="true"/>' in xml
    assert "Org.OData.Core.V1.OptionalParameter" in xml


async def test_functions_that_are_not_served_are_told_with_the_reason(service):
    found = await CatalogSource(service.database, WishedModel(("fn",))).found()
    assert [str(item).removeprefix("fn.") for item in found.not_served] == [
        "bits(varbit): parameter b is of type varbit; add a function whose parameters are numbers, texts or times",
        "hidden(): the role may not execute it; GRANT EXECUTE ON FUNCTION fn.hidden()",
        "several(_int4): it has a VARIADIC parameter; add a function with plain parameters",
        "unnamed(int4): a parameter has no name; name its parameters",
        "writes_inside(int4): it is VOLATILE, so it may write; declare it STABLE if it only reads",
    ]


COMPUTED = [
    ("customer?$select=id,orders_total&$filter=orders_total gt 173&$orderby=orders_total desc", [{"id": 1, "orders_total": 180.0}, {"id": 30, "orders_total": 177.0}, {"id": 29, "orders_total": 174.0}]),
    ("customer?$orderby=orders_total&$top=1&$select=id", [{"id": 2}]),
    ("customer(3)?$select=orders_total", {"orders_total": 96.0}),
    ("customer(3)/orders_total", 96.0),
    ("customer/$count?$filter=orders_total gt 171", 3),
    ("purchase(2)?$expand=customer($select=orders_total)&$select=id", {"id": 2, "customer": {"@odata.id": "customer(3)", "orders_total": 96.0}}),
    ("purchase?$filter=customer/orders_total gt 179&$select=id", [{"id": 30}, {"id": 60}, {"id": 90}]),
    ("top_customers(since=2020-01-20,n=1)?$select=orders_total", [{"@odata.id": "customer(30)", "orders_total": 177.0}]),
    ("customer?$apply=filter(id lt 3)/aggregate(orders_total with sum as s)", [{"@odata.id": None, "s@odata.type": "#Decimal", "s": 273.0}]),
    ("customer?$select=no_mood&$filter=id lt 3&$orderby=no_mood,mood", [{"@odata.id": "customer(2)", "no_mood": False}, {"@odata.id": "customer(1)", "no_mood": True}]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), COMPUTED)
async def test_a_function_of_a_row_is_a_computed_property(service, target, expected):
    assert without_id(await asked(service, target)) == without_id(expected)


def without_id(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_id(item) for name, item in value.items() if name != "@odata.id"}
    return [without_id(item) for item in value] if isinstance(value, list) else value


async def test_a_computed_property_is_shown_where_it_is_selected(service):
    assert set((await service.ask("customer(3)", None)).json()) == {"@odata.context", "id", "name", "since", "mood", "tags"}
    pages = await service.pages("customer?$select=orders_total&$orderby=orders_total desc,name", None, {"Prefer": "maxpagesize=7"})
    found = [row["orders_total"] for page in pages for row in page]
    assert len(found) == 30 and found == sorted(found, reverse=True)
    document = (await service.ask("$metadata?$format=json", None)).json()["fn"]["customer"]
    assert document["orders_total"] == {"$Type": "Edm.Decimal", "$Nullable": True, "@Core.Computed": True} and "bare" not in document
    broken = await service.ask("customer?$select=fails_for_one", None)
    assert broken.status == 500 and broken.code == "Db.Table"
