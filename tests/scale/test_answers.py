"""Answers from three servers are those of one Postgres, byte by byte; a caller of several accounts may be refused (501) what docs/operate.md names, and
never gets a 5xx else. Asked is what all other tests ask of the sample data, and generated queries; up to five pages of each.

A caller of one account has each statement on one shard: `citus_stat_counters` counts none of several shards (Citus 13.1 and newer).
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.harness import tokens
from tests.harness.gateway import start_gateway
from tests.harness.read_back import arrow_table, parquet_table, sheet_table
from tests.harness.requests_of_tests import requests_of_tests
from tests.oracle.evaluator import KINDS
from tests.oracle.queries import Maker, target

SEVERAL = "SELECT sum(query_execution_multi_shard), sum(query_execution_single_shard) FROM citus_stat_counters"
FURTHER = [
    "Message?$skip=9223372036854775807", "Message?$skip=9223372036854775800&$top=9", "Message?$skip=130&$orderby=created_at desc&$top=70",
    "Message?$apply=groupby((status),aggregate($count as n))", "Message?$apply=aggregate(id with sum as s,id with max as m,id with average as a)",
    "Message?$apply=groupby((conversation/inbox/name,status),aggregate($count as n))&$orderby=n desc", "Conversation?$apply=topcount(3,id)",
    "Message?$apply=filter(private eq false)/groupby((message_type),aggregate(id with countdistinct as d))", "$all?$top=5", "$all?$skip=7000&$top=200",
    "Message?$apply=concat(aggregate($count as n),groupby((status)))", "Message?$apply=groupby((rollup($all,status)),aggregate($count as n))",
]  # fmt: skip
MAY_BE_REFUSED = re.compile(r"\$crossjoin\(|\$root/|User\b|\b(?:assignee|sender|members)\b|\*\(\$levels")
"""Products of tables with an account, entities of the root in conditions, and what leads from a user on to what has an account."""
READERS_OF_TYPES = {"arrow": arrow_table, "spreadsheet": sheet_table, "parquet": parquet_table}
"""Files whose parts follow chunks, by a word of their media types."""
PAGES = 5


def requests(world):
    yield from dict.fromkeys([*requests_of_tests(), *FURTHER])
    for number in range(300):
        maker, type_ = Maker(f"scale {number}", world), tuple(KINDS)[number % len(KINDS)]
        yield target(maker.expanded(type_, 2) if number % 2 else maker.query(type_, 3))


def answers(gateway, request, token):
    """Statuses and bodies of the first pages, as if the gateway had the other one's address."""
    found, link = [], request
    while link and len(found) < PAGES:
        reply = gateway.get(link, token=token)
        type_ = reply.headers.get("content-type", "")
        is_json = reply.status != 204 and type_.startswith("application/json") and "charset" not in type_
        body = reply.body.replace(gateway.origin.encode(), b"http://gateway")
        if reply.status >= 400 and is_json:
            error = reply.json()["error"]
            body = f"{error['code']} {error['message']}".encode()
        for word, reader in READERS_OF_TYPES.items():
            if word in type_ and reply.status == 200:
                body = repr(reader(reply.body)).encode()
        found.append((reply.status, body))
        link = json.loads(reply.body).get("@odata.nextLink") if reply.status == 200 and is_json and reply.body.startswith(b"{") else None
    return found


def compared(gateway, other, asked, token):
    """Each request with the answers of both gateways."""

    def ask(request):
        return request, answers(gateway, request, token), answers(other, request, token)

    with ThreadPoolExecutor(6) as threads:
        return list(threads.map(ask, asked))


def counts(citus):
    """Statements of several shards and of one, so far; none where Citus does not count them."""
    if tuple(int(n) for n in re.findall(r"\d+", citus.version)[:2]) < (13, 1):
        return 0, 0
    return tuple(int(n or 0) for n in citus.psql(SEVERAL).strip().split("|"))


@pytest.mark.parametrize("token", [tokens.ADMIN, tokens.OTHER_ADMIN], ids=["account 1", "account 2"])
def test_a_caller_of_one_account_gets_the_same_from_one_shard(citus, over_citus, over_plain, world, token):
    several, single = counts(citus)
    asked = compared(over_citus, over_plain, requests(world), token)
    assert not [(request, found[-1][:300], expected[-1][:300]) for request, found, expected in asked if found != expected]
    after = counts(citus)
    assert after[0] == several and (after[1] > single + 1000 or not after[1])


def test_a_caller_of_several_accounts_gets_the_same_or_is_refused(over_citus, over_plain, world):
    asked = list(requests(world))
    wrong, refused = [], []
    for request, found, expected in compared(over_citus, over_plain, asked, tokens.BOTH_ADMIN):
        if found[0][0] == 501 != expected[0][0] and MAY_BE_REFUSED.search(request):
            refused.append(request)
        elif found != expected:
            wrong.append((request, found[-1][0], found[-1][1][:300], expected[-1][1][:300]))
    assert not wrong
    assert len(asked) > 2000 and len(refused) < len(asked) / 10, refused


def test_what_citus_can_apply_in_one_statement_is_answered(citus, over_citus, over_plain):
    """A gateway that compares tables with all accounts at once has most of it refused; what it gets right, each account on its own gets right."""
    asked = [request for request in dict.fromkeys([*requests_of_tests(), *FURTHER]) if "$apply" in request]
    with start_gateway(ODATA_DSN=citus.dsn(), ODATA_SHARDED="false", ODATA_PAGE_ROWS="60", ODATA_MODEL_CHECK_S="0") as at_once:
        done = [
            (request, expected)
            for request, found, expected in compared(at_once, over_plain, asked, tokens.BOTH_ADMIN)
            if found == expected and found[0][0] == 200
        ]
    assert len(done) > 100
    assert not [request for request, expected in done if answers(over_citus, request, tokens.BOTH_ADMIN) != expected]
