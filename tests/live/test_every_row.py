"""The law of any database: every row of every set, through next links with pages of 7, is what psql has, and every id gives its row."""

from __future__ import annotations

import base64
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from odata_gateway.edm.csdl import parse_model
from odata_gateway.introspection.source import CatalogSource, WishedModel
from tests.harness.cases import compiled
from tests.harness.inside import inside

SQL = (Path(__file__).parents[1] / "data" / "every_row.sql").read_text(encoding="utf-8")
PAGES = {"Prefer": "maxpagesize=7", "Accept": "application/json;odata.metadata=full"}
PER_SET = 40
"""Ids that are read back."""
MODEL = {
    "$Version": "4.01",
    "$EntityContainer": "shapes.Service",
    "shapes": {
        "moved": {
            "$Kind": "EntityType",
            "$Key": ["row_key"],
            "@Gateway.Table": "shapes.moved",
            "@Gateway.Unscoped": True,
            "row_key": {"@Gateway.RowKey": "Place"},
            "a": {"$Type": "Edm.Int32", "$Nullable": True},
        },
        "through": {
            "$Kind": "EntityType",
            "$Key": ["row_key"],
            "@Gateway.Table": "shapes.through",
            "@Gateway.Unscoped": True,
            "row_key": {"@Gateway.RowKey": "Digest"},
            "number": {"$Type": "Edm.Int32", "$Nullable": True},
        },
        "Service": {
            "$Kind": "EntityContainer",
            "moved": {"$Collection": True, "$Type": "shapes.moved"},
            "through": {"$Collection": True, "$Type": "shapes.through"},
        },
    },
}


@pytest.fixture(scope="module")
def shapes(cluster):
    """The DSN of a database of every shape."""
    cluster.psql("postgres", "CREATE DATABASE every_row")
    cluster.psql("every_row", SQL)
    yield cluster.dsn(database="every_row")
    cluster.psql("postgres", "DROP DATABASE every_row WITH (FORCE)")


def served(dsn):
    return inside(dsn, ODATA_MODEL="auto", ODATA_SCHEMAS="shapes", ODATA_HOST="127.0.0.1")


def trimmed(time):
    """A time without zeros at the end of its fraction."""
    return time.rstrip("0").rstrip(".") if "." in time else time


def of_psql(text, prop):
    """A text of psql as the value of a property in JSON; `...` for types whose values other tests compare."""
    if text is None:
        return None
    match prop.type.name:
        case "Edm.Boolean":
            return text == "true"
        case "Edm.Double" | "Edm.Single":
            return {"NaN": "NaN", "Infinity": "INF", "-Infinity": "-INF"}.get(text) or float(text)
        case "Edm.Decimal" | "Edm.Int16" | "Edm.Int32" | "Edm.Int64":
            return Decimal(text)
        case "Edm.Date":
            return "-0043-03-15" if text.endswith("BC") else text
        case "Edm.DateTimeOffset":
            return None if "infinity" in text else trimmed(text.removesuffix("+00").replace(" ", "T"))
        case "Edm.Binary":
            return base64.urlsafe_b64encode(bytes.fromhex(text[2:])).decode().rstrip("=")
        case "Edm.TimeOfDay":
            return trimmed(text)
        case "Edm.Guid" | "Edm.String":
            return text
    return ...


def of_service(value, prop):
    """The same of the service's value."""
    match prop.type.name:
        case "Edm.Decimal" | "Edm.Int16" | "Edm.Int32" | "Edm.Int64" if value is not None:
            return Decimal(str(value))
        case "Edm.Double" | "Edm.Single" if isinstance(value, Decimal | int):
            return float(value)
        case "Edm.DateTimeOffset" | "Edm.TimeOfDay" if value is not None:
            return trimmed(value.removesuffix("Z"))
    return value


async def rows_of_psql(connection, entity_type):
    """The rows of a table as values by property, without what the service makes and computes; a JSON string without its quotes."""
    own = [p for p in entity_type.properties.values() if p.catalog.row_key is None and p.function is None]
    types = "SELECT attname, atttypid::regtype::text FROM pg_attribute WHERE attrelid = $1::text::regclass"
    pg_type = dict(await connection.fetch(types, f'"{entity_type.table.schema}"."{entity_type.table.name}"'))
    read = {p.column: " #>> '{}'" if pg_type[p.column] in ("json", "jsonb") else "::text" for p in own}
    columns = ", ".join('"' + name.replace('"', '""') + f'"{how}' for name, how in read.items())
    found = await connection.fetch(f'SELECT {columns} FROM "{entity_type.table.schema}"."{entity_type.table.name}"')
    return own, Counter(tuple(of_psql(text, p) for text, p in zip(row, own, strict=True)) for row in found)


async def pages(gateway, target):
    """The rows of all pages, with exact numbers."""
    rows = []
    while target:
        answer = await gateway.ask(target, None, PAGES)
        assert answer.status == 200 and not answer.broken, (target, answer.body[:500], answer.broken)
        page = json.loads(answer.body, parse_float=Decimal)
        assert len(page["value"]) <= 7
        rows, target = rows + page["value"], page.get("@odata.nextLink")
    return rows


async def entity_sets(gateway):
    return (await CatalogSource(gateway.database, WishedModel(("shapes",))).read()).entity_sets.values()


async def test_every_row_of_every_set_is_served_once_and_every_id_gives_its_row(shapes):
    connection = await asyncpg.connect(shapes, server_settings={"TimeZone": "UTC"})
    async with served(shapes) as gateway:
        sets = await entity_sets(gateway)
        assert len(sets) == len(
            await connection.fetch(
                "SELECT FROM pg_class WHERE relnamespace = 'shapes'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition"
            )
        )
        for entity_set in sets:
            name, entity_type = entity_set.name, entity_set.entity_type
            own, wanted = await rows_of_psql(connection, entity_type)
            rows = await pages(gateway, quote(name))
            shown = [p for p in own if ... not in {values[own.index(p)] for values in wanted}]
            found = Counter(tuple(of_service(row[p.name], p) if p in shown else ... for p in own) for row in rows)
            assert found == wanted, name
            ids = [row["@odata.id"] for row in rows]
            assert len(set(ids)) == len(ids), name
            for row in rows[:: 1 + len(rows) // PER_SET]:
                answer = await gateway.ask(row["@odata.id"], None, {"Accept": PAGES["Accept"]})
                entity = {
                    key: value
                    for key, value in json.loads(answer.body, parse_float=Decimal).items()
                    if not key.startswith(("@odata.context", "@odata.metadataEtag"))
                }
                assert (answer.status, entity) == (200, row), row["@odata.id"]
    await connection.close()


async def test_keys_are_those_of_the_database_where_it_has_them(shapes):
    async with served(shapes) as gateway:
        keys = {s.name: [p.name for p in s.entity_type.key] for s in await entity_sets(gateway)}
    made = {name for name, key in keys.items() if key[0].startswith("row_key")}
    assert made == {
        "empty_keyless",
        "keyless",
        "by_float",
        "by_binary",
        "by_json",
        "by_partial",
        "identical",
        "events",
        "parent",
        "child",
        "grandchild",
        "joined",
        "totals",
        "united",
        "visits",
        "worded",
        "worded_view",
        "all_null",
        "made",
        "stored",
        "stored_empty",
        "wide_keyless",
        "moved",
    }
    assert keys["keyless"] == ["row_key_2"] and keys["by_identity"] == ["b", "c"] and keys["pairs"] == ["a", "b"]
    assert (keys["by_unique"], keys["through"], keys["stored_by_key"]) == (["code"], ["number"], ["id"])
    assert keys["by_words"] == ["w"], "words for searching are no property, unless the rows have no other key"


async def value(gateway, target):
    answer = await gateway.ask(target, None, {"Accept": "application/json;odata.metadata=none"})
    assert answer.status == 200, (target, answer.body)
    return answer.json()["value"] if answer.body.startswith(b"{") else answer.json()


@pytest.mark.parametrize("name", ["moved", "events", "joined"])
async def test_a_key_that_the_service_makes_does_what_keys_do(shapes, name):
    async with served(shapes) as gateway:
        rows = await value(gateway, name)
        key = rows[5]["row_key"]
        assert await value(gateway, f"{name}?$filter=row_key eq '{key}'") == [rows[5]]
        assert await value(gateway, f"{name}?$filter=row_key in ('{key}','{rows[2]['row_key']}','no key','')") == [rows[2], rows[5]]
        assert await value(gateway, f"{name}?$filter=row_key gt '{key}'") == rows[6:]
        assert await value(gateway, f"{name}?$orderby=row_key desc") == rows[::-1]
        assert await value(gateway, f"{name}?$skip=3&$top=2") == rows[3:5]
        assert await value(gateway, f"{name}/$count?$filter=row_key ne '{key}'") == len(rows) - 1
        assert await value(gateway, f"{name}?$apply=groupby((row_key))/aggregate($count as n)") == [{"n": len(rows)}]
        first = next(column for column in rows[0] if column != "row_key")
        by_other = await value(gateway, f"{name}?$orderby={first} desc")
        pages = await gateway.pages(f"{name}?$orderby={first} desc", None, {**PAGES, "Accept": "application/json;odata.metadata=none"})
        assert [row for page in pages for row in page] == by_other
        assert sorted(row["row_key"] for row in by_other) == sorted(row["row_key"] for row in rows)
        for wrong in ("x", "00000000000000000000", "0" * 32 + ".1", f"{key}0", ""):
            assert (await gateway.ask(f"{name}('{wrong}')", None)).status == 404


async def test_unique_columns_find_an_entity_whose_id_is_the_key(shapes):
    async with served(shapes) as gateway:
        answer = (await gateway.ask("wholes(b=2)", None, {"Accept": PAGES["Accept"]})).json()
        assert (answer["@odata.id"], answer["a"]) == ("wholes(9223372036854775807)", 9223372036854775807)
        assert await value(gateway, "wholes(b=@p)/a?@p=3") == 0
        assert (await gateway.ask("$entity?$id=wholes(b=3)", None)).json()["a"] == 0
        assert await value(gateway, "empty?$filter=$root/wholes(b=3)/a eq 0") == []
        for target, status in (("wholes(b=4)", 404), ("wholes(b=null)", 404), ("wholes(a=0,b=3)", 400), ("by_unique(other=1)", 400)):
            assert (await gateway.ask(target, None)).status == status, target
        document = (await gateway.ask("$metadata?$format=json", None)).json()["shapes"]
        assert document["wholes"]["@Core.AlternateKeys"] == [{"Key": [{"Name": "b", "Alias": "b"}]}]
        assert [name for name, each in document.items() if "@Core.AlternateKeys" in each] == ["by_identity", "wholes"]
        documents = [
            (await gateway.ask("$metadata", None, {"OData-MaxVersion": version, "Accept": "application/xml"})).body.decode()
            for version in ("4.01", "4.0")
        ]
        assert ["AlternateKeys" in each for each in documents] == [True, False]


async def test_links_lead_to_and_from_tables_without_a_key(shapes):
    async with served(shapes) as gateway:
        plain = await value(gateway, "plain?$filter=keyless/any(k:k/a eq 1)&$expand=keyless($count=true;$select=a)&$orderby=id")
        assert [(row["id"], row["keyless@odata.count"]) for row in plain] == [(n, 8) for n in range(1, 6)]
        for row in plain:
            page = (await gateway.ask(f"plain({row['id']})?$expand=keyless", None, PAGES)).json()
            following = (await gateway.pages(page["keyless@odata.nextLink"], None, PAGES))[0]
            assert len({each["row_key_2"] for each in (*page["keyless"], *following)}) == 8
        one = (await gateway.ask("keyless?$filter=plain_id eq 3&$expand=plain&$top=1", None)).json()["value"][0]
        assert one["plain"]["id"] == 3
        assert await value(gateway, f"keyless('{one['row_key_2']}')/plain/id") == 3
        crossed = await gateway.pages("$crossjoin(identical,made)?$filter=made/n lt 3", None, {"Prefer": "maxpagesize=7"})
        assert len({json.dumps(row) for page in crossed for row in page}) == 50
        everything = await gateway.pages("$all?$count=true", None, {"Prefer": "maxpagesize=500"})
        assert len({row["@odata.id"] for page in everything for row in page}) == sum(map(len, everything))


async def test_links_of_partitions_and_between_integers_of_other_width(shapes):
    async with served(shapes) as gateway:
        document = (await gateway.ask("$metadata?$format=json", None)).json()["shapes"]
        links = {name for name, node in document["visits"].items() if isinstance(node, dict) and node.get("$Kind") == "NavigationProperty"}
        assert links == {"plain", "pairs"}, "not that of half, which one of the partitions lacks"
        assert await value(gateway, "visits/$count?$filter=plain/id eq plain_id and pairs/a eq 1") == 15
        assert await value(gateway, "plain(3)/visits/$count") == 1
        assert document["visits"]["plain"]["$ReferentialConstraint"] == {"plain_id": "id"}
        wider = document["wider"]
        assert "$ReferentialConstraint" not in wider["plain"] and "$ReferentialConstraint" not in wider["small"]
        found = await value(gateway, "wider?$expand=plain($select=id),small($select=id)&$select=id&$orderby=id")
        assert [(row["plain"], row["small"]) for row in found] == [({"id": 2}, {"id": 3}), (None, None), ({"id": 2}, {"id": 4})]
        assert await value(gateway, "plain(2)/wider_by_plain/$count") == 2


async def test_links_by_values_that_are_made_of_values(shapes):
    async with served(shapes) as gateway:
        document = (await gateway.ask("$metadata?$format=json", None)).json()["shapes"]
        for name, link in (("of_spans", "to_r"), ("of_tags", "to_tags")):
            assert "$ReferentialConstraint" not in document[name][link], "a key is a text, and the other column none"
        assert await value(gateway, "of_spans/$count?$filter=to_r/v eq 'none'") == 3
        assert await value(gateway, "of_spans/$count?$filter=to_r/v eq 'v2'") == 1
        assert [row["id"] for row in await value(gateway, "spans('[2,5)')/of_spans")] == [2]
        assert [row["id"] for row in await value(gateway, "of_spans(2)/of_tags")] == [1, 2]
        assert "@Core.AlternateKeys" not in document["of_spans"]


async def test_a_foreign_key_of_a_period_is_no_link(shapes):
    """It refers to the rows that together cover a period, and a link to those with an equal one would miss them."""
    async with served(shapes) as gateway:
        document = (await gateway.ask("$metadata?$format=json", None)).json()["shapes"]
        assert set(document["sales"]) == {"$Kind", "$Key", "id", "item", "during"} and "sales" not in document["prices"]
        assert [row["price"] for row in await value(gateway, "prices?$filter=during eq '[2024-01-01,2024-01-31)'")] == [0]


async def test_a_role_that_may_read_single_columns_gets_keys_of_these(cluster, shapes):
    grants = "GRANT USAGE ON SCHEMA shapes TO odata_reader; GRANT SELECT (a, b) ON shapes.keyless TO odata_reader; GRANT SELECT ON shapes.moved TO odata_reader"
    grants += "; GRANT SELECT (id, name) ON shapes.plain TO odata_reader"
    cluster.psql("every_row", grants)
    async with served(cluster.dsn(user="odata_reader", database="every_row")) as gateway:
        rows = await pages(gateway, "keyless")
        assert len(rows) == 41 and {row["row_key"].partition(".")[2] for row in rows} == {str(n) for n in range(1, 11)}
        assert {name for name in rows[0] if "@" not in name} == {"row_key", "a", "b"}
        assert len((await gateway.ask("moved?$top=1", None)).json()["value"][0]["row_key"]) == 20
        assert (await gateway.ask("keyless?$filter=plain_id eq 1", None)).status in (400, 403)
        assert await value(gateway, "plain?$select=*&$top=1") == [{"id": 1, "name": "n1"}]
        assert "shouted" not in (await gateway.ask("$metadata", None)).body.decode(), "its function is given the whole row"
    async with served(shapes) as gateway:
        assert await value(gateway, "plain?$select=*&$top=1") == [{"id": 1, "name": "n1", "note": None, "shouted": "N1"}]
        assert len((await gateway.ask("keyless?$top=1", None)).json()["value"][0]["row_key_2"]) == 20


async def test_search_looks_at_words_of_tables_without_a_key(shapes):
    async with served(shapes) as gateway:
        assert [row["t"] for row in await value(gateway, "worded?$search=red")] == ["red fox", "red fox"]
        answer = await gateway.ask("worded_view?$search=red", None)
        assert answer.status in (200, 501) and (answer.status == 501 or len(answer.json()["value"]) == 2)


async def test_functions_of_rows_without_a_key_are_told_as_not_served(shapes):
    async with served(shapes) as gateway:
        source = CatalogSource(gateway.database, WishedModel(("shapes",)))
        await source.read()
        told = "\n".join(map(str, source.not_served))
        assert "keyless_rows(): it returns rows of shapes.keyless, whose keys the service makes; declare the columns" in told
        assert "of_keyless(shapes.keyless): parameter one is of type" in told or "of_keyless(keyless): parameter one is of type" in told
        assert "width" not in told, "the constructors of a range are none of the database's functions"
        assert (await gateway.ask("keyless_rows()", None)).status == 404
        assert len(await value(gateway, "made_rows()")) == 25


async def test_a_page_of_a_table_that_was_rewritten_starts_again(shapes):
    connection = await asyncpg.connect(shapes)
    rewritten = {
        "moved": "VACUUM FULL shapes.moved",
        "events": "VACUUM FULL shapes.events_2a",
        "child": "TRUNCATE ONLY shapes.grandchild",
        "stored": "REFRESH MATERIALIZED VIEW shapes.stored",
        "identical": "TRUNCATE shapes.identical",
    }
    async with served(shapes) as gateway:
        for name, change in rewritten.items():
            page = (await gateway.ask(f"{name}?$count=true", None, PAGES)).json()
            ordered = (await gateway.ask(f"{name}?$orderby=row_key desc", None, PAGES)).json()
            await connection.execute(change)
            for link in (page["@odata.nextLink"], ordered["@odata.nextLink"]):
                answer = await gateway.ask(link, None)
                assert (answer.status, answer.code) == (400, "Url.Skiptoken") and "start again" in answer.body.decode(), name
    await connection.close()


async def test_a_row_is_found_by_its_place_and_a_page_reads_a_range_of_blocks(shapes):
    model = parse_model(MODEL)
    connection = await asyncpg.connect(shapes)
    await connection.execute("ANALYZE shapes.moved, shapes.plain; SET enable_seqscan = off")

    async def plan(request, after=None, kind="rows"):
        sql, arguments = compiled(request, (1,), after, model=model)[kind]
        return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *arguments))

    place = "00000007000100004001"
    assert "Tid Scan" in await plan(f"moved('{place}')") and "Tid Scan" in await plan(f"moved?$filter=row_key in ('{place}','x')")
    for found in (await plan("moved"), await plan("moved?$filter=a gt 3", (f"{place}.x",))):
        assert "Tid Range Scan" in found and "Incremental Sort" in found
    assert "WindowAgg" in await plan("through?$top=2") and "AND (id = '3'" in await plan("through?$filter=number eq 3&$top=2")
    assert "WindowAgg" not in await plan("through/$count")
    await connection.close()
