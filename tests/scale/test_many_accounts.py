"""Callers of many accounts on a cluster: accounts without rows, twenty at once beside others, and clients that go away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from tests.harness.at_once import sent
from tests.harness.cluster import DATABASE, READER
from tests.harness.faults import wait_until
from tests.harness.gateway import start_gateway
from tests.harness.issuer import SECRET, claims

BY_CLAIM = {"ODATA_JWT_SECRET": SECRET, "ODATA_JWT_ROLE": "none", "ODATA_ACCOUNTS_CLAIM": "accounts", "ODATA_MODEL_CHECK_S": "0"}
ASKED = [
    "Message?$select=id&$top=700", "Message?$orderby=created_at desc&$top=130&$count=true", "Message?$orderby=source_id&$skip=35&$top=120",
    "Message?$skip=2500&$top=10", "Message/$count", "Message?$search=a&$top=20", "Conversation?$expand=messages($top=2),labels,assignee&$top=90",
    "Message?$filter=id eq -1", "Message(1)", "Message(999999)", "$all?$top=300", "Message?$apply=groupby((account_id),aggregate($count as n))",
    "Conversation?$apply=topcount(3,id)", "Conversation(1)/messages?$count=true", "Label?$orderby=title desc", "User?$top=3",
]  # fmt: skip
BUSY = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{READER}' AND state <> 'idle'"


def token_of(name, accounts):
    return jwt.encode(claims(role=None, sub=name, accounts=list(accounts)), SECRET, "HS256")


def is_idle(citus):
    """Whether no server runs or waits in anything of the gateway's."""
    return all(int(node.psql(DATABASE, BUSY)) == 0 for node in (citus.coordinator, *citus.workers))


@pytest.mark.parametrize("accounts", [(1, 2, 77), (77, 1, 2), (2, 88, 99, 1), (*range(100, 118), 1, 2)])
def test_accounts_without_rows_change_no_answer(citus, accounts):
    with start_gateway(ODATA_DSN=citus.dsn(), ODATA_PAGE_ROWS="300", **BY_CLAIM) as gateway:
        for target in ASKED:
            found, expected = (gateway.get(target, token=token_of("many", each)) for each in (accounts, (1, 2)))
            assert found.status == expected.status and (found.body == expected.body if found.status == 200 else found.status == 404), target


def test_a_caller_of_twenty_accounts_leaves_connections_to_others(citus):
    many, one = token_of("many", range(1, 21)), token_of("one", [1])
    with start_gateway(ODATA_DSN=citus.dsn(), ODATA_POOL_MAX="6", **BY_CLAIM) as gateway:
        expected = gateway.get("Message?$top=2000", token=many).body
        with ThreadPoolExecutor(12) as threads:
            asked = [threads.submit(gateway.get, "Message?$top=2000", token=many) for _ in range(48)]
            beside = [gateway.get("Message?$top=5", token=one) for _ in range(10)]
            assert not all(each.done() for each in asked)
            assert {each.result().status for each in asked} == {200} and {each.result().body for each in asked} == {expected}
        assert {each.status for each in beside} == {200}
        wait_until(lambda: is_idle(citus), 20)


def test_clients_that_go_away_leave_nothing_behind(citus):
    many = token_of("many", range(1, 6))
    asked = [
        "Message?$expand=conversation($expand=messages)",
        "Message?$orderby=content",
        "Message?$apply=groupby((content),aggregate(id with sum as s))",
    ]
    with start_gateway(ODATA_DSN=citus.dsn(), ODATA_POOL_MAX="6", **BY_CLAIM) as gateway:
        for number in range(6):
            connections = sent(gateway, [(target, many) for target in asked * 3])
            for connection in connections[number % 3 :]:
                connection.recv(100)
            for connection in connections:
                connection.close()
        wait_until(lambda: is_idle(citus), 30)
        with ThreadPoolExecutor(6) as threads:
            replies = list(threads.map(lambda _: gateway.get("Message?$top=700", token=many), range(12)))
        assert {reply.status for reply in replies} == {200} and len({reply.body for reply in replies}) == 1
