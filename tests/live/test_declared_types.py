"""Types that a model declares: enumerations, flags, type definitions, members of a jsonb column."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.harness.csdl import assert_valid_json, assert_valid_xml
from tests.harness.gateway import start_gateway

TABLES = """
CREATE SCHEMA decl; CREATE TYPE decl.color AS ENUM ('red', 'green', 'blue'); CREATE TYPE decl.mood AS ENUM ('sad', 'extra');
CREATE TABLE decl.item (id int PRIMARY KEY, color decl.color, colors decl.color[], access int4, level int2, mail varchar(50), mood decl.mood, doc jsonb, docs jsonb, any_json jsonb, raw json);
INSERT INTO decl.item VALUES
 (1, 'green', '{red,green}', 3, 1, 'a@b', 'sad', '{"n": 5, "name": "x", "price": 1.5, "ok": true, "on": "2024-01-02", "at": "2024-01-02T03:04:05Z", "tags": ["a", "b", null], "in": {"deep": 7}}', '[{"k": 1}, {"k": "two"}, null, 3]', '{"a": [1, {"b": null}]}', E'{\\r\\n"x" :\\n 1}'),
 (2, 'red', '{}', 0, 2, 'c@d', NULL, '{"n": "6", "name": 7, "price": "x", "tags": "no", "in": 3}', '{}', '"text"', '"t"'),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (4, 'blue', '{blue,NULL}', 12, 9, 'e', NULL, '[]', '[]', 'null', 'null'), (5, 'red', '{red}', 5, 1, 'f', NULL, '{"n": 2147483648, "n2": null}', NULL, '5', '[1]');
CREATE TABLE decl.photo (id int PRIMARY KEY, name text, small bytea, large bytea, content bytea); INSERT INTO decl.photo VALUES (1, 'a', '\\x0001ff', '\\x68c3a9', '\\x89504e47'), (2, 'b', NULL, NULL, NULL);
CREATE TABLE decl.shade (color decl.color PRIMARY KEY, access int8 UNIQUE NOT NULL, name text); INSERT INTO decl.shade VALUES ('red', 1, 'r'), ('green', 2, 'g'), ('blue', 3, 'b');
GRANT USAGE ON SCHEMA decl TO odata_reader; GRANT SELECT ON ALL TABLES IN SCHEMA decl TO odata_reader;
"""
NULLABLE = {"$Nullable": True}
MODEL: dict[str, Any] = {
    "$Version": "4.01", "$EntityContainer": "Decl.Service",
    "Decl": {
        "Color": {"$Kind": "EnumType", "red": 0, "green": 1, "blue": 2},
        "Access": {"$Kind": "EnumType", "$IsFlags": True, "none": 0, "read": 1, "write": 2, "run": 4, "all": 7},
        "Level": {"$Kind": "EnumType", "$UnderlyingType": "Edm.Int16", "@Gateway.Form": "numbers", "low": 1, "high": 2},
        "Mood": {"$Kind": "EnumType", "sad": 0},
        "Mail": {"$Kind": "TypeDefinition", "$UnderlyingType": "Edm.String", "$MaxLength": 50},
        "Deep": {"$Kind": "ComplexType", "@Gateway.Form": "json", "deep": {"$Type": "Edm.Int32", **NULLABLE}},
        "Doc": {
            "$Kind": "ComplexType", "@Gateway.Form": "json", "n": {"$Type": "Edm.Int32", **NULLABLE}, "name": NULLABLE, "price": {"$Type": "Edm.Decimal", **NULLABLE},
            "ok": {"$Type": "Edm.Boolean", **NULLABLE}, "on": {"$Type": "Edm.Date", **NULLABLE}, "at": {"$Type": "Edm.DateTimeOffset", "$Precision": 6, **NULLABLE},
            "tags": {"$Collection": True, "@Gateway.Form": "json", **NULLABLE}, "inner": {"$Type": "Decl.Deep", "@Gateway.Column": "in", **NULLABLE},
        },
        "Key": {"$Kind": "ComplexType", "@Gateway.Form": "json", "k": {"$Type": "Edm.Int32", **NULLABLE}},
        "Item": {
            "$Kind": "EntityType", "$Key": ["id"], "@Gateway.Table": "decl.item", "@Gateway.Unscoped": True, "id": {"$Type": "Edm.Int32"},
            "color": {"$Type": "Decl.Color", **NULLABLE}, "colors": {"$Type": "Decl.Color", "$Collection": True, **NULLABLE}, "access": {"$Type": "Decl.Access", **NULLABLE},
            "level": {"$Type": "Decl.Level", "@Gateway.PgType": "int2", **NULLABLE}, "mail": {"$Type": "Decl.Mail", **NULLABLE}, "mood": {"$Type": "Decl.Mood", **NULLABLE},
            "any_json": {"$Type": "Edm.Untyped", **NULLABLE}, "raw": {"$Type": "Edm.Untyped", "@Gateway.PgType": "json", **NULLABLE},
            "doc": {"$Type": "Decl.Doc", **NULLABLE}, "docs": {"$Type": "Decl.Key", "$Collection": True, "@Gateway.Form": "json", **NULLABLE},
        },
        "Shade": {
            "$Kind": "EntityType", "$Key": ["color"], "@Gateway.Table": "decl.shade", "@Gateway.Unscoped": True, "color": {"$Type": "Decl.Color"},
            "access": {"$Type": "Decl.Access", "@Gateway.PgType": "int8"}, "name": NULLABLE,
            "items": {"$Kind": "NavigationProperty", "$Type": "Decl.Item", "$Collection": True, "@Gateway.Join": ["source.color = target.color"]},
        },
        "Photo": {
            "$Kind": "EntityType", "$Key": ["id"], "$HasStream": True, "@Gateway.Table": "decl.photo", "@Gateway.Unscoped": True, "@Gateway.Media": "content", "@Core.MediaType": "image/png",
            "id": {"$Type": "Edm.Int32"}, "name": NULLABLE, "small": {"$Type": "Edm.Stream", **NULLABLE}, "large": {"$Type": "Edm.Stream", "@Core.MediaType": "text/plain", **NULLABLE},
        },
        "Service": {
            "Photos": {"$Collection": True, "$Type": "Decl.Photo"},
            "$Kind": "EntityContainer", "Items": {"$Collection": True, "$Type": "Decl.Item"},
            "Shades": {"$Collection": True, "$Type": "Decl.Shade", "$NavigationPropertyBinding": {"items": "Items"}},
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def declared(cluster, tmp_path_factory):
    cluster.psql("postgres", "CREATE DATABASE declared_types")
    cluster.psql("declared_types", TABLES)
    path = tmp_path_factory.mktemp("declared") / "model.json"
    path.write_text(json.dumps(MODEL))
    with start_gateway(
        ODATA_DSN=cluster.dsn(user="odata_reader", database="declared_types"), ODATA_MODEL=str(path), ODATA_HOST="127.0.0.1"
    ) as running:
        yield running
    cluster.psql("postgres", "DROP DATABASE declared_types WITH (FORCE)")


def rows(declared, target):
    reply = declared.get(target.replace(" ", "%20"), token=None)
    assert reply.status == 200, (target, reply.body[:400])
    return reply.rows


CONDITIONS = [
    ("color eq 'green'", [1]), ("color eq Decl.Color'green'", [1]), ("color eq '1'", [1]), ("color eq Decl.Color'1'", [1]), ("'green' eq color", [1]),
    ("color ne 'green'", [2, 3, 4, 5]), ("color in ('red','blue')", [2, 4, 5]), ("color in (Decl.Color'red',Decl.Color'green')", [1, 2, 5]),
    ("color gt 'red'", [1, 4]), ("color le Decl.Color'green'", [1, 2, 5]), ("color eq null", [3]), ("color has Decl.Color'green'", [1]), ("color has 'red'", [2, 5]),
    ("colors/any(c:c eq 'red')", [1, 5]), ("colors/any(c:c eq Decl.Color'blue')", [4]), ("colors/any(c:c eq null)", [4]), ("colors/$count eq 2", [1, 4]), ("'red' in colors", [1, 5]),
    ("access eq 'read,write'", [1]), ("access eq Decl.Access'write,read'", [1]), ("access eq '3'", [1]), ("access has 'read'", [1, 5]), ("access has Decl.Access'read,run'", [5]),
    ("access has 'none'", [1, 2, 4, 5]), ("not (access has 'read')", [2, 4]), ("access has null", []), ("access eq 'none'", [2]), ("access gt 'read'", [1, 4, 5]), ("access eq null", [3]),
    ("access in ('none','12')", [2, 4]), ("level eq 'high'", [2]), ("level eq '9'", [4]), ("level lt 'high'", [1, 5]), ("level eq Decl.Level'low'", [1, 5]),
    ("cast(color,Edm.String) eq 'red'", [2, 5]), ("contains(cast(color,Edm.String),'re')", [1, 2, 5]), ("cast('red',Decl.Color) eq color", [2, 5]), ("cast('nope',Decl.Color) eq color", [3]),
    ("isof(color,Decl.Color)", [1, 2, 4, 5]), ("cast(access,Edm.String) eq 'read,write'", [1]), ("color eq @c&@c='red'", [2, 5]), ("mail eq 'a@b'", [1]),
    ("doc/n eq 5", [1]), ("doc/n eq 6", [2]), ("doc/n gt 0", [1, 2]), ("doc/n eq null", [3, 4, 5]), ("doc/name eq 'x'", [1]), ("doc/name eq '7'", [2]), ("doc/price eq 1.5", [1]),
    ("doc/ok", [1]), ("doc/on eq 2024-01-02", [1]), ("doc/at lt 2025-01-01T00:00:00Z", [1]), ("year(doc/on) eq 2024", [1]), ("doc eq null", [3, 4]), ("doc/inner/deep eq 7", [1]),
    ("doc/inner eq null", [2, 3, 4, 5]), ("doc/tags/any(t:t eq 'b')", [1]), ("doc/tags/any(t:t eq null)", [1]), ("doc/tags/$count eq 3", [1]), ("docs/any(d:d/k eq 1)", [1]), ("docs/$count eq 4", [1]),
    ("docs/any(d:d eq null)", [1]),
]  # fmt: skip


def test_conditions(declared):
    wrong = [
        (c, found, wanted)
        for c, wanted in CONDITIONS
        if (found := [r["id"] for r in rows(declared, f"Items?$select=id&$orderby=id&$filter={c}")]) != wanted
    ]
    assert wrong == []


def test_values_as_they_are_shown(declared):
    one, two, three, four, five = rows(declared, "Items?$orderby=id")
    assert (
        [row["color"] for row in (one, two, three)] == ["green", "red", None]
        and one["colors"] == ["red", "green"]
        and four["colors"] == ["blue", None]
    )
    assert [row["access"] for row in (one, two, three, four, five)] == ["read,write", "none", None, "12", "read,run"]
    assert [row["level"] for row in (one, two, four)] == ["low", "high", "9"]
    assert one["doc"] == {
        "n": 5, "name": "x", "price": 1.5, "ok": True, "on": "2024-01-02", "at": "2024-01-02T03:04:05.000000Z", "tags": ["a", "b", None], "inner": {"deep": 7},
    }  # fmt: skip
    assert two["doc"] == {"n": 6, "name": "7", "price": None, "ok": None, "on": None, "at": None, "tags": [], "inner": None}
    assert three["doc"] is None and four["doc"] is None and five["doc"]["n"] is None
    assert one["docs"] == [{"k": 1}, {"k": None}, None, None] and two["docs"] == three["docs"] == []
    assert "mood" not in one and "has no member extra" in declared.log()


def test_orders_groups_and_aggregates(declared):
    assert [row["id"] for row in rows(declared, "Items?$orderby=color,id")] == [3, 2, 5, 1, 4]
    assert [
        row["id"]
        for page in declared.pages("Items?$orderby=color desc,access", token=None, headers={"Prefer": "maxpagesize=1"})
        for row in page
    ] == [4, 1, 2, 5, 3]
    assert [row["id"] for row in rows(declared, "Items?$orderby=doc/n desc,id")] == [2, 1, 3, 4, 5]
    found = rows(declared, "Items?$apply=groupby((color),aggregate($count as n,access with max as top))&$orderby=color")
    assert [(row["color"], row["n"], row["top"]) for row in found] == [
        (None, 1, None),
        ("red", 2, "read,run"),
        ("green", 1, "read,write"),
        ("blue", 1, "12"),
    ]
    [found] = rows(declared, "Items?$apply=aggregate(color with max as last,color with min as first,color with countdistinct as n)")
    assert (found["last"], found["first"], found["n"]) == ("blue", "red", 3)
    found = rows(declared, "Items?$apply=filter(doc ne null)/groupby((doc/name),aggregate(doc/n with sum as n))&$orderby=n desc")
    assert [(row["doc"]["name"], row["n"]) for row in found] == [("7", 6), ("x", 5), (None, None)]


def test_keys_and_links(declared):
    for key in ("('green')", "(Decl.Color'green')", "(color='green')", "/green"):
        assert declared.get(f"Shades{key}", token=None).json()["name"] == "g", key
    assert declared.get("Shades('purple')", token=None).status == 400 and declared.get("Shades(Decl.Level'low')", token=None).status == 400
    row = declared.get("Shades?$top=1", token=None, headers={"accept": "application/json;odata.metadata=full"}).rows[0]
    assert (
        row["@odata.id"] == "Shades(Decl.Color'red')"
        and row["color@odata.type"] == "#Decl.Color"
        and row["access@odata.type"] == "#Decl.Access"
    )
    assert declared.get(row["@odata.id"], token=None).json()["name"] == "r"
    assert [row["color"] for page in declared.pages("Shades", token=None, headers={"Prefer": "maxpagesize=1"}) for row in page] == [
        "red",
        "green",
        "blue",
    ]
    assert (
        declared.get("Shades('red')/items/$count", token=None).body == b"2"
        and declared.get("Shades('red')/access/$value", token=None).body == b"read"
    )
    assert declared.get("Shades?$expand=items($select=id)&$filter=color%20eq%20'blue'", token=None).rows[0]["items"] == [{"id": 4}]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("Items?$filter=color eq 'purple'", 400), ("Items?$filter=color eq Decl.Level'low'", 400), ("Items?$filter=color eq 1.5", 400), ("Items?$filter=color eq access", 400),
        ("Items?$filter=access eq 'read,nope'", 400), ("Items?$filter=color eq 'red,green'", 400), ("Items?$filter=id has 'read'", 400), ("Items?$filter=color add 1 eq 2", 400),
        ("Items?$filter=contains(color,'r')", 400), ("Items?$apply=aggregate(access with sum as n)", 400), ("Items?$filter=mood eq 'sad'", 500),
        ("Items?$filter=color eq Nope.Color'red'", 400),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(declared, target, status):
    reply = declared.get(target.replace(" ", "%20"), token=None)
    assert reply.status == status, reply.body[:300]


def test_metadata_in_both_forms(declared):
    xml = declared.get("$metadata", token=None).body.decode()
    for line in (
        '<EnumType Name="Color" UnderlyingType="Edm.Int32">', '<Member Name="green" Value="1"/>', '<EnumType Name="Access" UnderlyingType="Edm.Int32" IsFlags="true">',
        '<TypeDefinition Name="Mail" UnderlyingType="Edm.String" MaxLength="50"/>', '<Property Name="mail" Type="Decl.Mail" MaxLength="50"/>',
        '<Property Name="colors" Type="Collection(Decl.Color)" Nullable="true"/>', '<Property Name="doc" Type="Decl.Doc"/>', '<Property Name="inner" Type="Decl.Deep"/>',
    ):  # fmt: skip
        assert line in xml, line
    assert "Mood" not in xml
    document = declared.get("$metadata?$format=json", token=None).json()["Decl"]
    assert (
        document["Color"] == {"$Kind": "EnumType", "$UnderlyingType": "Edm.Int32", "red": 0, "green": 1, "blue": 2}
        and document["Access"]["$IsFlags"] is True
    )
    assert (
        document["Mail"] == {"$Kind": "TypeDefinition", "$UnderlyingType": "Edm.String", "$MaxLength": 50}
        and document["Item"]["mail"]["$Type"] == "Decl.Mail"
    )


def test_a_row_with_json_of_several_lines_is_one_line(declared):
    body = declared.get("Items?$orderby=id&$select=id,raw&$format=ndjson", token=None).body
    assert body.startswith(b'{"id":1,"raw":{  "x" :  1}}\n') and [json.loads(line)["id"] for line in body.splitlines()] == [1, 2, 3, 4, 5]


def test_json_of_any_kind_is_inline(declared):
    one, two, three, four, five = rows(declared, "Items?$orderby=id&$select=any_json,raw")
    assert (one["any_json"], one["raw"]) == ({"a": [1, {"b": None}]}, {"x": 1}) and (two["any_json"], two["raw"]) == ("text", "t")
    assert (three["any_json"], four["any_json"], four["raw"], five["any_json"], five["raw"]) == (None, None, None, 5, [1])
    assert [row["id"] for row in rows(declared, "Items?$filter=any_json eq null&$select=id&$orderby=id")] == [3, 4]
    assert (
        declared.get("Items(1)/any_json", token=None).json()["value"] == {"a": [1, {"b": None}]}
        and declared.get("Items(4)/any_json", token=None).status == 204
    )
    assert declared.get("Items(2)/any_json/$value", token=None).body == b'"text"'
    for target in (
        "Items?$orderby=any_json",
        "Items?$filter=any_json eq 'x'",
        "Items?$filter=contains(any_json,'x')",
        "Items?$apply=groupby((any_json))",
        "Items?$filter=any_json eq raw",
    ):
        assert declared.get(target.replace(" ", "%20"), token=None).status in (400, 501), target
    assert '<Property Name="any_json" Type="Edm.Untyped"/>' in declared.get("$metadata", token=None).body.decode()


def test_streams_and_media_entities(declared):
    [one, _] = declared.get("Photos?$orderby=id", token=None).rows
    assert one == {
        "@odata.mediaReadLink": "Photos(1)/$value", "@odata.mediaContentType": "image/png", "id": 1, "name": "a",
        "small@odata.mediaReadLink": "Photos(1)/small", "large@odata.mediaReadLink": "Photos(1)/large", "large@odata.mediaContentType": "text/plain",
    }  # fmt: skip
    for target, media_type, body in (
        ("Photos(1)/$value", "image/png", b"\x89PNG"), ("Photos(1)/small", "application/octet-stream", b"\x00\x01\xff"),
        ("Photos(1)/large", "text/plain", "hé".encode()), ("Photos(1)/large/$value", "text/plain", "hé".encode()),
    ):  # fmt: skip
        reply = declared.get(target, token=None)
        assert (reply.status, reply.headers["content-type"], reply.body) == (200, media_type, body), target
    assert declared.get("Photos(2)/$value", token=None).status == declared.get("Photos(2)/small", token=None).status == 204
    assert declared.get("Photos(9)/$value", token=None).status == declared.get("Photos(9)/small", token=None).status == 404
    assert [row["id"] for row in rows(declared, "Photos?$filter=small eq null&$select=id")] == [2]
    assert declared.get("Photos?$select=name", token=None, headers={"accept": "application/json;odata.metadata=none"}).rows[0] == {
        "name": "a"
    }
    assert declared.get("Items(1)/$value", token=None).status == 400 and declared.get("Photos?$orderby=small", token=None).status == 400
    assert declared.get("Photos(1)?$select=small", token=None).json()["small@odata.mediaReadLink"] == "Photos(1)/small"
    xml = declared.get("$metadata", token=None).body.decode()
    assert '<EntityType Name="Photo" HasStream="true">' in xml and '<Property Name="small" Type="Edm.Stream"/>' in xml
    assert declared.get("$metadata?$format=json", token=None).json()["Decl"]["Photo"]["$HasStream"] is True


def test_metadata_is_valid_by_the_schemas_of_the_standard(declared):
    for version in ("4.0", "4.01"):
        assert_valid_xml(declared.get("$metadata", token=None, headers={"OData-MaxVersion": version}).body)
    assert_valid_json(declared.get("$metadata?$format=json", token=None).body)
