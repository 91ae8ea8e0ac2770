"""Arrays, composites, ranges and multiranges of a database that is served without a model: values, nulls, extremes, and what each option makes of them."""

from __future__ import annotations

import pytest
from tests.harness.csdl import assert_valid_json, assert_valid_xml
from tests.harness.gateway import start_gateway
from tests.live.test_web_cli import run

ITEMS = """
CREATE SCHEMA made; CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE made.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN made.word AS text; CREATE DOMAIN made.words AS text[];
CREATE TYPE made.spot AS (lat float8, lon float8);
CREATE TYPE made.address AS (street text, "Zip Code" varchar(10), spot made.spot, since date, api_token text);
CREATE TYPE made.float_span AS RANGE (subtype = float8);
CREATE TABLE made.thing (
  id int PRIMARY KEY, name text NOT NULL, tags text[], numbers int4[], large int8[], small int2[], amounts numeric(10, 2)[], times timestamptz[], moods made.mood[],
  codes char(4)[], ids uuid[], doubles float8[], flags bool[], words made.words, chosen made.word[], mails citext[], addresses inet[], square int4[][],
  home made.address, homes made.address[], span int4range, period tstzrange, wide made.float_span, spans int4multirange, span_list int4range[]
);
INSERT INTO made.thing VALUES
 (1, 'one', '{red,"a b","c,d","",NULL}', '{1,2,NULL,2147483647}', '{9007199254740993}', '{-32768}', '{19.90,0}', '{"2024-02-29 12:00+00",infinity}', '{happy,sad}',
  '{ab}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{0.5,NaN,Infinity}', '{t,f}', '{x}', '{y}', '{Ann@x}', '{10.0.0.1,10.1.2.3/8}', '{{1,2},{3,4}}',
  ROW('Main St', '12345', ROW(1.5, 2.5), '2020-01-01', 'secret'), ARRAY[ROW('S1', '1', NULL, NULL, NULL), NULL, ROW('S2', NULL, ROW(0, 0), NULL, NULL)]::made.address[],
  '[1,5)', '["2024-01-01 00:00+00","2024-02-01 00:00+00"]', '[0.5,1.5)', '{[1,3),[5,8)}', ARRAY['[1,2)', NULL]::int4range[]),
 (2, 'two', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', ROW(NULL, NULL, NULL, NULL, NULL), '{}', 'empty', '(,)', 'empty', '{}', '{}'),
 (3, 'three', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (4, 'four', '{blue,red}', '{3}', '{3}', '{3}', '{3}', '{"2024-03-01 00:00+00"}', '{ok}', '{abcd}', '{}', '{2.5}', '{f}', '{z}', '{z}', '{bob@x}', '{::1}', '{3}',
  ROW('Other St', '999', ROW(NULL, 7), NULL, NULL), ARRAY[ROW('Q"\\\\', '7', NULL, '2021-05-05', NULL)]::made.address[], '[10,)', '(,"infinity")', '(,2]', '{(,)}', '{}');
CREATE TABLE made.part (id int PRIMARY KEY, thing_id int REFERENCES made.thing, sizes int4[]);
INSERT INTO made.part VALUES (1, 1, '{5,6}'), (2, 1, '{7}'), (3, 4, NULL);
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE made.page (id int PRIMARY KEY, title text, body text, spot vector(3), words tsvector GENERATED ALWAYS AS (to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, ''))) STORED, other tsvector);
INSERT INTO made.page VALUES (1, 'Running shoes', 'for long runs', '[1,2.5,-3]', DEFAULT, NULL), (2, 'Tea', 'green and black', NULL, DEFAULT, to_tsvector('simple', 'x')), (3, NULL, NULL, '[0,0,0]', DEFAULT, NULL);
CREATE INDEX page_words ON made.page USING gin (words);
CREATE DOMAIN made.code AS text CHECK (VALUE ~ '^[A-Z]{2}$');
CREATE TABLE made.limited (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, mood made.mood NOT NULL, code made.code, "a b" int CHECK ("a b" BETWEEN 1 AND 5), state text CHECK (state IN ('on', 'off')),
  price numeric(10, 2) CHECK (price >= 0.5), twice int GENERATED ALWAYS AS ("a b" * 2) STORED, free int CHECK (free > 0 OR free < -5));
COMMENT ON COLUMN made.limited.price IS E'What it costs\\nin euro'; COMMENT ON TYPE made.address IS 'Where it is'; COMMENT ON COLUMN made.address.street IS 'With the number';
CREATE INDEX thing_tags ON made.thing USING gin (tags); CREATE INDEX thing_numbers ON made.thing USING gin (numbers);
GRANT USAGE ON SCHEMA made TO odata_reader; GRANT SELECT ON ALL TABLES IN SCHEMA made TO odata_reader;
"""


@pytest.fixture(scope="module")
def settings(cluster):
    cluster.psql("postgres", "CREATE DATABASE made_types")
    cluster.psql("made_types", ITEMS)
    yield {"ODATA_DSN": cluster.dsn(user="odata_reader", database="made_types"), "ODATA_MODEL": "auto", "ODATA_SCHEMAS": "made"}
    cluster.psql("postgres", "DROP DATABASE made_types WITH (FORCE)")


@pytest.fixture(scope="module")
def made(settings):
    with start_gateway(**settings) as running:
        yield running


def rows(made, target):
    reply = made.get(target, token=None)
    assert reply.status == 200, (target, reply.body[:400])
    return reply.rows


def explained(settings, target):
    return run("explain", target, **settings).stdout


def ids(made, condition):
    return [row["id"] for row in rows(made, f"thing?$filter={condition}&$select=id&$orderby=id")]


CONDITIONS = [
    # collections of primitive values
    ("tags/any()", [1, 4]),
    ("not tags/any()", [2, 3]),
    ("tags/any(t:t eq 'red')", [1, 4]),
    ("tags/any(t:t eq 'Red')", []),
    ("tags/any(t:t eq '')", [1]),
    ("tags/any(t:t eq null)", [1]),
    ("tags/any(t:t ne null)", [1, 4]),
    ("tags/any(t:t in ('a b','blue'))", [1, 4]),
    ("tags/any(t:startswith(t,'b'))", [4]),
    ("tags/any(t:t gt 'c')", [1, 4]),
    ("tags/any(t:t eq name)", []),
    ("tags/all(t:t ne 'blue')", [1, 2, 3]),
    ("tags/all(t:t ne null)", [2, 3, 4]),
    ("not (tags/any(t:t eq 'red') eq true)", [2, 3]),
    ("tags/any(t:t eq 'red') eq false", [2, 3]),
    ("tags/$count eq 5", [1]),
    ("tags/$count eq 0", [2, 3]),
    ("tags/$count($filter=$this eq 'red') eq 1", [1, 4]),
    ("tags/$filter($this ne 'red')/$count eq 1", [4]),
    ("'red' in tags", [1, 4]),
    ("null in tags", [1]),
    ("name in tags", []),
    ("tags eq ['blue','red']", [4]),
    ("tags eq []", [2, 3]),
    ("tags ne ['blue','red']", [1, 2, 3]),
    ("tags eq null", []),
    ("contains(tags,['a b','c,d'])", [1]),
    ("hassubset(tags,['red','blue'])", [4]),
    ("hassubsequence(tags,['red','c,d'])", [1]),
    ("indexof(tags,['red']) eq 1", [4]),
    ("length(tags) eq 2", [4]),
    ("startswith(tags,['blue'])", [4]),
    ("numbers/any(n:n eq 2147483647)", [1]),
    ("numbers/any(n:n eq 9007199254740993)", []),
    ("numbers/any(n:n eq 3.0)", [4]),
    ("numbers/any(n:n in (1,9007199254740993))", [1]),
    ("numbers/any(n:n add 1 eq 4)", [4]),
    ("numbers/any(n:1 div n ge 1)", [1]),
    ("numbers/all(n:n gt 2)", [2, 3, 4]),
    ("small/any(n:n eq -32768)", [1]),
    ("small/any(n:n eq -32769)", []),
    ("large/any(n:n eq 9007199254740993)", [1]),
    ("amounts/any(n:n eq 19.9)", [1]),
    ("times/any(t:t eq 2024-03-01T01:00:00%2B01:00)", [4]),
    ("times/any(t:t eq null)", [1]),
    ("times/any(t:year(t) eq 2024)", [1, 4]),
    ("moods/any(m:m eq 'happy')", [1]),
    ("moods/any(m:m eq 'nope')", []),
    ("moods/any(m:m in ('ok','nope'))", [4]),
    ("moods/any(m:m gt 'sad')", [1, 4]),
    ("codes/any(c:c eq 'ab')", [1]),
    ("codes/any(c:c eq 'ab  ')", [1]),
    ("ids/any(i:i eq a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11)", [1]),
    ("doubles/any(d:d eq NaN)", []),
    ("doubles/any(d:d eq INF)", [1]),
    ("doubles/any(d:d gt 2)", [1, 4]),
    ("flags/any(f:f)", [1]),
    ("flags/any(f:not f)", [1, 4]),
    ("words/any(w:w eq 'x')", [1]),
    ("chosen/any(w:w eq 'z')", [4]),
    ("mails/any(m:m eq 'ANN@X')", [1]),
    ("addresses/any(a:a eq '10.0.0.1')", [1]),
    ("addresses/any(a:a eq 'nope')", []),
    ("tags/any(t:numbers/any(n:n eq 3 and t eq 'red'))", [4]),
    # objects
    ("home/street eq 'Main St'", [1]),
    ("home/Zip_Code eq '999'", [4]),
    ("home/spot/lat gt 1", [1]),
    ("home/spot/lon eq 7", [4]),
    ("home/street eq null", [2, 3]),
    ("home eq null", [3]),
    ("home ne null", [1, 2, 4]),
    ("null eq home", [3]),
    ("home/spot eq null", [2, 3]),
    ("home/since eq 2020-01-01", [1]),
    ("year(home/since) eq 2020", [1]),
    ("home/made.address/street eq 'Main St'", [1]),
    ("contains(home/street,'St') and not startswith(home/street,'M')", [4]),
    ("homes/any(h:h/street eq 'S2')", [1]),
    ("homes/any(h:h eq null)", [1]),
    ("homes/any(h:h/spot/lat eq 0)", [1]),
    ("homes/all(h:h/Zip_Code eq '7')", [2, 3, 4]),
    ("homes/$count eq 3", [1]),
    ("homes/$count($filter=$this/street eq 'S1') eq 1", [1]),
    ("homes/$count($filter=street eq 'S1' and $it/id eq 1) eq 1", [1]),
    ("homes/$filter(street eq 'S2')/any()", [1]),
    ("isof(home,made.address)", [1, 2, 4]),
    ("isof(name,made.address)", []),
    ("case(true:home) eq null", [3]),
    ("homes/any(h:h/spot/lat lt $it/home/spot/lat)", [1]),
    # ranges
    ("span/lower eq 1", [1]),
    ("span/upper gt 4", [1]),
    ("span/upper eq null", [2, 3, 4]),
    ("span/lowerInclusive", [1, 4]),
    ("span/lowerInclusive eq null", [2, 3]),
    ("span eq null", [3]),
    ("period/lower lt 2024-06-01T00:00:00Z", [1]),
    ("period/upperInclusive eq true", [1]),
    ("wide/upper ge 1.5", [1, 4]),
    ("spans/any(s:s/lower eq 5)", [1]),
    ("spans/$count eq 2", [1]),
    ("span_list/any(s:s eq null)", [1]),
]  # fmt: skip


def test_conditions(made):
    wrong = [
        (condition, found, wanted) for condition, wanted in CONDITIONS if (found := ids(made, condition.replace(" ", "%20"))) != wanted
    ]
    assert wrong == []


def test_values_as_they_are_shown(made):
    one, two, three, four = rows(made, "thing?$orderby=id")
    assert one["tags"] == ["red", "a b", "c,d", "", None] and one["numbers"] == [1, 2, None, 2147483647]
    assert one["times"] == ["2024-02-29T12:00:00.000000Z", None] and one["doubles"] == [0.5, "NaN", "INF"]
    assert (
        one["moods"] == ["happy", "sad"]
        and one["codes"] == ["ab"]
        and one["flags"] == [True, False]
        and one["addresses"] == ["10.0.0.1", "10.1.2.3/8"]
    )
    assert one["square"] == "{{1,2},{3,4}}"  # of two dimensions: a text
    assert one["home"] == {"street": "Main St", "Zip_Code": "12345", "spot": {"lat": 1.5, "lon": 2.5}, "since": "2020-01-01"}
    assert one["homes"][1] is None and one["homes"][2]["spot"] == {"lat": 0, "lon": 0} and four["homes"][0]["street"] == 'Q"' + 2 * "\\"
    assert one["span"] == {"lower": 1, "upper": 5, "lowerInclusive": True, "upperInclusive": False}
    assert [each["lower"] for each in one["spans"]] == [1, 5] and one["span_list"][1] is None
    assert two["home"] == {"street": None, "Zip_Code": None, "spot": None, "since": None} and three["home"] is None
    assert set(two["span"].values()) == {None} and three["span"] is None  # an empty range is not one that is open at both ends
    assert two["period"] == {"lower": None, "upper": None, "lowerInclusive": False, "upperInclusive": False}
    assert all(three[name] == two[name] == [] for name in ("tags", "numbers", "times", "homes", "spans"))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("thing?$orderby=home/street desc&$select=id", [4, 1, 2, 3]),
        ("thing?$orderby=tags/$count desc,id&$select=id", [1, 4, 2, 3]),
        ("thing?$orderby=span/lower,id desc&$select=id", [3, 2, 1, 4]),
        ("thing?$orderby=home/spot/lat desc,id&$select=id&$top=1", [1]),
    ],
)
def test_order(made, target, expected):
    assert [row["id"] for row in rows(made, target)] == expected
    assert [row["id"] for page in made.pages(target, token=None, headers={"Prefer": "maxpagesize=1"}) for row in page] == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("thing?$filter=id eq 1&$select=home/street,home/spot/lat", {"home": {"street": "Main St", "spot": {"lat": 1.5}}}),
        ("thing?$filter=id eq 1&$select=home($select=street)", {"home": {"street": "Main St"}}),
        ("thing?$filter=id eq 1&$select=homes/street", {"homes": [{"street": "S1"}, None, {"street": "S2"}]}),
        ("thing?$filter=id eq 1&$select=home,id", {"id": 1, "home": {"street": "Main St", "Zip_Code": "12345", "spot": {"lat": 1.5, "lon": 2.5}, "since": "2020-01-01"}}),
        ("thing?$filter=id eq 1&$compute=tags/$count as n,home/spot/lat mul 2 as double&$select=n,double", {"n@odata.type": "#Int64", "n": 5, "double": 3.0}),
        ("thing?$filter=id eq 1&$select=numbers,name", {"name": "one", "numbers": [1, 2, None, 2147483647]}),
        ("thing?$filter=id eq 1&$select=id&$expand=part($select=sizes;$filter=sizes/any())",
         {"id": 1, "part": [{"@odata.id": "part(1)", "sizes": [5, 6]}, {"@odata.id": "part(2)", "sizes": [7]}]}),
    ],
)  # fmt: skip
def test_selection(made, target, expected):
    [row] = rows(made, target)
    assert {name: value for name, value in row.items() if name[0] != "@"} == expected


def test_contexts(made):
    def context(target):
        return made.get(target, token=None).json()["@odata.context"].partition("$metadata")[2]

    assert context("thing?$select=home/street,id") == "#thing(home/street,id)"
    assert context("thing(1)/home") == "#thing(1)/home" and context("thing(1)/home/street") == "#thing(1)/home/street"
    assert context("thing(1)/tags") == "#thing(1)/tags"


def test_paths(made):
    def value(target):
        reply = made.get(target, token=None)
        return (reply.status, reply.json() if b"{" in reply.body else reply.body.decode())

    def content(target):
        status, found = value(target)
        assert status == 200, (target, found)
        return {name: each for name, each in found.items() if name[0] != "@"}

    assert content("thing(1)/home") == {"street": "Main St", "Zip_Code": "12345", "spot": {"lat": 1.5, "lon": 2.5}, "since": "2020-01-01"}
    assert content("thing(1)/home/spot") == {"lat": 1.5, "lon": 2.5} and content("thing(1)/home/spot/lat") == {"value": 1.5}
    assert value("thing(1)/home/street/$value") == (200, "Main St")
    assert value("thing(3)/home")[0] == value("thing(3)/home/street")[0] == value("thing(2)/home/street")[0] == 204
    assert content("thing(1)/tags") == {"value": ["red", "a b", "c,d", "", None]} and content("thing(3)/tags") == {"value": []}
    assert value("thing(1)/tags/$count") == (200, "5") and value("thing(3)/tags/$count") == (200, "0")
    assert value("thing(1)/tags/$count?$filter=$this%20ne%20null") == (200, "4")
    assert value("thing(1)/tags/$count?$filter=$it%20eq%20'red'") == value("thing(1)/homes/$count?$filter=street%20eq%20'S1'") == (200, "1")
    assert value("thing(1)/home/spot/lat/$value") == (200, "1.5") and value("thing(1)/homes/$count") == (200, "3")
    assert value("part(1)/thing/home/street/$value") == (200, "Main St") and value("part(1)/thing/tags/$count") == (200, "5")
    for missing in ("thing(9)/home", "thing(9)/tags", "thing(9)/tags/$count", "thing(1)/home/nothing", "thing(1)/tags/x"):
        assert value(missing)[0] == 404, missing


REFUSED = [
    ("thing?$orderby=tags", 400), ("thing?$orderby=home", 400), ("thing?$filter=tags", 400), ("thing?$filter=tags gt ['a']", 400),
    ("thing?$filter=home eq 'x'", 400), ("thing?$filter=home eq home", 501), ("thing?$filter=tags/street eq 'x'", 400), ("thing?$filter=home/nothing eq 1", 400),
    ("thing?$filter=name/x eq 1", 400), ("thing?$apply=groupby((tags))", 501), ("thing?$apply=groupby((home))", 501),
    ("thing?$apply=aggregate(tags with countdistinct as n)", 400), ("thing?$apply=aggregate(home with max as n)", 400), ("thing?$select=home/nothing", 400), ("thing?$select=tags/x", 400),
    ("thing?$select=name/x", 400), ("thing?$filter=length(home) eq 1", 400), ("thing?$filter=home/any(h:h eq 1)", 400),
    ("thing?$expand=home", 400), ("thing(1)/home/$value", 404), ("thing(1)/tags/$value", 404), ("thing(1)/home/$count", 404), ("thing(1)/tags?$top=1", 501),
    ("thing(1)/tags/$count?$search=x", 501), ("thing?$filter=homes eq []", 501), ("thing?$filter=tags in (['a'])", 400), ("thing?$select=home/api_token", 400),
    ("thing?$filter=cast(home,Edm.String) eq 'x'", 400), ("thing?$filter=numbers/any(n:n eq 'x')", 400),
    ("thing?$filter=home eq @o&@o=%7B%22street%22:%22x%22%7D", 501), ("thing?$filter=mails eq ['a']", 501),
    ("thing(1)/tags?$filter=$this eq 'a'", 501), ("thing(1)/home?$select=street", 501), ("thing?$select=tags($top=1)", 501), ("thing(1)/home/street?$select=x", 400), ("thing?$filter=tags/any(t:t/x eq 1)", 400),
]  # fmt: skip


@pytest.mark.parametrize(("target", "status"), REFUSED)
def test_what_has_no_meaning_is_refused(made, target, status):
    reply = made.get(target.replace(" ", "%20"), token=None)
    assert reply.status == status, reply.body[:300]


def test_an_index_serves_a_search_for_an_item(made, settings):
    for condition, operator in (
        ("tags/any(t:t eq 'x')", '."tags" @> ARRAY['),
        ("tags/any(t:t in ('x','y'))", '."tags" && '),
        ("numbers/any(n:n eq 7)", '."numbers" @> ARRAY['),
    ):
        assert ids(made, condition) == []
        done = explained(settings, f"thing?$filter={condition}")
        assert operator in done, done


def test_grouping_by_members_and_aggregates_of_them(made):
    found = rows(made, "thing?$apply=groupby((home/street),aggregate(id with sum as n))&$orderby=home/street")
    assert [(row["home"]["street"], row["n"]) for row in found] == [(None, 5), ("Main St", 1), ("Other St", 4)]
    assert rows(made, "thing?$apply=aggregate(home/spot/lat with max as top,home/spot/lon with sum as sum)")[0]["top"] == 1.5
    found = rows(made, "part?$apply=groupby((thing/home/street),aggregate($count as n))&$orderby=n")
    assert [(row["thing"]["home"]["street"], row["n"]) for row in found] == [("Other St", 1), ("Main St", 2)]
    assert rows(made, "part?$apply=aggregate(thing/home/spot/lat with max as top)")[0]["top"] == 1.5
    assert [row["id"] for row in rows(made, "thing?$apply=compute(home as s)/filter(s eq null)")] == [3]
    assert len(rows(made, "thing?$apply=filter(tags/any(t:t eq 'red'))/compute(tags/$count as n)/orderby(n)")) == 2


def test_metadata_in_both_forms(made):
    xml = made.get("$metadata", token=None).body.decode()
    for line in (
        '<Property Name="tags" Type="Collection(Edm.String)" Nullable="true"/>',
        '<Property Name="numbers" Type="Collection(Edm.Int32)" Nullable="true"/>',
        '<Property Name="times" Type="Collection(Edm.DateTimeOffset)" Nullable="true" Precision="6"/>',
        '<Property Name="home" Type="made.address"/>',
        '<Property Name="homes" Type="Collection(made.address)" Nullable="true"/>',
        '<Property Name="spans" Type="Collection(made.int4range)" Nullable="false"/>',
        '<ComplexType Name="address">',
        '<Property Name="spot" Type="made.spot"/>',
        '<Property Name="Zip_Code" Type="Edm.String" MaxLength="10"/>',
        '<Property Name="lowerInclusive" Type="Edm.Boolean"/>',
    ):
        assert line in xml, line
    assert "api_token" not in xml and xml.index('ComplexType Name="spot"') < xml.index('ComplexType Name="address"')
    document = made.get("$metadata?$format=json", token=None).json()["made"]
    assert document["thing"]["tags"] == {"$Collection": True, "$Nullable": True}
    assert document["thing"]["home"] == {"$Type": "made.address", "$Nullable": True}
    assert document["thing"]["homes"] == {"$Type": "made.address", "$Collection": True, "$Nullable": True}
    assert document["address"]["$Kind"] == "ComplexType" and document["float_span"]["lower"] == {"$Type": "Edm.Double", "$Nullable": True}


def test_full_metadata_names_the_types(made):
    reply = made.get("thing?$filter=id%20eq%201", token=None, headers={"accept": "application/json;odata.metadata=full"})
    row = reply.rows[0]
    assert (row["tags@odata.type"], row["home@odata.type"], row["homes@odata.type"]) == (
        "#Collection(String)",
        "#made.address",
        "#Collection(made.address)",
    )
    tags = made.get("thing(1)/tags", token=None, headers={"accept": "application/json;odata.metadata=full"}).json()
    assert tags["@odata.type"] == "#Collection(String)"


def test_numbers_are_strings_where_the_client_asks_for_it(made):
    reply = made.get("thing(1)?$select=large,amounts", token=None, headers={"accept": "application/json;IEEE754Compatible=true"})
    assert (reply.json()["large"], reply.json()["amounts"]) == (["9007199254740993"], ["19.90", "0.00"])


def test_what_is_known_of_values_is_annotated(made):
    limited = made.get("$metadata?$format=json", token=None).json()["made"]["limited"]
    notes = {
        name: {term: value for term, value in each.items() if term[0] == "@"} for name, each in limited.items() if isinstance(each, dict)
    }
    assert notes["id"] == notes["twice"] == {"@Core.Computed": True} and notes["free"] == {}
    assert notes["mood"] == {"@Validation.AllowedValues": [{"Value": "sad"}, {"Value": "ok"}, {"Value": "happy"}]}
    assert notes["state"] == {"@Validation.AllowedValues": [{"Value": "on"}, {"Value": "off"}]}
    assert notes["code"] == {"@Validation.Pattern": "^[A-Z]{2}$"} and notes["a_b"] == {"@Validation.Minimum": 1, "@Validation.Maximum": 5}
    assert notes["price"] == {
        "@Core.Description": "What it costs",
        "@Core.LongDescription": "What it costs\nin euro",
        "@Validation.Minimum": 0.5,
    }
    old, new = (made.get("$metadata", token=None, headers={"OData-MaxVersion": version}).body.decode() for version in ("4.0", "4.01"))
    assert (
        '<Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/>' in old
        and "AllowedValues" not in old
        and "Validation.V1.Pattern" in old
    )
    assert (
        '<Annotation Term="Org.OData.Validation.V1.Minimum" Decimal="0.500000"/>' in new
        and '<PropertyValue Property="Value" String="happy"/>' in new
    )
    assert 'Namespace="Org.OData.Validation.V1"' in new and '<Annotation Term="Org.OData.Core.V1.Description" String="Where it is"/>' in new
    assert '<Annotation Term="Org.OData.Core.V1.Description" String="With the number"/>' in new


@pytest.mark.parametrize(
    "target",
    ["", "$metadata", "thing", "thing?facets=true", "thing?$expand=part", "thing(1)", "thing(1)/home", "thing(1)/tags", "thing(1)/homes", "thing(1)/span", "limited?facets=true",
     "thing?$select=home/street,tags", "thing?$apply=groupby((home/street),aggregate($count as n))", "thing?view=json", "part?$expand=thing"],
)  # fmt: skip
def test_a_browser_sees_values_that_are_made_of_values(made, target):
    reply = made.get(target, token=None, headers={"Accept": "text/html"})
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8"), reply.body.decode()


def test_words_are_searched_and_not_shown(made, settings):
    assert rows(made, "page?$orderby=id")[0] == {"id": 1, "title": "Running shoes", "body": "for long runs"}
    for words, found in (
        ("run", [1]),
        ("RUNS", [1]),
        ("shoe", [1]),
        ("tea OR shoes", [1, 2]),
        ("tea NOT black", []),
        ('"green and black"', [2]),
        ('"black green"', []),
        ("NOT tea", [1, 3]),
        ("the", []),
    ):
        assert [row["id"] for row in rows(made, f"page?$search={words}&$orderby=id&$select=id")] == found, words
    assert made.get("page?$search=x", token=None).rows == []  # not in words that nothing is known of
    assert '."words" @@ phraseto_tsquery(' in explained(settings, "page?$search=tea")
    assert (
        made.get("page?$select=words", token=None).status == 400
        and "made.page.words: it has words for searching" in run("check", **settings, ODATA_HOST="127.0.0.1").stdout
    )
    assert made.get("page/$count?$search=tea", token=None).body == b"1"


def test_a_vector_is_shown_where_it_is_asked_for(made):
    assert [row["spot"] for row in rows(made, "page?$orderby=id&$select=spot")] == [[1, 2.5, -3], [], [0, 0, 0]]
    assert rows(made, "page?$filter=id eq 1&$select=*")[0]["spot"] == [1, 2.5, -3]
    assert [row["id"] for row in rows(made, "page?$filter=spot/any(x:x gt 2) or spot/$count eq 0&$orderby=id")] == [1, 2]
    assert made.get("page(1)/spot", token=None).json()["value"] == [1, 2.5, -3]
    assert '<Property Name="spot" Type="Collection(Edm.Single)" Nullable="false"/>' in made.get("$metadata", token=None).body.decode()


def test_metadata_is_valid_by_the_schemas_of_the_standard(made):
    for version in ("4.0", "4.01"):
        assert_valid_xml(made.get("$metadata", token=None, headers={"OData-MaxVersion": version}).body)
    assert_valid_json(made.get("$metadata?$format=json", token=None).body)
