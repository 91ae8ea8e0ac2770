"""T17: row-level security shows what the gateway's own policy shows, also when that policy is taken away.

Three programs over the same rows: with the gateway's row policy only, with row-level security as well, and with row-level security
only. Every hostile query and every way to read has the same answer from all three, byte for byte. That the third one would show foreign
rows is proved by a fourth that has neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import asyncpg
import pytest
from tests.harness import tokens
from tests.harness.cluster import READER, SQL_FILES, Cluster
from tests.harness.gateway import Gateway, start_gateway
from tests.harness.sample import CALLERS
from tests.live.test_tenants import ATTACKS

ADMINS = (*CALLERS, tokens.THIRD_ADMIN)
OTHERS = (
    tokens.AGENT, tokens.NO_MEMBER, tokens.EX_MEMBER, tokens.ADMIN_AND_AGENT, tokens.SUPERVISOR, tokens.DELETED_USER, tokens.AGENT_BOT,
    tokens.PLATFORM_APP, tokens.LOWER_CASE_OWNER, tokens.NULL_OWNER, tokens.UNKNOWN,
)  # fmt: skip
READS = (
    "Message?$count=true", "Conversation?$orderby=created_at desc", "Inbox", "Label", "User", "Message/$count", "Conversation/$count",
    "User/$count", "Label?$expand=conversations($select=id;$top=3)", "Conversation?$expand=labels,inbox,assignee&$top=50",
    "Inbox?$expand=members", "User?$expand=inboxes&$orderby=name", "Message(1)", "Conversation(1)/labels", "Inbox(1)/members",
    "Message?$filter=sender/name ne null&$orderby=sender/name&$top=40", "$entity?$id=Message(1)",
)  # fmt: skip
TABLES = ("messages", "conversations", "inboxes", "labels", "account_users", "users", "inbox_members", "taggings", "tags", "access_tokens")


@pytest.fixture(scope="module")
def walled() -> Iterator[Cluster]:
    with Cluster.start(tcp=True) as server:
        server.load("plain")
        server.load(files=(*SQL_FILES, "rls.sql"))
        yield server


@pytest.fixture(scope="module")
def programs(walled: Cluster) -> Iterator[dict[str, Gateway]]:
    """By the walls that stand; all believe to be at the same address, so that links are the same."""
    behind, plain = walled.dsn(user=READER), walled.dsn(user=READER, database="plain")
    common = {"ODATA_PAGE_ROWS": "1000", "ODATA_PUBLIC_URL": "http://service.example"}
    with ExitStack() as stack:

        def start(dsn: str, rls: str, module: str) -> Gateway:
            return stack.enter_context(start_gateway(module=module, ODATA_DSN=dsn, ODATA_RLS=rls, **common))

        yield {
            "first": start(plain, "false", "odata_gateway"),
            "both": start(behind, "true", "odata_gateway"),
            "second": start(behind, "true", "tests.harness.without_row_policy"),
            "none": start(plain, "false", "tests.harness.without_row_policy"),
        }


def answers(programs: dict[str, Gateway], target: str, token: str) -> dict[str, tuple[int, bytes]]:
    found = {}
    for name, gateway in programs.items():
        reply = gateway.get(target, token=token)
        body = reply.body if reply.status < 400 else reply.json()["error"]["code"].encode()  # an error's body has the request's id
        found[name] = (reply.status, body)
    return found


@pytest.mark.parametrize("token", ADMINS)
def test_t17_each_wall_alone_shows_what_both_show(programs, token):
    differences, open_answers = [], 0
    for target in (*READS, *ATTACKS):
        found = answers(programs, target, token)
        if not found["first"] == found["both"] == found["second"]:
            differences.append((target, {name: (status, body[:300]) for name, (status, body) in found.items()}))
        open_answers += found["none"] != found["first"]
    assert not differences[:5]
    assert open_answers > 30, "without any row policy the answers would differ"


def test_t17_tokens_are_known_and_refused_alike(programs):
    for token in (*ADMINS, *OTHERS):
        statuses = {name: gateway.get("Label", token=token).status for name, gateway in programs.items()}
        assert len(set(statuses.values())) == 1, (token, statuses)


def test_t17_pages_are_whole_behind_both_walls(programs):
    def rows(gateway: Gateway) -> list[int]:
        link, found = "Message?$select=id", []
        while link:
            reply = gateway.get(link, token=tokens.BOTH_ADMIN).json()
            found += [row["id"] for row in reply["value"]]
            link = reply.get("@odata.nextLink", "").removeprefix("http://service.example/v1.0/odata/")
        return found

    wanted = rows(programs["first"])
    assert len(wanted) > 5000
    assert rows(programs["both"]) == rows(programs["second"]) == wanted


def test_t17_without_accounts_the_reader_sees_nothing(walled):
    async def look() -> dict[str, object]:
        connection = await asyncpg.connect(walled.dsn(user=READER))
        found = {}
        for table in TABLES:
            try:
                found[table] = await connection.fetchval(f"SELECT count(*) FROM (SELECT FROM public.{table}) AS t")
            except asyncpg.InsufficientPrivilegeError:
                found[table] = 0
        async with connection.transaction():
            await connection.execute("SET LOCAL odata.accounts = '{1}'")
            found["inside"] = await connection.fetchval("SELECT count(DISTINCT account_id) FROM public.messages")
        found["after"] = await connection.fetchval("SELECT count(*) FROM public.messages")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT token FROM public.access_tokens")
        await connection.close()
        return found

    found = asyncio.run(look())
    assert (found.pop("inside"), found.pop("after")) == (1, 0)
    assert set(found.values()) == {0}, found


def test_t17_other_roles_see_what_they_saw(walled):
    script = "CREATE ROLE app LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app; SET ROLE app;"
    counted = walled.psql(
        "live_agent", f"{script} SELECT count(*) FROM messages; UPDATE labels SET title = title; SELECT count(*) FROM users"
    )
    assert counted.split() == ["8000", "30"]


def test_t17_the_setting_and_the_policies_must_agree(walled, gateways):
    """Policies without the setting: a warning, and refusals, not empty answers. The setting without policies: an error of the check."""
    unset = gateways(ODATA_DSN=walled.dsn(user=READER), wait_for="/health")
    assert unset.get("Message?$top=1").json()["error"]["code"] == "Db.Tokens"
    assert "ODATA_RLS must be true" in unset.log()
    unmade = gateways(ODATA_DSN=walled.dsn(user=READER, database="plain"), ODATA_RLS="true", wait_for="/health")
    assert unmade.get("Message?$top=1").status in (403, 500)
    assert "has no row-level security for this role" in unmade.log()
