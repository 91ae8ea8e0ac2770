"""The gateway's answers to generated queries are the oracle's.

Queries are numbered and the same in every run; ODATA_TEST_QUERIES sets how many of each kind (default 300), ODATA_TEST_SEED another series.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from odata_gateway.demo import tokens
from tests.harness.sample import CALLERS
from tests.oracle import evaluator as oracle
from tests.oracle.crossjoin import CrossMaker
from tests.oracle.evaluator import Expr, Query, View
from tests.oracle.queries import Maker, here, target

QUERIES = int(os.environ.get("ODATA_TEST_QUERIES", "300"))
SEED = os.environ.get("ODATA_TEST_SEED", "1")
PAGE_ROWS = 1000
TYPES = tuple(oracle.KINDS)


def plain(value: Any) -> Any:
    """JSON without control information, but for counts."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if "@odata." not in k or k.endswith("@odata.count")}
    return value


def ask(gateway: Any, query: Query, token: str) -> list[dict[str, Any]]:
    return [plain(row) for page in gateway.pages(target(query), token=token) for row in page]


def check(gateway: Any, query: Query, token: str, view: View) -> None:
    got, wanted = ask(gateway, query, token), oracle.answer(view, query, page_rows=PAGE_ROWS)
    assert [row.get("id") for row in got] == [row.get("id") for row in wanted], target(query)
    for one, other in zip(got, wanted, strict=True):
        assert one == other, target(query)
    if query.count:
        assert gateway.get(target(query), token=token).json()["@odata.count"] == len(oracle.ordered(view, query)), target(query)


@pytest.mark.parametrize("number", range(QUERIES))
def test_a_generated_query_finds_what_the_oracle_finds(gateway, world, views, number):
    maker = Maker(f"{SEED} query {number}", world)
    token = CALLERS[number % 4 % 3]
    check(gateway, maker.query(TYPES[number % len(TYPES)]), token, views[token])


@pytest.mark.parametrize("number", range(QUERIES))
def test_a_generated_expand_shows_what_the_oracle_shows(gateway, world, views, number):
    maker = Maker(f"{SEED} expand {number}", world)
    token = CALLERS[number % 4 % 3]
    check(gateway, maker.expanded(TYPES[number % len(TYPES)]), token, views[token])


@pytest.mark.parametrize("number", range(QUERIES // 3))
def test_a_generated_crossjoin_has_the_rows_of_the_oracle(gateway, world, views, number):
    maker, token = CrossMaker(f"{SEED} crossjoin {number}", world), CALLERS[number % 4 % 3]
    crossjoin = maker.crossjoin(views[token])
    wanted, every = crossjoin.answer(views[token], PAGE_ROWS), len(crossjoin.environments(views[token]))
    headers = {"Prefer": f"maxpagesize={max(20, 1 + len(wanted) // 3)}"}
    got = [row for page in gateway.pages(crossjoin.target, token=token, headers=headers) for row in page]
    links = [{name: value for name, value in row.items() if name.endswith("@odata.navigationLink")} | plain(row) for row in got]
    assert links == wanted, crossjoin.target
    reply = gateway.get(crossjoin.target, token=token, headers=headers)
    assert reply.json()["@odata.count"] == every, crossjoin.target


@pytest.mark.parametrize("number", range(QUERIES // 4))
def test_count_segment_counts_what_the_oracle_counts(gateway, world, views, number):
    maker = Maker(f"{SEED} count {number}", world)
    type_ = TYPES[number % len(TYPES)]
    query = Query(type_, maker.condition(here(type_), 3))
    token = CALLERS[number % 3]
    reply = gateway.get(target(query, f"{type_}/$count"), token=token)
    assert (reply.status, reply.body) == (200, str(len(oracle.ordered(views[token], query))).encode()), target(query)


@pytest.mark.parametrize("number", range(QUERIES // 4))
def test_filter_segments_keep_what_the_oracle_keeps(gateway, world, views, number):
    maker = Maker(f"{SEED} segment {number}", world)
    type_ = TYPES[number % len(TYPES)]
    segments = [maker.condition(here(type_), 2) for _ in range(1 + number % 2)]
    query = replace(maker.query(type_, 1), count=False)
    every = [*segments, *([query.filter] if query.filter is not None else [])]
    whole = Expr("", "bool", lambda env: oracle.conjunction(e.value(env) for e in every))
    token = CALLERS[number % 3]
    text = target(query, type_ + "".join(f"/$filter({quote(s.text)})" for s in segments))
    got = [plain(row) for page in gateway.pages(text, token=token) for row in page]
    assert got == oracle.answer(views[token], replace(query, filter=whole), page_rows=PAGE_ROWS), text


@pytest.mark.parametrize("token", CALLERS)
@pytest.mark.parametrize("type_", TYPES)
def test_a_whole_collection_reads_as_its_rows_do(gateway, views, type_, token):
    check(gateway, Query(type_), token, views[token])


@pytest.mark.parametrize("type_", TYPES)
def test_every_navigation_property_of_every_row_leads_where_its_join_says(gateway, views, type_):
    view = views[tokens.BOTH_ADMIN]
    for navigation, (other, _) in oracle.NAVIGATION[type_].items():
        query = Query(type_, select=["id"], expand={navigation: Query(other, select=["id"])})
        got = [plain(row) for page in gateway.pages(target(query), token=tokens.BOTH_ADMIN) for row in page]
        assert got == oracle.answer(view, query, page_rows=PAGE_ROWS)
