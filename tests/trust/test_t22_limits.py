"""T22: every limit refuses what is beyond it, takes what is within it, and its error names the setting that moves it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import asyncpg
import pytest
from odata_gateway.config.settings import SETTINGS
from odata_gateway.demo import tokens
from tests.harness.figures import record
from tests.harness.inside import inside
from tests.harness.loads import ask, data, other_data


def names(setting: str, body: bytes) -> bool:
    """Whether an error's hint says which setting allows more."""
    return f"raise {setting} to allow more" in body.decode()


@dataclass(frozen=True)
class Limit:
    """A setting with a small value; a request just within it, one just beyond it, and how that is refused."""

    setting: str
    value: str
    within: str
    beyond: str
    status: int
    code: str


def lists(number: int) -> str:
    return ",".join(map(str, range(number)))


def nested(number: int) -> str:
    """$expand that many levels deep."""
    names = [("inbox", "conversations")[level % 2] for level in range(number)]
    text = ""
    for name in reversed(names):
        text = f"{name}($select=id{';$expand=' + text if text else ''}{';$top=1' if name == 'conversations' else ''})"
    return f"Conversation(1)?$select=id&$expand={text}"


def lambdas(number: int) -> str:
    text = "true"
    for level in reversed(range(number)):
        base = f"v{level - 1}/" if level else ""
        text = f"{base}{('messages', 'conversation/messages')[level > 0]}/any(v{level}:{text})"
    return f"Conversation?$filter={text}&$top=1&$select=id"


def shadowed(number: int) -> str:
    """any within any, with one and the same name for the row."""
    return f"Message?$filter={'conversation/messages/any(m:m/' * number}private{')' * number}&$top=1&$select=id"


def counted(number: int) -> str:
    """$count within $count."""
    text = "status eq 1"
    for _ in range(number):
        text = f"conversation/messages/$count($filter={text}) gt 0"
    return f"Message?$filter={text}&$top=1&$select=id"


def doubled(number: int) -> str:
    """Aliases that double: 2 to the power of `number` uses of a literal."""
    aliases = "".join(f"&@a{n + 1}=concat(@a{n},@a{n})" for n in range(number))
    return f"Message?$filter=content eq @a{number}&@a0='x'{aliases}&$top=1"


def computed(number: int) -> str:
    """Computed names that double in the same way."""
    items = "".join(f",n{n} add n{n} as n{n + 1}" for n in range(number))
    return f"Message?$compute=status as n0{items}&$select=id&$top=1"


LIMITS = (
    Limit("ODATA_MAX_EXPORT_ROWS", "5", "Message?$top=5&$format=csv", "Message?$top=6&$format=csv", 400, "Limit.Rows"),
    Limit("ODATA_MAX_URL_BYTES", "300", "Message?$top=1&x=" + "a" * 283, "Message?$top=1&x=" + "a" * 284, 414, "Limit.Url"),
    Limit("ODATA_MAX_DEPTH", "20", f"Message?$filter={'not(' * 18}private{')' * 18}&$top=1",
          f"Message?$filter={'not(' * 21}private{')' * 21}&$top=1", 400, "Limit.Depth"),
    Limit("ODATA_MAX_DEPTH", "20", f"Message?$compute=id as n0,{','.join(f'n{n} add 1 as n{n + 1}' for n in range(15))}&$top=1",
          f"Message?$compute=id as n0,{','.join(f'n{n} add 1 as n{n + 1}' for n in range(25))}&$top=1", 400, "Limit.Depth"),
    Limit("ODATA_MAX_NODES", "200", doubled(4), doubled(8), 400, "Limit.Nodes"),
    Limit("ODATA_MAX_NODES", "200", computed(4), computed(9), 400, "Limit.Nodes"),
    Limit("ODATA_MAX_NODES", "200", f"Message?$filter={' or '.join(['status eq 1'] * 50)}&$top=1",
          f"Message?$filter={' or '.join(['status eq 1'] * 150)}&$top=1", 400, "Limit.Nodes"),
    Limit("ODATA_MAX_EXPAND_DEPTH", "3", nested(3), nested(4), 400, "Limit.Depth"),
    Limit("ODATA_MAX_EXPANDS", "4", "Conversation?$expand=*&$top=1", "Conversation?$expand=*,inbox($expand=members)&$top=1", 400, "Limit.Nodes"),
    Limit("ODATA_MAX_EXPANDS", "2", "$crossjoin(User,Label)?$top=1", "$crossjoin(User,Label,Inbox)?$top=1", 400, "Limit.Nodes"),
    Limit("ODATA_MAX_LAMBDA_DEPTH", "2", lambdas(2), lambdas(3), 400, "Limit.Depth"),
    Limit("ODATA_MAX_LAMBDA_DEPTH", "2", shadowed(2), shadowed(3), 400, "Limit.Depth"),
    Limit("ODATA_MAX_LAMBDA_DEPTH", "2", counted(2), counted(3), 400, "Limit.Depth"),
    Limit("ODATA_MAX_LIST_ITEMS", "10", f"Message?$filter=id in ({lists(10)})&$top=1", f"Message?$filter=id in ({lists(11)})&$top=1", 400,
          "Limit.Nodes"),
    Limit("ODATA_MAX_LIST_ITEMS", "10", f"Message?$filter=id in ({lists(9)},null)&$top=1", f"Message?$filter=id in ({lists(10)},null)&$top=1",
          400, "Limit.Nodes"),
    Limit("ODATA_MAX_LIST_ITEMS", "10", f"Message?$filter=id in @l&@l=[{lists(10)}]&$top=1", f"Message?$filter=id in @l&@l=[{lists(11)}]&$top=1",
          400, "Limit.Nodes"),
)  # fmt: skip


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit.setting}-{len(limit.within)}")
async def test_t22_a_limit_refuses_what_is_beyond_it_and_names_its_setting(reader_dsn, limit):
    async with inside(reader_dsn, **{limit.setting: limit.value}) as gateway:
        within, beyond = await gateway.ask(limit.within), await gateway.ask(limit.beyond)
    assert within.status == 200, within.body
    assert (beyond.status, beyond.code) == (limit.status, limit.code), beyond.body[:500]
    assert names(limit.setting, beyond.body), beyond.body
    async with inside(reader_dsn) as gateway:
        assert (await gateway.ask(limit.beyond)).status == 200, "the setting does not move it"


def test_t22_a_statement_that_runs_too_long_names_its_setting(gateways, scratch_dsn, scratch_reader_dsn):
    """A lock holds the statement up for longer than it may run."""
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_STATEMENT_TIMEOUT_S="0.3")

    async def locked() -> None:
        connection = await asyncpg.connect(scratch_dsn)
        async with connection.transaction():
            await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
            reply = await asyncio.to_thread(gateway.get, "Message?$top=1")
            assert (reply.status, reply.json()["error"]["code"]) == (504, "Db.Timeout")
            assert names("ODATA_STATEMENT_TIMEOUT_S", reply.body)
        await connection.close()

    asyncio.run(locked())
    assert gateway.get("Message?$top=1").status == 200


def test_t22_a_product_of_all_sets_holds_up_nothing_longer_than_a_statement_may_run(gateways, reader_dsn):
    """A billion rows in an order that no index has: Postgres is stopped, and its connection serves others."""
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_STATEMENT_TIMEOUT_S="1", ODATA_POOL_MAX="2")
    product = "$crossjoin(Message,Conversation,User,Label,Inbox)"
    for target in (
        f"{product}?$orderby=Inbox/name,Message/content&$top=3",
        f"{product}/$count?$filter=Message/id ne Conversation/id or User/id eq 1",
    ):
        reply = gateway.get(target)
        assert (reply.status, reply.json()["error"]["code"]) == (504, "Db.Timeout"), reply.body
    assert gateway.get("Message?$top=1").status == 200


def test_t22_urls_and_bodies_that_are_too_long_name_their_settings_over_http(gateways, reader_dsn):
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_MAX_URL_BYTES="300", ODATA_MAX_BODY_BYTES="100", ODATA_READ_TIMEOUT_S="5")
    for size in (400, 5000, 50_000):
        reply = gateway.get("Message?x=" + "a" * size)
        assert (reply.status, reply.json()["error"]["code"]) == (414, "Limit.Url"), reply.body
        assert names("ODATA_MAX_URL_BYTES", reply.body)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {tokens.ADMIN}"}
    reply = gateway.ask("POST", "/v1.0/odata/$batch", headers, b"x" * 101)
    assert (reply.status, reply.json()["error"]["code"]) == (413, "Limit.Body"), reply.body
    assert names("ODATA_MAX_BODY_BYTES", reply.body)


async def test_t22_a_page_is_never_larger_than_its_setting_and_says_so(reader_dsn):
    """More than the setting is no error: a preference may be met in part, and the answer tells how far (Protocol 8.2.8.5)."""
    async with inside(reader_dsn, ODATA_PAGE_ROWS="7", ODATA_MAX_PAGE_ROWS="20") as gateway:
        assert len((await gateway.ask("Message?$select=id")).json()["value"]) == 7
        for asked, got in ((5, 5), (20, 20), (21, 20), (2**31 - 1, 20)):
            answer = await gateway.ask("Message?$select=id", headers={"Prefer": f"odata.maxpagesize={asked}"})
            assert len(answer.json()["value"]) == got and "@odata.nextLink" in answer.json()
        assert len((await gateway.ask("Message?$select=id&$top=100")).json()["value"]) == 7


@pytest.mark.parametrize("most", [2, 4])
async def test_t22_one_request_too_many_of_a_token_names_its_setting(gateways, cluster, scratch, scratch_reader_dsn, most):
    """`most` requests hang at a lock and are within the limit; one more is refused at once, and another caller's is not."""
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_MAX_TOKEN_REQUESTS=str(most))
    locker, watcher = [await asyncpg.connect(cluster.dsn(database=scratch)) for _ in range(2)]
    async with locker.transaction():
        await locker.execute("LOCK TABLE labels IN ACCESS EXCLUSIVE MODE")
        within = [asyncio.create_task(ask(gateway.port, other_data("Label"))) for _ in range(most)]
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"
        async with asyncio.timeout(10):
            while await watcher.fetchval(waiting, scratch) < most:
                await asyncio.sleep(0.02)
        beyond = await ask(gateway.port, data("Inbox"))
        other = await ask(gateway.port, data("Inbox"), tokens.OTHER_ADMIN)
    await locker.close()
    await watcher.close()
    assert {outcome.status for outcome in await asyncio.gather(*within)} == {200}
    assert (beyond.status, other.status) == (429, 200)
    assert b'"Limit.Requests"' in beyond.body and names("ODATA_MAX_TOKEN_REQUESTS", beyond.body)
    assert b"\r\nretry-after: " in beyond.head.lower()
    assert (await ask(gateway.port, data("Inbox"))).status == 200


@pytest.mark.parametrize("most", [2, 3])
def test_t22_a_batch_with_one_part_too_many_names_its_setting(gateways, reader_dsn, most):
    gateway = gateways(ODATA_DSN=reader_dsn, ODATA_MAX_BATCH_PARTS=str(most))
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {tokens.ADMIN}"}

    def batch(parts: int) -> tuple[int, bytes]:
        requests = [{"id": str(number), "method": "get", "url": "Label/$count"} for number in range(parts)]
        reply = gateway.ask("POST", "/v1.0/odata/$batch", headers, json.dumps({"requests": requests}).encode())
        return reply.status, reply.body

    assert batch(most)[0] == 200
    status, body = batch(most + 1)
    assert (status, json.loads(body)["error"]["code"]) == (413, "Limit.Parts"), body
    assert names("ODATA_MAX_BATCH_PARTS", body)


BY_TESTS = {
    "ODATA_MAX_BATCH_PARTS": test_t22_a_batch_with_one_part_too_many_names_its_setting,
    "ODATA_MAX_BODY_BYTES": test_t22_urls_and_bodies_that_are_too_long_name_their_settings_over_http,
    "ODATA_MAX_PAGE_ROWS": test_t22_a_page_is_never_larger_than_its_setting_and_says_so,
    "ODATA_MAX_TOKEN_REQUESTS": test_t22_one_request_too_many_of_a_token_names_its_setting,
    "ODATA_STATEMENT_TIMEOUT_S": test_t22_a_statement_that_runs_too_long_names_its_setting,
}
"""Limits that need more than one request each."""


def test_t22_every_limit_is_tried():
    """A setting that begins with MAX is a limit, and so is the time of a statement."""
    named = {setting.variable for setting in SETTINGS if setting.name.startswith("max_")} | {"ODATA_STATEMENT_TIMEOUT_S"}
    tried = {limit.setting for limit in LIMITS} | BY_TESTS.keys()
    assert named == tried, named ^ tried
    record("T22", "limits that name their setting", len(tried), at_least=len(named))
