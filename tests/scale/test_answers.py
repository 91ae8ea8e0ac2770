"""Answers from three servers are those of one Postgres, byte by byte; a caller of several accounts may be refused (501), and never gets a 5xx else.

A caller of one account has each statement on one shard: `citus_stat_counters` counts none of several shards (Citus 13.1 and newer).
"""

from __future__ import annotations

import json
import re

import pytest
from tests.harness import tokens
from tests.harness.cases import FOLDER, read
from tests.live.test_sharded import ASKED
from tests.oracle.evaluator import KINDS
from tests.oracle.queries import Maker, target

SEVERAL = "SELECT sum(query_execution_multi_shard), sum(query_execution_single_shard) FROM citus_stat_counters"
FIXED = [read(path).request for path in sorted(FOLDER.glob("*.case"))] + ASKED + [
    "Message?$skip=9223372036854775807", "Message?$skip=9223372036854775800&$top=9", "Message?$skip=130&$orderby=created_at desc&$top=70",
    "Message?$apply=groupby((status),aggregate($count as n))", "Message?$apply=aggregate(id with sum as s,id with max as m,id with average as a)",
    "Message?$apply=groupby((conversation/inbox/name,status),aggregate($count as n))&$orderby=n desc", "Conversation?$apply=topcount(3,id)",
    "Message?$apply=filter(private eq false)/groupby((message_type),aggregate(id with countdistinct as d))", "$all?$top=5", "$all?$skip=7000&$top=200",
    "Message?$apply=concat(aggregate($count as n),groupby((status)))", "Message?$apply=groupby((rollup($all,status)),aggregate($count as n))",
]  # fmt: skip


def requests(world):
    yield from dict.fromkeys(FIXED)
    for number in range(60):
        maker, type_ = Maker(f"scale {number}", world), tuple(KINDS)[number % len(KINDS)]
        yield target(maker.expanded(type_, 2) if number % 2 else maker.query(type_, 3))


def answers(gateway, request, token):
    """Status and body of up to five pages, as if the gateway had the other one's address."""
    found, link = [], request
    while link and len(found) < 5:
        reply = gateway.get(link, token=token)
        body = reply.body
        if reply.status >= 400:
            error = reply.json()["error"]
            body = f"{error['code']} {error['message']}".encode()
        found.append((reply.status, body.replace(gateway.origin.encode(), b"http://gateway")))
        link = (
            json.loads(reply.body).get("@odata.nextLink") if reply.headers.get("content-type", "").startswith("application/json") else None
        )
    return found


def counts(citus):
    """Statements of several shards and of one, so far; nothing where Citus does not count them."""
    if tuple(int(n) for n in re.findall(r"\d+", citus.version)[:2]) < (13, 1):
        return 0, 0
    return tuple(int(n or 0) for n in citus.psql(SEVERAL).strip().split("|"))


@pytest.mark.parametrize("token", [tokens.ADMIN, tokens.OTHER_ADMIN], ids=["account 1", "account 2"])
def test_a_caller_of_one_account_gets_the_same_from_one_shard(citus, over_citus, over_plain, world, token):
    several, single = counts(citus)
    wrong = [r for r in requests(world) if answers(over_citus, r, token) != answers(over_plain, r, token)]
    assert not wrong
    after = counts(citus)
    assert after[0] == several and after[1] >= single


def test_a_caller_of_several_accounts_gets_the_same_or_is_refused(over_citus, over_plain, world):
    wrong, refused, asked = [], [], 0
    for request in requests(world):
        asked += 1
        found, expected = (answers(gateway, request, tokens.BOTH_ADMIN) for gateway in (over_citus, over_plain))
        if found[0][0] == 501 != expected[0][0]:
            refused.append(request)
        elif found != expected:
            wrong.append((request, found[-1][0], found[-1][1][:300], expected[-1][1][:300]))
    assert not wrong
    assert len(refused) < asked / 5, refused
