"""Which scan reads a chunk: by the query, the known indexes, the number of accounts, and the nulls of the row before, as tables."""

from __future__ import annotations

from dataclasses import replace

import pytest
from odata_gateway.edm.derive import with_types
from odata_gateway.plan.tree.relation import Column
from odata_gateway.plan.tree.slots import LimitSlot
from odata_gateway.sql.fragment import build, finish, param, qualified
from odata_gateway.sql.paging.page_scan import PageScan
from odata_gateway.sql.paging.scan import AccountScan, NullSplitScan, PerAccountScan, PlainScan, choose_scan
from odata_gateway.sql.relation import Relations
from tests.harness import cases

PLAIN, ACCOUNT, PER_ACCOUNT, NULL_SPLIT = PlainScan, AccountScan, PerAccountScan, NullSplitScan
ACCOUNT_ID = ("account_id", "id")
CREATED = ("account_id", "created_at", "id")
SOURCE = ("account_id", "source_id", "id")
CONVERSATION = ("conversation_id",)


def query_of(request, *indexes):
    """The query of a request, with these indexes of messages known, whose created_at and inbox_id are never NULL."""
    message = cases.MODEL.entity_types["Message"]
    never_null = {name: replace(message.properties[name], not_null=True) for name in ("created_at", "inbox_id")}
    message = replace(message, properties={**message.properties, **never_null}, indexes=frozenset(indexes))
    return cases.bound(request, with_types(cases.MODEL, {**cases.MODEL.entity_types, "Message": message}))


# (request, known indexes, the scan of one account's first chunk, that of several accounts)
SCANS = [
    # all rows of an account in the order of the key
    ("Message", [ACCOUNT_ID], ACCOUNT, PLAIN),
    ("Message?$orderby=id desc", [ACCOUNT_ID], ACCOUNT, PLAIN),
    ("Message", [], PLAIN, PLAIN),
    ("Message", [CREATED], PLAIN, PLAIN),
    ("Message?$filter=status eq 1", [ACCOUNT_ID], PLAIN, PLAIN),
    ("Message?$select=id&$expand=sender", [ACCOUNT_ID], ACCOUNT, PLAIN),
    ("Conversation(1)/messages", [ACCOUNT_ID], PLAIN, PLAIN),
    ("Message?$filter=conversation/status eq 1", [ACCOUNT_ID], PLAIN, PLAIN),
    ("Message?$skip=3", [ACCOUNT_ID], PLAIN, PLAIN),
    # another order: branches by account
    ("Message?$orderby=created_at", [], PLAIN, PER_ACCOUNT),
    ("Message?$orderby=created_at", [CREATED], NULL_SPLIT, PER_ACCOUNT),
    ("Message?$orderby=created_at desc,id desc", [CREATED], NULL_SPLIT, PER_ACCOUNT),
    ("Message?$orderby=created_at&$filter=created_at gt 2021-01-01T00:00:00Z", [CREATED], PLAIN, PER_ACCOUNT),
    ("Message?$orderby=created_at&$filter=created_at ne 2021-01-01T00:00:00Z", [CREATED], NULL_SPLIT, PER_ACCOUNT),
    ("Message?$orderby=created_at&$skip=3", [CREATED], NULL_SPLIT, NULL_SPLIT),
    ("Message?$orderby=created_at&$skip=3", [], PLAIN, PLAIN),
    ("Message?$orderby=created_at&$skip=3&$filter=created_at lt 2021-01-01T00:00:00Z", [CREATED], PLAIN, PLAIN),
    ("Message?$orderby=length(content)", [CREATED], PLAIN, PLAIN),
    ("Message?$orderby=conversation/created_at", [CREATED], PLAIN, PLAIN),
    ("Conversation(1)/messages?$orderby=created_at", [CREATED], NULL_SPLIT, NULL_SPLIT),
    # an index without the account finds few rows
    ("Message?$filter=conversation_id eq 3&$orderby=created_at", [CREATED, CONVERSATION], PLAIN, PLAIN),
    ("Message?$filter=3 eq conversation_id&$orderby=created_at", [CREATED, CONVERSATION], PLAIN, PLAIN),
    ("Message?$filter=conversation_id in (3,4)&$orderby=created_at", [CREATED, CONVERSATION], PLAIN, PLAIN),
    ("Message?$filter=status eq 1 and conversation_id eq 3&$orderby=created_at", [CREATED, CONVERSATION], PLAIN, PLAIN),
    ("Message?$filter=status eq 1 or conversation_id eq 3&$orderby=created_at", [CREATED, CONVERSATION], NULL_SPLIT, PER_ACCOUNT),
    ("Message?$filter=conversation_id ne 3&$orderby=created_at", [CREATED, CONVERSATION], NULL_SPLIT, PER_ACCOUNT),
    ("Message?$filter=conversation_id eq 3&$orderby=created_at", [CREATED], NULL_SPLIT, PER_ACCOUNT),
    # a range within each account, in the order of the key
    ("Message?$filter=created_at ge 2021-01-01T00:00:00Z", [CREATED], PLAIN, PER_ACCOUNT),
    ("Message?$filter=2021-01-01T00:00:00Z lt created_at", [CREATED], PLAIN, PER_ACCOUNT),
    ("Message?$filter=created_at ge 2021-01-01T00:00:00Z", [], PLAIN, PLAIN),
    ("Message?$filter=created_at eq 2021-01-01T00:00:00Z", [CREATED], PLAIN, PLAIN),
    # a nullable column first
    ("Message?$orderby=source_id", [], NULL_SPLIT, PER_ACCOUNT),
    ("Message?$orderby=source_id desc", [SOURCE], NULL_SPLIT, PER_ACCOUNT),
    ("Message?$orderby=source_id,created_at desc", [SOURCE], NULL_SPLIT, PER_ACCOUNT),
    ("Message?$orderby=created_at,source_id", [SOURCE], PLAIN, PER_ACCOUNT),
    ("Message?$orderby=source_id&$skip=3", [SOURCE], PLAIN, PLAIN),
    ("Message?$orderby=source_id&$filter=conversation_id eq 3", [SOURCE, CONVERSATION], PLAIN, PLAIN),
    ("Conversation(1)/messages?$orderby=source_id", [SOURCE], NULL_SPLIT, NULL_SPLIT),
    # nulls only
    ("Message?$orderby=source_id&$filter=source_id eq null", [SOURCE], PLAIN, PER_ACCOUNT),
    ("Message?$orderby=source_id&$filter=source_id eq null", [SOURCE, ("source_id",)], PLAIN, PER_ACCOUNT),
    ("Message?$orderby=created_at&$filter=created_at eq null", [CREATED], NULL_SPLIT, PER_ACCOUNT),
    ("Message?$orderby=source_id&$filter=conversation/status eq 1", [SOURCE], PLAIN, PLAIN),
    # other kinds of rows
    ("User?$orderby=name", [], NULL_SPLIT, NULL_SPLIT),
    ("Message?$apply=groupby((source_id))&$orderby=source_id", [SOURCE], PLAIN, PLAIN),
    ("$crossjoin(Message,Label)?$orderby=Message/source_id", [SOURCE], PLAIN, PLAIN),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "indexes", "one", "several"), SCANS)
def test_the_scan_of_a_first_chunk(request_, indexes, one, several):
    query = query_of(request_, *indexes)
    assert type(choose_scan(query, None, "one")) is one
    assert type(choose_scan(query, None, "several")) is several


@pytest.mark.parametrize(("request_", "indexes", "one", "several"), SCANS)
def test_a_shard_is_read_as_a_table_without_branches_by_account(request_, indexes, one, several):
    scan = choose_scan(query_of(request_, *indexes), None, "by shard")
    assert type(scan) is (NULL_SPLIT if one is NULL_SPLIT else PLAIN)


def test_skip_acts_on_the_first_chunk_only():
    query = query_of("Message?$skip=3", ACCOUNT_ID)
    assert type(choose_scan(query, None, "one")) is PLAIN
    assert type(choose_scan(query, (False,), "one")) is ACCOUNT


# (order, nulls of the row before, None for the first chunk; the branches in order: (rows, behind))
BRANCHES = [
    ("source_id", None, [("nulls", False), ("values", False)]),
    ("source_id", (True, False), [("nulls", True), ("values", False)]),
    ("source_id", (False, False), [("values", True)]),
    ("source_id desc", None, [("values", False), ("nulls", False)]),
    ("source_id desc", (False, False), [("values", True), ("nulls", False)]),
    ("source_id desc", (True, False), [("nulls", True)]),
    # never NULL, but perhaps infinite
    ("created_at", None, [("nulls", False), ("nulls", False), ("values", False)]),
    ("created_at", (True, False), [("nulls", True), ("nulls", True), ("values", False)]),
    ("created_at", (False, False), [("values", True)]),
    ("created_at desc", (False, False), [("values", True), ("nulls", False), ("nulls", False)]),
    # perhaps NULL too
    ("updated_at", None, [("nulls", False)] * 3 + [("values", False)]),
]


@pytest.mark.parametrize(("order", "mask", "expected"), BRANCHES)
def test_the_branches_of_a_chunk(order, mask, expected):
    query = query_of(f"Message?$orderby={order}", CREATED)
    several = choose_scan(query, mask, "several")
    assert isinstance(several, PerAccountScan)
    assert [(branch.rows, branch.behind) for branch in several.branches] == expected
    one = choose_scan(query, mask, "one")
    branches = one.branches if isinstance(one, NullSplitScan) else (one.branch,)
    assert branches == several.branches
    assert type(one) is (NULL_SPLIT if len(expected) > 1 else PLAIN)


@pytest.mark.parametrize("mask", [None, (True, False), (False, False)])
@pytest.mark.parametrize("order", ["source_id", "source_id desc", "created_at", "created_at desc"])
def test_rows_that_are_all_null_have_no_branch_of_values(order, mask):
    column = order.split()[0]
    several = choose_scan(query_of(f"Message?$orderby={order}&$filter={column} eq null", CREATED), mask, "several")
    assert {(branch.rows, branch.behind) for branch in several.branches} == {("nulls", mask is not None)}


@pytest.mark.parametrize(("indexes", "columns"), [([], ["id"]), ([SOURCE], ["source_id", "id"])])
def test_nulls_are_ordered_by_their_column_only_where_an_index_has_it(indexes, columns):
    scan = choose_scan(query_of("Message?$orderby=source_id", *indexes), None, "one")
    nulls, values = scan.branches
    assert [key.expr.name for key in nulls.order] == columns
    assert [key.expr.name for key in values.order] == ["source_id", "id"]
    assert not any(key.expr.nullable for key in (*nulls.order, *values.order) if isinstance(key.expr, Column))


def test_joins_that_only_conditions_need_do_not_keep_an_index_from_the_order():
    query = query_of("Message?$orderby=created_at&$filter=conversation/status eq 1", CREATED)
    assert type(choose_scan(query, None, "one")) is PLAIN
    assert type(choose_scan(query, None, "one", shows_joined=False)) is NULL_SPLIT
    text = sql_of("Message?$orderby=created_at&$filter=conversation/status eq 1", [CREATED], "one")
    assert text.count("UNION ALL") == 2 and text.count("LEFT JOIN") == 3
    assert "UNION ALL" not in sql_of("Message?$orderby=created_at&$filter=conversation/status eq 1", [], "one")


def test_each_branch_reads_the_rows_that_are_skipped():
    text = sql_of("Message?$orderby=created_at&$skip=3", [CREATED], "one")
    assert text.count("LIMIT $2::int4 + $3::int8") == text.count("UNION ALL") + 1 == 3
    assert text.endswith("LIMIT $2::int4 OFFSET $3::int8")


def sql_of(request, indexes, accounts, mask=None):
    query = query_of(request, *indexes)
    relations = Relations(many_accounts=accounts == "several")
    limit = param(LimitSlot(), "int4")
    return finish(PageScan(query, relations, accounts, mask, limit).rows(build("{0} AS row", qualified(0, "content")))).text


@pytest.mark.parametrize(
    ("request_", "indexes", "accounts", "found"),
    [
        ("Message", [], "one", ['ORDER BY t0."id" LIMIT'], ),
        ("Message?$skip=3", [ACCOUNT_ID], "one", ["LIMIT $2::int4 OFFSET $3::int8"]),
        ("Message", [ACCOUNT_ID], "one", ['t0."account_id" = ANY(', 'ORDER BY t0."account_id", t0."id" LIMIT']),
        ("Message?$orderby=created_at", [], "several", ["FROM unnest(", 't0."account_id" = a.account', "CROSS JOIN LATERAL (SELECT"]),
        ("Message?$orderby=source_id", [], "one", ['t0."source_id" IS NULL', " UNION ALL ", 't0."source_id" IS NOT NULL']),
        ("Message?$orderby=source_id", [], "several", ["FROM unnest(", " UNION ALL "]),
    ],
)  # fmt: skip
def test_each_scan_has_its_own_form(request_, indexes, accounts, found):
    text = sql_of(request_, indexes, accounts)
    assert [piece for piece in found if piece not in text] == [], text


def test_a_branch_reads_only_the_columns_that_are_shown_or_ordered_by():
    text = sql_of("Message?$orderby=source_id", [], "one")
    assert text.count('(SELECT t0."content", t0."source_id", t0."id" FROM "public"') == 2


def test_the_rows_behind_a_null_are_bounded_by_the_other_columns():
    text = sql_of("Message?$orderby=source_id,inbox_id", [], "one", (True, False, False))
    assert 't0."source_id" IS NULL AND ((t0."inbox_id", t0."id") > (' in text
