"""The gateway's answers to generated $apply queries are the oracle's, for each caller; numbered like those of test_oracle."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.harness.sample import CALLERS
from tests.live.test_oracle import QUERIES, SEED, TYPES
from tests.oracle import joins
from tests.oracle.apply import ApplyMaker, answer, rounded
from tests.oracle.joins import JoinMaker
from tests.oracle.queries import encoded


def joined_values(row: Any, query: joins.Join) -> tuple[Any, ...]:
    if query.method is None:
        return row["id"], value_at(row, f"{joins.ALIAS}/id")
    return (*(value_at(row, g.text) for g in query.groups), row["n"], rounded(row["v"]))


def encoded_within(options: list[str]) -> str:
    """Options as they stand in parentheses."""
    return ";".join(encoded([option]) for option in options)


def value_at(row: Any, path: str) -> Any:
    """A value by its path; what navigation led to nothing is null as a whole where its key was asked for."""
    for name in path.split("/"):
        row = None if row is None else row[name]
    return rounded(row)


PARENTS = ("Conversation", "Inbox", "Label", "User")


@pytest.mark.parametrize("number", range(QUERIES // 6))
def test_a_generated_apply_inside_expand_finds_what_the_oracle_finds(gateway, world, views, number):
    maker = ApplyMaker(f"{SEED} nested apply {number}", world)
    token = CALLERS[number % 4 % 3]
    parent = PARENTS[number % len(PARENTS)]
    name, query = maker.nested(parent)
    target = f"{parent}?$select=id&$top=40&$expand={name}({encoded_within(query.options())})"
    view = views[token]
    rows = gateway.get(target, token=token).json()["value"]
    by_id = {row.id: row for row in view.rows[parent]}
    assert len(rows) == min(40, len(by_id))
    for row in rows:
        wanted = answer(view, query, by_id[row["id"]], name)
        assert Counter(tuple(value_at(r, path) for path in query.paths) for r in row[name]) == wanted, target
        assert row[f"{name}@odata.count"] == wanted.total()


@pytest.mark.parametrize("number", range(QUERIES // 6))
def test_a_generated_join_finds_what_the_oracle_finds(gateway, world, views, number):
    maker = JoinMaker(f"{SEED} join {number}", world)
    token = CALLERS[number % 4 % 3]
    query = maker.join(PARENTS[number % len(PARENTS)])
    target = f"{query.type}?{encoded(query.options())}"
    wanted = joins.answer(views[token], query)
    rows = [row for page in gateway.pages(target, token=token) for row in page]
    assert Counter(joined_values(row, query) for row in rows) == wanted, target
    assert gateway.get(target, token=token).json()["@odata.count"] == wanted.total(), target


@pytest.mark.parametrize("number", range(QUERIES))
def test_a_generated_apply_finds_what_the_oracle_finds(gateway, world, views, number):
    maker = ApplyMaker(f"{SEED} apply {number}", world)
    token = CALLERS[number % 4 % 3]
    query = maker.apply(TYPES[number % len(TYPES)])
    target = f"{query.type}?{encoded(query.options())}"
    wanted = answer(views[token], query)
    rows = [row for page in gateway.pages(target, token=token) for row in page]
    assert Counter(tuple(value_at(row, path) for path in query.paths) for row in rows) == wanted, target
    assert gateway.get(target, token=token).json()["@odata.count"] == wanted.total(), target
