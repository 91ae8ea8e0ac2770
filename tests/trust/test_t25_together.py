"""T25: requests that are read together, of several callers at once: each has its own rows or none, whoever else asks."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace

import pytest
from tests.harness.at_once import at_once
from tests.harness.cluster import SQL_FOLDER
from tests.harness.figures import amount, record
from tests.harness.loads import ask, data, make_slow
from tests.harness.sample import ACCOUNTS
from tests.oracle import evaluator as oracle
from tests.oracle.queries import Maker, target

TYPES = ("Message", "Conversation", "Inbox", "Label", "User")
ROUNDS, TOGETHER = amount(40, 1_000), 60


@pytest.mark.parametrize("rls", ["false", "true"])
def test_t25_nobody_gets_the_row_of_a_neighbour(gateways, reader_dsn, cluster, scratch, scratch_reader_dsn, rls, world, views):
    if rls == "true":
        cluster.psql(scratch, f"\\i {SQL_FOLDER / 'rls.sql'}")
    gateway = gateways(ODATA_DSN=scratch_reader_dsn if rls == "true" else reader_dsn, ODATA_RLS=rls, ODATA_POOL_MAX="2")
    visible = {token: {name: {row.id for row in view.rows[name]} for name in TYPES} for token, view in views.items()}
    ids = {name: [row.id for row in world.rows[name]] for name in TYPES}
    chance, wrong, rows = random.Random(f"t25 {rls}"), [], 0
    for _ in range(ROUNDS):
        name = chance.choice(TYPES)
        asked = [(chance.choice(list(ACCOUNTS)), chance.choice(ids[name])) for _ in range(TOGETHER)]
        found = at_once(gateway, [(f"{name}({number})", token) for token, number in asked])
        for (token, number), (status, body) in zip(asked, found, strict=True):
            seen = number in visible[token][name]
            right = status == 200 and json.loads(body)["id"] == number if seen else status == 404 and b"Bind.NoEntity" in body
            rows += seen
            if not right:
                wrong.append((name, number, token, status, body[:300]))
    record("T25", "rows of callers who ask together", rows, how="sum")
    record("T25", "rows of somebody else, or none where there is one", len(wrong), how="sum", at_most=0)
    assert not wrong[:5]


@pytest.mark.parametrize("rls", ["false", "true"])
def test_t25_rows_of_generated_queries_are_right_whoever_asks_the_same(
    gateways, reader_dsn, cluster, scratch, scratch_reader_dsn, rls, world, views
):
    """T02's oracle and T17's tenants, where each query is asked by several callers, several times at once."""
    if rls == "true":
        cluster.psql(scratch, f"\\i {SQL_FOLDER / 'rls.sql'}")
    dsn = scratch_reader_dsn if rls == "true" else reader_dsn
    gateway = gateways(ODATA_DSN=dsn, ODATA_RLS=rls, ODATA_POOL_MAX="1", ODATA_PAGE_ROWS="10000")
    wrong, answers = [], 0
    for number in range(amount(30, 1_000)):
        maker = Maker(f"t25 {rls} {number}", world)
        queries = [replace(maker.query(name, 1), select=["id"]) for name in maker.random.sample(TYPES, 2)]
        asked = [(query, token) for query in queries for token in ACCOUNTS for _ in range(5)]
        maker.random.shuffle(asked)
        found = at_once(gateway, [(target(query), token) for query, token in asked])
        for (query, token), (status, body) in zip(asked, found, strict=True):
            expected = [row.id for row in oracle.window(query, oracle.ordered(views[token], query))]
            answers += 1
            if status != 200 or [row["id"] for row in json.loads(body)["value"]] != expected:
                wrong.append((target(query), token, status, body[:300]))
    record("T25", "answers to queries that several callers ask at once", answers, how="sum")
    record("T25", "answers with other rows than the oracle's", len(wrong), how="sum", at_most=0)
    assert not wrong[:5]


async def test_t25_a_crowd_of_lookups_does_not_keep_others_waiting(gateways, cluster, scratch, scratch_reader_dsn):
    make_slow(cluster, scratch, 0.5)
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_POOL_MAX="3", ODATA_POOL_WAIT_S="20", ODATA_MAX_TOKEN_REQUESTS="1000")
    crowd = [asyncio.create_task(ask(gateway.port, data(f"Label({n % 9})"), gateway.tokens.ADMIN)) for n in range(300)]
    await asyncio.sleep(0.5)
    took = [await ask(gateway.port, data("Inbox?$top=1"), gateway.tokens.OTHER_ADMIN) for _ in range(5)]
    outcomes = await asyncio.gather(*crowd)
    record("T25", "longest answer of another caller beside a crowd of lookups", max(each.took_s for each in took), "s")
    assert {each.status for each in took} == {200} and {each.status for each in outcomes} <= {200, 404}
    assert max(each.took_s for each in took) < max(each.took_s for each in outcomes) + 1
