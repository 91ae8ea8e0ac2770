"""Generated queries over columns of every type answer what an independent evaluator answers, and keys of every type are found by what is written.

Queries are numbered and the same in every run; the nightly asks ten times as many. In this process: what the web adds is asked over HTTP elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import pytest
from tests.harness.cluster import READER, Cluster
from tests.harness.figures import amount, nightly, record
from tests.harness.inside import Inside, inside
from tests.harness.sample import DatabaseDsns
from tests.oracle import type_queries, type_tables, type_values
from tests.oracle.type_queries import Asked, Grouped, Measure, Term, TypeMaker, at_path, key_path
from tests.oracle.type_tables import Table

DATABASE = "oracle_types"
QUERIES, BATCHES = amount(300, 3_000), 6
MOST_PAGES = 400
FULL = {"Accept": "application/json;odata.metadata=full"}
Work = Callable[[Inside], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Zoo:
    """The tables as the oracle has them, and the gateway that serves them, with the loop that it lives in."""

    tables: dict[str, Table]
    gateway: Inside
    runner: asyncio.Runner

    def run(self, work: Work) -> None:
        self.runner.run(work(self.gateway))


@pytest.fixture(scope="module")
def zoo(cluster: Cluster, database: DatabaseDsns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    path = tmp_path_factory.mktemp("types") / "model.json"
    path.write_text(type_tables.model())
    cluster.psql(DATABASE, type_tables.script(READER))
    with asyncio.Runner() as runner:
        running = inside(database.reader, ODATA_MODEL=str(path), ODATA_STATEMENT_TIMEOUT_S="600")
        yield Zoo(runner.run(type_tables.load(database.owner)), runner.run(running.__aenter__()), runner)
        runner.run(running.__aexit__(None, None, None))


async def pages(gateway: Inside, target: str, rows: int, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The rows of all pages of a size; none is read twice, so that a link that leads in a circle ends."""
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    link = target
    while link:
        assert link not in seen and len(seen) < MOST_PAGES, f"the pages of {target} do not end"
        seen.add(link)
        answer = await gateway.ask(link, headers={"Prefer": f"maxpagesize={rows}", **(headers or {})})
        assert (answer.status, answer.broken) == (200, ""), (target, link, answer.body[:500])
        page = type_values.parsed(answer.body)
        found += page["value"]
        link = page.get("@odata.nextLink", "")
    return found


def page_size(number: int, rows: int) -> int:
    """Pages of one to three rows; longer ones where these would be too many."""
    return 1 + number % 3 if rows < 25 else 7


# --- generated queries --------------------------------------------------------------------------------------------------------


def check_rows(query: Asked, got: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    names = (*query.select, *query.compute)
    assert len(got) == len(wanted), (query.target, len(got), len(wanted))
    for at, (shown, row) in enumerate(zip(got, wanted, strict=True)):
        wrong = {
            name: (shown.get(name), row[name]) for name in names if not type_values.shows(shown.get(name), row[name], query.kind(name))
        }
        assert not wrong, (query.target, at, wrong)


def check_groups(query: Grouped, got: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """Any order will do, but for what $orderby says: equal groups may change places."""
    kinds, left = query.kinds, list(wanted)
    ordered: list[Any] = []
    for shown in got:
        fits = [row for row in left if all(type_queries.shows(at_path(shown, n), row[n], kind) for n, kind in kinds.items())]
        assert fits, (query.target, shown, left[:3])
        left.remove(fits[0])
        ordered += [] if query.order is None else [type_values.key(fits[0][query.order[0].alias])]
    assert not left, (query.target, left)
    assert query.order is None or ordered == sorted(ordered, reverse=query.order[1]), query.target


def is_beyond(maker: TypeMaker, status: int) -> bool:
    """Whether a refusal is right: arithmetic made a number that its type does not hold."""
    return status == 400 and maker.peak >= 2**31


def generated(zoo: Zoo, batch: int, form: str) -> Work:
    """Asks each query of a batch, and compares what comes."""

    async def work(gateway: Inside) -> None:
        names, size = list(zoo.tables), QUERIES // BATCHES
        for number in range(batch * size, (batch + 1) * size):
            table = zoo.tables["Beasts" if number % 3 else names[number // 3 % len(names)]]
            maker = TypeMaker(f"{form} {number}", table)
            query = maker.query() if form == "query" else maker.apply()
            wanted = query.answer()
            first = await gateway.ask(query.target)
            if is_beyond(maker, first.status):
                continue
            got = await pages(gateway, query.target, page_size(number, len(wanted)))
            if isinstance(query, Asked):
                check_rows(query, got, wanted)
            else:
                check_groups(query, got, wanted)
            record("T2", "queries over every type", 1, how="sum", at_least=QUERIES)

    return work


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_generated_query_over_every_type_finds_what_the_oracle_finds(zoo, batch):
    zoo.run(generated(zoo, batch, "query"))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_generated_aggregation_over_every_type_has_the_groups_of_the_oracle(zoo, batch):
    zoo.run(generated(zoo, batch, "apply"))


# --- each type by itself ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", type_tables.COLUMNS)
def test_a_column_of_each_type_reads_orders_groups_and_compares(zoo, name):
    """What the generator may leave to chance, for every column: null, each of its values, its order both ways, its groups."""
    table = zoo.tables["Beasts"]
    column = table.columns[name]

    async def work(gateway: Inside) -> None:
        maker = TypeMaker(f"column {name}", table)
        own = Term(name, column.kind, lambda row: row[name], ordered=column.ordered)
        conditions = [Term(f"{name} {op} null", "bool", lambda row, op=op: (row[name] is None) == (op == "eq")) for op in ("eq", "ne")]
        for value in table.pool(name):
            literal = maker.constant(value, column.kind)
            ops = type_queries.LEVELS if column.ordered and column.kind != "bool" else type_queries.ALIKE
            conditions += [maker.comparison(op, own, literal) for op in ops]
        for condition in conditions:
            query = Asked(table, condition, select=("id", name))
            check_rows(query, await pages(gateway, query.target, 100), query.answer())
        if column.kind != "bin":
            grouped = Grouped(table, None, None, (own,), (Measure("many", "$count", "int", len),))
            check_groups(grouped, await pages(gateway, grouped.target, 1 + len(name) % 3), grouped.answer())
        if column.ordered:
            for down in (False, True):
                query = Asked(table, order=[(own, down)], select=("id", name))
                for size in (1, 2, 3, 100):
                    check_rows(query, await pages(gateway, query.target, size), query.answer())

    zoo.run(work)


@pytest.mark.parametrize("name", type_tables.COLUMNS)
def test_pages_of_the_rows_with_one_value_are_the_whole_in_any_order(zoo, name):
    """In small pages, by the column and then by others, which have nulls and equal values, up and down."""
    table = zoo.tables["Beasts"]
    column = table.columns[name]
    others = [each for each in ("flag", "n", "ts", "txt", "f8", "cit") if each != name]

    async def work(gateway: Inside) -> None:
        maker = TypeMaker(f"one value of {name}", table)
        own = Term(name, column.kind, reading(name), ordered=column.ordered)
        literals = [(maker.constant(value, column.kind), "eq") for value in table.pool(name)]
        if column.kind in type_queries.NUMBERS:
            literals += [(maker.number(kind, zero=True), "eq") for kind in ("int", "dec", "dbl")]
        conditions = [maker.comparison(op, own, literal) for literal, op in literals]
        conditions += [Term(f"{name} eq null", "bool", lambda row: row[name] is None)]
        for number, condition in enumerate(conditions):
            order = [
                Term(each, table.kind(each), reading(each))
                for each in (others[number % 6 % len(others)], others[number // 6 % len(others)])
            ]
            order.insert(number % 2, own)
            by = [(term, bool(number >> at & 1)) for at, term in enumerate({term.text: term for term in order}.values())]
            by = [(term, down) for term, down in by if term.kind != "bin"]
            query = Asked(table, condition, by, select=("id", name))
            for size in (1, 2, 3):
                check_rows(query, await pages(gateway, query.target, size), query.answer())

    zoo.run(work)


@pytest.mark.parametrize("name", [name for name, column in type_tables.COLUMNS.items() if not column.ordered and column.kind != "bin"])
def test_pages_of_an_order_that_only_postgres_knows_are_the_whole(zoo, name):
    """Equal values stand together, nulls first, and small pages have the rows of one large page, in its order."""
    values = {row["id"]: row[name] for row in zoo.tables["Beasts"].rows}

    async def work(gateway: Inside) -> None:
        for direction in ("", " desc"):
            target = f"Beasts?$orderby={name}{quote(direction)}&$select=id"
            whole = [row["id"] for row in await pages(gateway, target, 1000)]
            shown = [values[id_] for id_ in whole]
            changes = sum(1 for one, other in pairwise(shown) if one != other)
            assert sorted(whole) == sorted(values) and changes == len(set(shown)) - 1, target
            assert (shown[-1] if direction else shown[0]) is None
            for size in (1, 2, 3):
                assert [row["id"] for row in await pages(gateway, target, size)] == whole, target

    zoo.run(work)


# --- keys ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", type_tables.KEYS)
def test_a_row_of_each_key_is_found_by_what_is_written(zoo, name):
    """By its id, by its key as a literal, through next links of one to three rows, and through navigation from both sides."""
    table = zoo.tables[name]
    query = Asked(table, select=(*table.key, "note"))

    async def work(gateway: Inside) -> None:
        for size in (1, 2, 3):
            rows = await pages(gateway, f"{name}?$expand=parent,children", size, FULL)
            check_rows(query, rows, query.answer())
            for shown, row in zip(rows, query.answer(), strict=True):
                await check_related(gateway, query, shown, row, size)
        for shown, row in zip(rows, query.answer(), strict=True):
            for path in (shown["@odata.id"], shown["@odata.readLink"], key_path(table, row)):
                answer = await gateway.ask(path)
                assert answer.status == 200, (path, answer.body[:300])
                check_rows(query, [type_values.parsed(answer.body)], [row])
            parent = await gateway.ask(f"{shown['@odata.id']}/parent")
            assert parent.status == (204 if row["parent"] is None else 200)
            if row["parent"] is not None:
                check_rows(query, [type_values.parsed(parent.body)], [row["parent"]])

    zoo.run(work)


async def check_related(gateway: Inside, query: Asked, shown: dict[str, Any], row: dict[str, Any], size: int) -> None:
    """What is expanded is what the key leads to, from both sides, through the next links of the expanded rows."""
    assert (shown["parent"] is None) == (row["parent"] is None)
    if row["parent"] is not None:
        check_rows(query, [shown["parent"]], [row["parent"]])
    children = list(shown["children"])
    link = shown.get("children@odata.nextLink")
    assert len(children) == min(size, len(row["children"])) and (link is not None) == (len(children) < len(row["children"]))
    if link is not None:
        children += await pages(gateway, link, size, FULL)
    check_rows(query, children, row["children"])
    check_rows(query, await pages(gateway, shown["children@odata.navigationLink"], size), row["children"])


@pytest.mark.parametrize("name", type_tables.KEYS)
def test_a_key_of_each_type_is_compared_ordered_and_reached_through_navigation(zoo, name):
    table = zoo.tables[name]

    async def work(gateway: Inside) -> None:
        maker = TypeMaker(f"key {name}", table)
        for key in table.key:
            column = table.columns[key]
            for path in (key, f"parent/{key}"):
                own = Term(path, column.kind, reading(path), ordered=column.ordered)
                for down in (False, True):
                    query = Asked(table, order=[(own, down)], select=(*table.key, "note"))
                    for size in (1, 2, 3):
                        check_rows(query, await pages(gateway, query.target, size), query.answer())
                for value in table.pool(key):
                    for op in type_queries.ALIKE:
                        query = Asked(table, maker.comparison(op, own, maker.constant(value, column.kind)), select=(*table.key, "note"))
                        check_rows(query, await pages(gateway, query.target, 100), query.answer())
                        some = Asked(table, behind(op, key, maker.constant(value, column.kind)), select=(*table.key, "note"))
                        check_rows(some, await pages(gateway, some.target, 100), some.answer())

    zoo.run(work)


def reading(path: str) -> type_queries.Value:
    navigation, _, name = path.rpartition("/")
    if not navigation:
        return lambda row: row[name]
    return lambda row: None if row["parent"] is None else row["parent"][name]


def behind(op: str, name: str, literal: Term) -> Term:
    """Whether a row that leads here has a key."""
    value, kinds = literal.value({}), (literal.kind, literal.kind)
    return Term(
        f"children/any(p:p/{name} {op} {literal.text})",
        "bool",
        lambda row: any(type_values.compare(op, other[name], value, kinds) for other in row["children"]),
    )


# --- the description for programs ---------------------------------------------------------------------------------------------


OTHER_YEARS = re.compile(rb'"(?:-\d{4,}|\d{5,})(-\d\d-\d\d[T"])')
"""Years that OData has and the formats `date` and `date-time` have not."""


def test_every_row_is_as_the_openapi_document_says(zoo):
    """Also the formats, which JSON Schema lets a program ignore."""

    async def work(gateway: Inside) -> None:
        document = (await gateway.ask("openapi.json")).json()
        for name in zoo.tables:
            schema = document["paths"][f"/{name}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            validator = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]}, validate_formats=True)
            answer = await gateway.ask(f"{name}?$expand=*&$count=true")
            page = json.loads(OTHER_YEARS.sub(rb'"2020\1', answer.body), parse_float=Decimal)
            assert len(page["value"]) == len(zoo.tables[name].rows)
            wrong = [str(error) for error in validator.iter_errors(page)]
            assert not wrong, (name, wrong[:3])

    zoo.run(work)


def test_the_generator_asks_of_every_type_and_every_operator(zoo):
    """In the first thousand queries; the model has each column, and the nightly asks ten times as many."""
    makers = [TypeMaker(f"query {number}", zoo.tables["Beasts"]) for number in range(1000)]
    texts = [maker.query().target for maker in makers]
    for name in type_tables.COLUMNS:
        assert any(f"{name}%20" in text for text in texts), name
    for word in ("add", "sub", "mul", "div", "divby", "mod", "eq", "ne", "lt", "le", "gt", "ge", "in", "and", "or"):
        assert any(f"%20{word}%20" in text for text in texts), word
    for call in ("cast(", "case(", "contains(", "startswith(", "endswith(", "concat(", "indexof(", "length(", "substring(", "tolower(", "toupper(", "trim(",
                 "year(", "month(", "day(", "hour(", "minute(", "second(", "fractionalseconds(", "date(", "time(", "totalseconds(", "round(", "floor(", "ceiling("):  # fmt: skip
        assert any(call in text for text in texts), call
    assert json.loads(type_tables.model())["Zoo"]["Beasts"].keys() >= type_tables.COLUMNS.keys()
    assert QUERIES == 300 or nightly()
