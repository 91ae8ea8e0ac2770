"""ODATA_SHARDED: account by account and merged is the same as all at once, and the tables as sql/live_agent/citus.sql leaves them serve.

Citus itself is not here. What it is asked for is in tests/unit/sql/test_sharded.py; here one Postgres plays all servers, so that what the
statements find can be compared. Of citus.sql everything runs but Citus's own functions, which are made to do nothing.
"""

from __future__ import annotations

import json

import pytest
from odata_gateway.demo import tokens
from tests.harness.cases import FOLDER, read
from tests.harness.cluster import SQL_FOLDER
from tests.harness.gateway import start_gateway
from tests.oracle.evaluator import KINDS
from tests.oracle.queries import Maker, target

CITUS = """
CREATE TABLE public.pg_dist_partition (logicalrelid oid, partmethod "char", repmodel "char");
CREATE FUNCTION public.create_reference_table(t regclass) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.pg_dist_partition VALUES (t, 'n', 't') $$;
CREATE FUNCTION public.create_distributed_table(t regclass, c text, colocate_with text) RETURNS void LANGUAGE sql
    AS $$ INSERT INTO public.pg_dist_partition VALUES (t, 'h', 's') $$;
CREATE FUNCTION public.run_command_on_placements(t regclass, command text, OUT nodename text, OUT nodeport int, OUT success bool, OUT result text)
    RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN EXECUTE format(command, t); RETURN QUERY SELECT 'h', 1, true, 'GRANT'; END $$;
CREATE FUNCTION public.run_command_on_workers(command text, OUT nodename text, OUT nodeport int, OUT success bool, OUT result text)
    RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN EXECUTE command; RETURN QUERY SELECT 'h', 1, true, 'DO'; END $$;
"""
KEYS = """
SELECT string_agg(relname || ' ' || pg_get_indexdef(indexrelid, 1, true), ', ' ORDER BY relname) FROM pg_index JOIN pg_class ON oid = indrelid
WHERE indisprimary AND relname IN ('messages', 'conversations', 'inboxes', 'labels', 'users');
"""
ASKED = [
    "Message?$orderby=created_at desc&$top=130", "Message?$orderby=source_id,status desc&$skip=35&$top=120&$count=true", "Label?$orderby=title",
    "Conversation?$expand=messages($top=2;$count=true;$expand=sender($select=name)),labels,assignee&$orderby=identifier desc&$top=70",
    "Message?$filter=conversation/inbox/name ne null and contains(content,'a')&$orderby=conversation/created_at,id&$count=true&$top=60",
    "Conversation?$search=a&$orderby=last_activity_at desc", "Message/$count", "Message/$count?$filter=private eq true", "Message(1)",
    "Message(1)/content", "Message(1)/content/$value", "Message(999999)", "Conversation(1)/messages", "Conversation(1)/messages/$count",
    "Conversation(999999)/messages", "Conversation(1)/assignee", "Inbox(1)/members?$orderby=name desc", "Message?$top=3&$select=id",
    "User?$orderby=name", "User(1)/messages?$orderby=created_at", "Conversation(1)/labels/$ref", "Message(1)/$ref", "Message?$skip=9000",
]  # fmt: skip


@pytest.fixture(scope="module")
def both(reader_dsn):
    """Two gateways over the same tables, small pages: sharded, and not."""
    settings = {"ODATA_DSN": reader_dsn, "ODATA_PAGE_ROWS": "50"}
    with start_gateway(ODATA_SHARDED="true", **settings) as sharded, start_gateway(**settings) as plain:
        yield sharded, plain


def answers(gateway, request):
    """Status and body of all pages, as if the gateway had the other one's address."""
    found, link = [], request
    while link and len(found) < 8:
        reply = gateway.get(link, token=tokens.BOTH_ADMIN)
        body = reply.body if reply.status < 400 else json.dumps(reply.json()["error"]["message"]).encode()
        found.append((reply.status, body.replace(gateway.origin.encode(), b"http://gateway")))
        link = reply.json().get("@odata.nextLink") if reply.headers.get("content-type", "").startswith("application/json") else None
    return found


@pytest.mark.parametrize("request_", ASKED)
def test_account_by_account_finds_what_one_statement_finds(both, request_):
    sharded, plain = (answers(gateway, request_) for gateway in both)
    assert sharded == plain


@pytest.mark.parametrize(
    "request_",
    ["Message", "Message?$orderby=created_at desc&$top=3100", "Message?$orderby=source_id,status desc", "Message?$orderby=content", "Message?$skip=1990",
     "Message?$orderby=length(content) desc,id&$select=id", "Message?$orderby=tolower(content)&$select=id", "Message?$skip=2010&$select=id",
     "Message?$skip=9223372036854775807", "Message?$filter=id gt 999999", "Message?$orderby=id desc", "Message?$orderby=sender_id desc,status&$select=id", "Message?$filter=account_id eq 2 or id lt 90",
     "Conversation?$expand=messages($top=3)&$orderby=last_activity_at"],
)  # fmt: skip
def test_a_page_of_many_chunks_is_merged_as_one_statement_orders_it(both, request_):
    prefer = {"Prefer": "maxpagesize=6000"}
    sharded, plain = (gateway.get(request_, token=tokens.BOTH_ADMIN, headers=prefer) for gateway in both)
    assert (sharded.status, sharded.body.replace(both[0].origin.encode(), b"")) == (
        plain.status,
        plain.body.replace(both[1].origin.encode(), b""),
    )


def test_generated_queries_have_the_same_answers_or_are_refused(both, world):
    same = 0
    for number in range(50):
        maker, type_ = Maker(f"legs {number}", world), tuple(KINDS)[number % len(KINDS)]
        request_ = target(maker.expanded(type_, 2) if number % 2 else maker.query(type_, 3))
        sharded, plain = (answers(gateway, request_) for gateway in both)
        if sharded[0][0] == 501 != plain[0][0]:
            assert b"sharded" in sharded[0][1]
            continue
        assert sharded == plain, request_
        same += 1
    assert same > 18


def test_cases_with_apply_have_the_same_answers(both):
    targets = [target for target in (read(path).request for path in sorted(FOLDER.glob("*.case"))) if "$apply" in target]
    for target_ in targets:
        sharded, plain = (answers(gateway, target_) for gateway in both)
        assert sharded == plain or ("User" in target_ and sharded[0][0] == 501), target_
    assert len(targets) > 15


def test_tables_as_citus_sql_leaves_them_serve(cluster, scratch, scratch_reader_dsn, gateways):
    cluster.psql(scratch, CITUS)
    script = (SQL_FOLDER / "citus.sql").read_text(encoding="utf-8")
    cluster.psql(scratch, script)
    cluster.psql(scratch, script)  # again: nothing is left to do
    assert (
        cluster.psql(scratch, KEYS).strip()
        == "conversations account_id, inboxes account_id, labels account_id, messages account_id, users id"
    )
    with gateways(ODATA_DSN=scratch_reader_dsn, ODATA_SHARDED="true", ODATA_PAGE_ROWS="500") as gateway:
        for token in (tokens.ADMIN, tokens.BOTH_ADMIN):
            pages = gateway.pages("Message?$orderby=created_at&$expand=conversation($expand=labels)", token=token)
            assert sum(map(len, pages)) == int(gateway.get("Message/$count", token=token).body)
        assert gateway.get("Label", token=tokens.BOTH_ADMIN).rows


def test_citus_sql_without_citus_says_so(cluster, scratch):
    with pytest.raises(Exception, match="Citus is not installed"):
        cluster.psql(scratch, (SQL_FOLDER / "citus.sql").read_text(encoding="utf-8"))


TIMES = """
UPDATE public.messages SET created_at = CASE id % 7 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '0044-03-15 12:00 BC'
    WHEN 3 THEN '12345-06-07 08:09:10.5' ELSE created_at END WHERE id < 700;
UPDATE public.conversations SET identifier = CASE id % 3 WHEN 0 THEN ',' WHEN 1 THEN '' ELSE identifier END WHERE id < 300;
"""


def test_values_that_only_postgres_can_order_are_merged_like_others(cluster, scratch, scratch_reader_dsn, gateways):
    """Times of other years, and texts that are empty or have a comma."""
    cluster.psql(scratch, TIMES)
    asked = [
        "Message?$orderby=created_at&$select=id",
        "Message?$orderby=created_at desc&$select=id",
        "Conversation?$orderby=identifier,id desc&$select=id",
    ]
    settings = {"ODATA_DSN": scratch_reader_dsn, "ODATA_PAGE_ROWS": "700"}
    with gateways(ODATA_SHARDED="true", **settings) as sharded, gateways(**settings) as plain:
        for request_ in asked:
            found = [[row["id"] for page in each.pages(request_, token=tokens.BOTH_ADMIN) for row in page] for each in (sharded, plain)]
            assert found[0] == found[1] and len(found[0]) > 200, request_
