"""Queries whose answers are files: a target with the shapes of its columns, and its rows, from the oracle or as JSON has them.

Here are those over the tables of every type (`type_tables`); `wares` has others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.harness import tokens
from tests.harness.read_back import Members, Shape
from tests.harness.ways import Way
from tests.oracle.type_queries import Asked, Grouped, Row, TypeMaker, encoded, key_path
from tests.oracle.type_tables import Table


@dataclass(frozen=True)
class FileQuery:
    """A query.

    members     the columns, by name
    rows        None where JSON says them
    is_ordered  whether rows come in one order
    is_single   one entity or value
    refused     the formats that have no columns for it
    may_fail    arithmetic may make a number that its type does not hold
    """

    target: str
    members: Mapping[str, Shape]
    rows: list[Row] | None = None
    is_ordered: bool = True
    is_single: bool = False
    refused: frozenset[str] = frozenset()
    may_fail: bool = False
    way: Way = "url"
    token: str | None = tokens.ADMIN

    def in_format(self, name: str) -> str:
        return f"{self.target}{'' if self.target.endswith('?') else '&' if '?' in self.target else '?'}$format={name}"


def of_asked(query: Asked) -> FileQuery:
    names = (*query.select, *query.compute) if query.select else tuple(query.table.columns)
    kinds = {name: computed_kind(query.kind(name)) if name in query.compute else query.kind(name) for name in names}
    return FileQuery(query.target, kinds, query.answer(), may_fail=True)


def computed_kind(kind: str) -> str:
    """The kind of what is computed: whole numbers may be too large for those of 64 bits."""
    return "dec" if kind == "int" else kind


def zoo_query(seed: str, number: int, tables: dict[str, Table]) -> FileQuery:
    """Rows of every type, rows behind a link, groups, or a product; every fifth comes as the body of `$query`."""
    maker = TypeMaker(f"{seed} {number}", tables["Beasts"])
    keyed = tables[maker.random.choice([name for name in tables if name != "Beasts"])]
    match number % 8:
        case 0:
            found = _grouped(maker.apply())
        case 1:
            found = _grouped(TypeMaker(f"{seed} {number}", keyed).apply())
        case 2:
            found = _behind_a_link(TypeMaker(f"{seed} {number}", keyed))
        case 3:
            found = _crossed(maker, keyed)
        case 4:
            found = of_asked(TypeMaker(f"{seed} {number}", keyed).query())
        case _:
            found = of_asked(maker.query())
    return replace(found, way="query" if number % 5 == 0 else "url")


def _grouped(query: Grouped) -> FileQuery:
    """What is behind a link is an object in JSON, and columns with its name in tables."""
    members: dict[str, Any] = {}
    for group in query.groups:
        navigation, _, name = group.text.rpartition("/")
        if navigation:
            members[navigation] = Members({name: group.kind}, is_entity=True)
        else:
            members[name] = group.kind if name in query.table.columns else computed_kind(group.kind)
    for measure in query.measures:
        members[measure.alias] = _kind(query, measure.text, measure.kind)
    return FileQuery(query.target, members, is_ordered=False, may_fail=True)


def _kind(query: Grouped, text: str, kind: str) -> str:
    """The kind of a measure; numbers of rows and of values are decimals."""
    if kind not in ("mean", "total"):
        return computed_kind(kind)
    of = query.table.kind(text.split()[0].strip("("))
    return of if kind == "total" else "dbl" if of in ("sgl", "dbl") else "dec"


def _behind_a_link(maker: TypeMaker) -> FileQuery:
    """The rows that lead to one row."""
    table = maker.table
    row = maker.random.choice([row for row in table.rows if row["children"]])
    children = replace(table, name=f"{key_path(table, row)}/children", rows=row["children"])
    return of_asked(TypeMaker(f"children {maker.random.random()}", children).query())


def _crossed(maker: TypeMaker, other: Table) -> FileQuery:
    """A product, narrowed by a condition on one side."""
    names = {table.name: maker.random.sample(list(table.columns), min(3, len(table.columns))) for table in (maker.table, other)}
    maker.places = [(f"{maker.table.name}/", lambda row: row)]
    options = [f"$filter={maker.beside_literal().text}"]
    options.append("$expand=" + ",".join(f"{name}($select={','.join(chosen)})" for name, chosen in names.items()))
    members = {
        table.name: Members({name: table.kind(name) for name in names[table.name]}, is_entity=True) for table in (maker.table, other)
    }
    return FileQuery(f"$crossjoin({','.join(names)})?{encoded(options)}", members, is_ordered=False, may_fail=True)
