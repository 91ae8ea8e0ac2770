"""How Postgres runs the gateway's statements: which index, and how many rows it reads for the first page and for the last.

60,000 messages of three accounts, made by the benchmark's own SQL, are enough for the planner to choose as it would among millions. The plans are
those of the running program, by auto_explain: what was prepared and how often it ran is part of the truth. Rows read are counted, not time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.bench.plans import AUTO_EXPLAIN, Plan, read_plans
from tests.bench.servers import ADMIN_OF_ALL, ADMIN_OF_ONE
from tests.harness.cluster import DATABASE, SQL_FOLDER, Cluster
from tests.harness.gateway import Gateway, start_gateway

MESSAGES = 60_000
PAGE, SMALL_PAGE = 500, 100
FACTOR, SLACK = 1.15, 20
"""The last page may read that much of what the first one reads, and some rows more: where an index turns from one value to the next."""
EXECUTIONS = 8
"""More than the five after which Postgres may take a plan for any arguments."""
LIKE_A_SERVER = {"shared_buffers": "128MB", "work_mem": "16MB"}


class Watched:
    """A gateway whose statements are explained in its server's log."""

    def __init__(self, gateway: Gateway, cluster: Cluster) -> None:
        self.gateway = gateway
        self._log = cluster.folder / "server" / "log"

    def page(self, target: str, token: str, size: int = PAGE) -> tuple[str, list[Plan]]:
        """The next link of a page, and the plans of its statements, which begin with a comment: others look for keys meanwhile."""
        before = self._log.stat().st_size
        reply = self.gateway.get(target, token=token, headers={"Prefer": f"odata.maxpagesize={size}"})
        assert reply.status == 200, reply.body[:1000]
        with self._log.open("rb") as log:
            log.seek(before)
            plans = [plan for plan in read_plans(log.read().decode()) if plan.sql.startswith("/* odata ") and '"public"' in plan.sql]
        assert plans
        return reply.json().get("@odata.nextLink", ""), plans

    def ends(self, target: str, token: str, size: int = PAGE) -> tuple[list[Plan], list[Plan]]:
        """The plans of the first page and of the last full one; asked before, since a first chunk is small until the size of its rows is known."""
        self.page(target, token, size)
        link, first = self.page(target, token, size)
        last = first
        while link:
            found = self.page(link, token, size)
            if found[0]:
                last = found[1]
            link = found[0]
        assert last is not first
        return first, last


@contextmanager
def watched(cluster: Cluster, database: str) -> Iterator[Watched]:
    explained = "".join(f"&{name}={value}" for name, value in AUTO_EXPLAIN.items())
    with start_gateway(ODATA_DSN=cluster.dsn(database=database) + explained, ODATA_POOL_MAX="1") as running:
        yield Watched(running, cluster)


@pytest.fixture(scope="module")
def large(own_cluster) -> Cluster:
    """A server with databases `live_agent`, which has the recommended indexes, `plain`, which has not, and `shared`, where the three accounts
    have one message of ten, and none of the last ones."""
    server = own_cluster(settings=LIKE_A_SERVER)
    server.psql("postgres", f"CREATE DATABASE {DATABASE}")
    bench = (SQL_FOLDER / "bench.sql").read_text().replace("repeat('100 MB of \"text\" ', 6250000)", "'short'")
    server.psql(DATABASE, (SQL_FOLDER / "schema.sql").read_text())
    server.psql(DATABASE, f"\\set messages {MESSAGES}\n{bench}")
    server.psql("postgres", f"CREATE DATABASE plain TEMPLATE {DATABASE}")
    server.psql(DATABASE, "CREATE EXTENSION pg_trgm;" + (SQL_FOLDER / "indexes.sql").read_text() + "VACUUM (ANALYZE);")
    server.psql("plain", "VACUUM (ANALYZE);")
    server.psql("postgres", f"CREATE DATABASE shared TEMPLATE {DATABASE}")
    others = "id % 10 > 0 OR id > 50000"
    server.psql("shared", f"UPDATE messages SET account_id = 100 + id / 100 % 200 WHERE {others}; VACUUM (FULL, ANALYZE) messages;")
    return server


@pytest.fixture(scope="module")
def indexed(large: Cluster) -> Iterator[Watched]:
    with watched(large, DATABASE) as found:
        yield found


@pytest.fixture(scope="module")
def shared(large: Cluster) -> Iterator[Watched]:
    with watched(large, "shared") as found:
        yield found


@pytest.fixture(scope="module")
def plain(large: Cluster) -> Iterator[Watched]:
    with watched(large, "plain") as found:
        yield found


def rows(plans: list[Plan]) -> int:
    return sum(plan.rows_read for plan in plans)


def buffers(plans: list[Plan]) -> int:
    """Blocks of tables and indexes: they also tell of what is passed over within an index."""
    return sum(plan.buffers for plan in plans)


# --- the depth of a page ----------------------------------------------------------------------------------------------------------

# (target, index by which the rows come, most rows a page of 500 may read): one page's rows and the one more that tells of a next page,
# twice where nulls and values are read beside each other, three times where there are three accounts.
ONE_ACCOUNT = (
    ("Message?$select=id,content", "odata_messages_account_id_id", 1),
    ("Message?$orderby=id desc&$select=id,content", "odata_messages_account_id_id", 1),
    ("Message?$orderby=created_at&$select=id,content", "odata_messages_account_id_created_at_id", 1),
    ("Message?$orderby=created_at desc&$select=id,content", "odata_messages_account_id_created_at_id", 1),
    ("Message?$orderby=updated_at desc,id desc&$select=id,content", "odata_messages_account_id_updated_at_id", 1),
    ("Message?$orderby=source_id&$select=id,content", "odata_messages_account_id_source_id_id", 2),
    ("Message?$orderby=source_id desc&$select=id,content", "odata_messages_account_id_source_id_id", 2),
)
THREE_ACCOUNTS = (
    ("Message?$select=id,content", "messages_pkey", 1),
    ("Message?$orderby=created_at&$select=id,content", "odata_messages_account_id_created_at_id", 3),
    ("Message?$orderby=created_at desc&$select=id,content", "odata_messages_account_id_created_at_id", 3),
    ("Message?$orderby=source_id&$select=id,content", "odata_messages_account_id_source_id_id", 6),
    ("Message?$orderby=source_id desc&$select=id,content", "odata_messages_account_id_source_id_id", 6),
)
DEPTH = [(t, ADMIN_OF_ONE, *rest) for t, *rest in ONE_ACCOUNT] + [(t, ADMIN_OF_ALL, *rest) for t, *rest in THREE_ACCOUNTS]


@pytest.mark.parametrize(("target", "token", "index", "times"), DEPTH)
def test_the_last_page_reads_what_the_first_one_reads(indexed, target, token, index, times):
    first, last = indexed.ends(target, token)
    for plans in (first, last):
        assert all(index in plan.shape for plan in plans), [plan.shape for plan in plans]
        assert rows(plans) <= times * (PAGE + 1) + SLACK
    assert rows(last) <= rows(first) * FACTOR + SLACK
    assert buffers(last) <= buffers(first) * FACTOR + SLACK


BOUNDS = (  # of the column that the rows are ordered by, as a refresh of what has changed asks for them
    "$filter=created_at ge 2001-01-01T00:00:00Z&$orderby=created_at",
    "$filter=created_at ge 2001-01-01T00:00:00Z and created_at lt 2999-01-01T00:00:00Z&$orderby=created_at",
    "$filter=created_at lt 2999-01-01T00:00:00Z&$orderby=created_at desc",
    "$filter=updated_at gt 2001-01-01T00:00:00Z&$orderby=updated_at,id",
    "$filter=source_id gt ''&$orderby=source_id",
    "$filter=id gt 5&$orderby=id",
    "$filter=id lt 50000&$orderby=id desc",
)


@pytest.mark.parametrize("token", (ADMIN_OF_ONE, ADMIN_OF_ALL), ids=("one", "all"))
@pytest.mark.parametrize("options", BOUNDS)
def test_a_filter_on_the_column_of_the_order_costs_the_same_at_any_depth(indexed, options, token):
    first, last = indexed.ends(f"Message?{options}&$select=id", token)
    assert buffers(last) <= buffers(first) * 1.5 + SLACK and rows(last) <= rows(first) * FACTOR + SLACK


FIXED = (  # orders that begin with what is the same in all rows: by a condition, by the path, by the account
    ("Message?$filter=inbox_id eq 9&$orderby=inbox_id,id", "odata_messages_inbox_id_id"),
    ("Message?$filter=inbox_id eq 9&$orderby=inbox_id desc,id desc", "odata_messages_inbox_id_id"),
    ("Message?$filter=inbox_id in (9)&$orderby=inbox_id", "odata_messages_inbox_id_id"),
    ("Message?$apply=filter(inbox_id eq 9)&$orderby=inbox_id,id", "odata_messages_inbox_id_id"),
    ("Inbox(9)/messages?$orderby=inbox_id,id", "odata_messages_inbox_id_id"),
    ("Inbox(9)/messages?$orderby=inbox_id desc,id desc", "odata_messages_inbox_id_id"),
    ("Message?$filter=source_id eq null&$orderby=source_id,id", "odata_messages_account_id_source_id_id"),
    ("Message?$filter=source_id eq null&$orderby=source_id desc,id desc", "odata_messages_account_id_source_id_id"),
)
FIXED_OF_ONE = (
    ("Message?$orderby=account_id,id", "odata_messages_account_id_id"),
    ("Message?$orderby=account_id desc,created_at desc", "odata_messages_account_id_created_at_id"),
)


def check_fixed(watched: Watched, target: str, index: str, token: str) -> None:
    separator = "&" if "?" in target else "?"
    first, last = watched.ends(f"{target}{separator}$select=id", token, SMALL_PAGE)
    for plans in (first, last):
        assert all(index in plan.shape for plan in plans), [plan.shape for plan in plans]
        assert rows(plans) <= (3 if "null" in target and token == ADMIN_OF_ALL else 1) * (SMALL_PAGE + 1) * 1.6 + SLACK
    assert rows(last) <= rows(first) * FACTOR + SLACK
    assert buffers(last) <= buffers(first) * 1.5 + SLACK


@pytest.mark.parametrize("token", (ADMIN_OF_ONE, ADMIN_OF_ALL), ids=("one", "all"))
@pytest.mark.parametrize(("target", "index"), FIXED)
def test_an_order_by_what_is_the_same_in_all_rows_costs_the_same_at_any_depth(indexed, target, index, token):
    check_fixed(indexed, target, index, token)


@pytest.mark.parametrize(("target", "index"), FIXED_OF_ONE)
def test_an_order_by_the_only_account_costs_the_same_at_any_depth(indexed, target, index):
    check_fixed(indexed, target, index, ADMIN_OF_ONE)


@pytest.mark.parametrize("token", [ADMIN_OF_ONE, ADMIN_OF_ALL])
def test_a_navigation_path_has_its_index_at_both_ends(indexed, token):
    first, last = indexed.ends("Inbox(9)/messages?$select=id,content", token, SMALL_PAGE)
    for plans in (first, last):
        assert all("odata_messages_inbox_id_id" in plan.shape for plan in plans), [plan.shape for plan in plans]
    assert rows(last) <= rows(first) * FACTOR <= 2 * (SMALL_PAGE + SLACK)


@pytest.mark.parametrize("order", ["assignee_id", "assignee_id desc"])
def test_a_nullable_column_keeps_the_index_that_rails_made(plain, order):
    """Its index is on (assignee_id, account_id): the values come by it, and late pages read no more than early ones."""
    first, last = plain.ends(f"Conversation?$orderby={order}&$select=id", ADMIN_OF_ONE, SMALL_PAGE)
    assert any("index_conversations_on_assignee_id_and_account_id" in plan.shape for plan in first)
    assert rows(last) <= rows(first) * FACTOR + SLACK


@pytest.mark.parametrize("token", [ADMIN_OF_ONE, ADMIN_OF_ALL])
@pytest.mark.parametrize("order", ["", "created_at", "created_at desc", "source_id", "source_id desc"])
def test_without_the_recommended_indexes_late_pages_read_no_more_either(plain, order, token):
    first, last = plain.ends(f"Message?$select=id&$orderby={order}".removesuffix("&$orderby="), token)
    assert rows(last) <= rows(first) * FACTOR + SLACK


@pytest.mark.parametrize("token", [ADMIN_OF_ONE, ADMIN_OF_ALL])
def test_an_order_behind_a_navigation_property_costs_the_same_at_any_depth(indexed, token):
    target = "Message?$orderby=conversation/created_at&$select=id"
    first, last = indexed.ends(target, token)
    assert len(first) == len(last) == 1
    assert rows(last) <= rows(first) * FACTOR + SLACK


# --- filters ------------------------------------------------------------------------------------------------------------------------

DAY = "created_at ge 2021-06-01T00:00:00Z and created_at lt 2021-06-02T00:00:00Z"
# (target, a part of the name of the index that must serve)
FILTERS = (
    (f"Message?$filter={DAY}&$select=id", "odata_messages_account_id_created_at_id"),
    ("Message?$filter=updated_at ge 2022-12-30T00:00:00Z&$select=id", "odata_messages_account_id_updated_at_id"),
    ("Message?$filter=updated_at ge 2022-12-30T00:00:00Z&$orderby=updated_at&$select=id", "odata_messages_account_id_updated_at_id"),
    ("Message?$filter=conversation_id eq 500&$select=id", "index_messages_on_conversation_id"),
    ("Message?$filter=inbox_id eq 9&$top=100&$select=id", "odata_messages_inbox_id_id"),
    ("Message?$filter=sender_type eq 'User' and sender_id eq 77&$select=id", "index_messages_on_sender_type_and_sender_id"),
    (
        f"Message?$filter=conversation_id in ({','.join(str(3 * n) for n in range(1, 1001))})&$select=id",
        "index_messages_on_conversation_id",
    ),
    ("Message?$filter=source_id eq 'wamid.x'&$select=id", "source_id"),
    ("Message?$filter=contains(content,'TE-4711')&$select=id", "odata_messages_content"),
    ("Message?$filter=startswith(content,'zebra')&$top=100&$select=id", "odata_messages_content"),
    ("Message?$filter=matchesPattern(content,'TE-47[1]1')&$select=id", "odata_messages_content"),
    ("Message?$search=te-4711&$select=id", "odata_messages_content"),
    ('Message?$search="TE-4711" OR te-4712&$select=id', "odata_messages_content"),
    ("Conversation?$filter=assignee_id eq 63&$select=id", "index_conversations_on_assignee_id_and_account_id"),
    ("Conversation?$filter=contact_id eq 7&$select=id", "odata_conversations_contact_id"),
    ("Conversation?$filter=uuid eq '00000000-0000-0000-0000-000000000000'&$select=id", "odata_conversations_uuid"),
    ("Conversation?$filter=status eq 0 and created_at ge 2022-12-01T00:00:00Z&$top=100&$select=id", "created_at"),
)


RANGES = ("id ge 100 and id lt 9000", "id lt 50000", "id gt 50000")


@pytest.mark.parametrize("direction", ["", " desc"])
@pytest.mark.parametrize("condition", RANGES)
def test_of_a_range_of_the_key_only_rows_of_the_accounts_are_read(shared, condition, direction):
    """As a program asks for what is new since the last row that it has: a page for each account, and none of what others have got since."""
    target = f"Message?$filter={condition}&$orderby=id{direction}&$select=id,content"
    shared.page(target, ADMIN_OF_ALL)
    _, plans = shared.page(target, ADMIN_OF_ALL)
    assert rows(plans) <= 3 * (PAGE + 1) + SLACK, [plan.shape for plan in plans]


READ_FOR_A_ROW, READ_AT_LEAST = 12, 700
"""What a filter may read: what other conditions leave of an index's rows, and what three accounts have in one index."""


@pytest.mark.parametrize("token", [ADMIN_OF_ONE, ADMIN_OF_ALL])
@pytest.mark.parametrize(("target", "index"), FILTERS)
def test_a_filter_uses_its_index_and_no_plan_changes_after_some_executions(indexed, target, index, token):
    indexed.page(target, token)  # a first chunk is small until the size of its rows is known
    runs = [indexed.page(target, token)[1] for _ in range(EXECUTIONS)]
    shown = len(indexed.gateway.get(target, token=token).rows)
    assert all(len(plans) == 1 for plans in runs)
    shapes = {plans[0].shape.replace("Bitmap Index Scan", "Index Scan") for plans in runs}
    assert len(shapes) == 1, shapes
    assert index in runs[0][0].shape and "Seq Scan" not in runs[0][0].shape, runs[0][0].shape
    assert rows(runs[-1]) <= max(READ_AT_LEAST, READ_FOR_A_ROW * shown), runs[-1][0].shape


@pytest.mark.parametrize("token", [ADMIN_OF_ONE, ADMIN_OF_ALL])
def test_ranges_of_every_width_are_planned_for_their_width(indexed, token):
    """A narrow range behind many wide ones still comes by its index: no plan for any range is kept."""
    template = "Message/$count?$filter=created_at ge 2021-{}-01T00:00:00Z and created_at lt 2021-{}-02T00:00:00Z"
    for month in ("12", "11", "10", "09", "08", "07", "06"):
        indexed.page(template.format("01", month).replace("/$count", "") + "&$top=1", token)
    _, plans = indexed.page("Message?$filter=created_at ge 2021-03-01T00:00:00Z and created_at lt 2021-03-02T00:00:00Z&$select=id", token)
    assert rows(plans) <= 300 and "created_at" in plans[0].shape


@pytest.mark.parametrize("token", [ADMIN_OF_ONE, ADMIN_OF_ALL])
@pytest.mark.parametrize("direction", ["", " desc"])
def test_one_plan_serves_ranges_of_every_width_in_the_order_of_their_column(indexed, direction, token):
    """It reads the index from one end of the range, and nothing outside of it, however often it was run for others before."""
    template = (
        "Message?$filter=created_at ge 2021-{}-01T00:00:00Z and created_at lt 2021-{}-02T00:00:00Z&$select=id&$orderby=created_at"
        + direction
    )
    for month in ("12", "11", "10", "09", "08", "07", "06", "05"):
        indexed.page(template.format("01", month), token)
    for month in ("01", "03", "12"):
        target = template.format(month, month)
        shown = len(indexed.gateway.get(target, token=token).rows)
        _, plans = indexed.page(target, token)
        assert rows(plans) <= 2 * shown + SLACK and "created_at" in plans[0].shape and "Seq Scan" not in plans[0].shape


@pytest.mark.parametrize("token", [ADMIN_OF_ONE, ADMIN_OF_ALL])
def test_an_expansion_is_one_statement(indexed, token):
    _, plans = indexed.page("Conversation?$top=100&$expand=messages($top=5),assignee,inbox", token)
    assert len(plans) == 1
    assert "index_messages_on_conversation_id" in plans[0].shape


@pytest.mark.parametrize("token", [ADMIN_OF_ONE, ADMIN_OF_ALL])
def test_a_page_of_a_cross_join_reads_a_small_part_of_the_product(indexed, token):
    """The first set comes by an index, from any place: of one account its own or the key's, which has three times the rows. Beside each of its
    entities stand those of the other set, and nothing else is sorted."""
    first, last = indexed.ends("$crossjoin(Message,Inbox)?$filter=Message/inbox_id eq Inbox/id", token, 2 * PAGE)
    for plans in (first, last):
        assert all("Incremental Sort" in plan.shape for plan in plans), [plan.shape for plan in plans]
        assert rows(plans) <= 5 * 2 * PAGE
    link, product = indexed.page("$crossjoin(Message,Conversation)", token, SMALL_PAGE)
    _, following = indexed.page(link, token, SMALL_PAGE)
    assert rows(following) <= rows(product) * FACTOR + SLACK
