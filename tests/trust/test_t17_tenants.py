"""T17: an administrator of one account and ten thousand hostile queries: no foreign row, and no answer changes when foreign rows change.

tests/live/test_tenants.py asks the real program a few hundred of them; test_t17_row_security.py shows row-level security alone.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any

import asyncpg
import jwt
import pytest
from odata_gateway.demo import tokens
from tests.harness.attacker import Attacker
from tests.harness.figures import amount, record
from tests.harness.gateway import Reply
from tests.harness.inside import Answer, Inside, in_step, inside
from tests.harness.issuer import SECRET, claims
from tests.harness.sample import DatabaseDsns
from tests.harness.ways import WAYS, Way, way_of
from tests.live.test_tenants import ATTACKS, CHANGES, Walls
from tests.oracle.evaluator import World

QUERIES = amount(10_000, 50_000)


def digest(answer: Answer) -> bytes:
    return hashlib.sha256(repr((answer.status, answer.headers, answer.broken)).encode() + answer.body).digest()


def queries(gateway: Inside, world: World, visible: dict[str, set[int]]) -> list[tuple[str, Way]]:
    """The known attacks in each way, and generated ones in any."""
    known = [(text, way) for text in ATTACKS for way in WAYS]
    made = (Attacker(f"t17 {n}", world, visible, gateway.service.compiler).query() for n in range(QUERIES - len(known)))
    return known + [(text, way_of(number)) for number, text in enumerate(made)]


def look(walls: Walls, foreign: frozenset[str], text: str, answer: Answer, *, whole: bool) -> None:
    """No entity that is foreign, and no value; every tenth answer is searched for parts of values too, which takes ten times as long."""
    reply = Reply(answer.status, {name.lower(): value for name, value in answer.headers}, answer.body)
    if whole:
        walls.check(text, reply)
    elif answer.status == 200 and answer.body.startswith(b"{"):
        walls.check_entities(text, reply.json())
        assert foreign.isdisjoint(strings(reply.json())), text
    else:
        assert answer.status >= 400 or answer.body.decode() not in foreign, text


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from strings(item)
        case dict():
            yield from strings(list(value.values()))


JSON_WEB_TOKEN = jwt.encode(claims(role=None, accounts=[1]), SECRET, "HS256")
BY_CLAIM = {"ODATA_JWT_SECRET": SECRET, "ODATA_JWT_ROLE": "none", "ODATA_ACCOUNTS_CLAIM": "accounts"}
"""The accounts of the same administrator, in a claim."""


@pytest.mark.parametrize(
    ("token", "settings"), [(tokens.ADMIN, {}), (JSON_WEB_TOKEN, BY_CLAIM)], ids=["Live Agent's token", "JSON Web Token"]
)
def test_t17_no_foreign_row_and_no_change_when_foreign_rows_change(scratch_reader_dsn, scratch_dsn, world, views, token, settings):
    walls = Walls.around(views[tokens.ADMIN])
    asyncio.run(_attack(DatabaseDsns(scratch_reader_dsn, scratch_dsn), world, walls, token, settings))


async def _attack(database: DatabaseDsns, world: World, walls: Walls, token: str, settings: dict[str, str]) -> None:
    statuses: dict[int, int] = {}
    foreign = frozenset(walls.foreign)

    async with inside(database.reader, ODATA_PAGE_ROWS="5", **settings) as gateway:
        asked = queries(gateway, world, walls.visible)

        async def ask(text: str, way: Way, *, checked: bool) -> bytes:
            answer = await gateway.ask(text, token, way=way)
            if checked:
                assert answer.status < 500 or answer.status == 501, (text, way, answer.body)
                look(walls, foreign, text, answer, whole=len(statuses) == 0 or sum(statuses.values()) % 10 == 0)
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
            return digest(answer)

        before = await in_step([lambda pair=pair: ask(*pair, checked=True) for pair in asked], width=3)
        connection = await asyncpg.connect(database.owner)
        await connection.execute(CHANGES)
        await connection.close()
        after = await in_step([lambda pair=pair: ask(*pair, checked=False) for pair in asked], width=3)
    changed = [pair for pair, one, other in zip(asked, before, after, strict=True) if one != other]
    record("T17", "hostile queries", len(asked), how="sum", at_least=10_000)
    record("T17", "answers with a foreign row", 0, how="sum", at_most=0)
    record("T17", "answers that changed with foreign rows", len(changed), how="sum", at_most=0)
    assert not changed, (len(changed), changed[:10])
    assert statuses[200] > QUERIES / 3, statuses


FAULTS = (
    "User?$filter=1 div (id sub {0}) eq 5", "User?$filter=id eq {0} and 1 div (id sub {0}) eq 5", "User/$count?$filter=1 mod (id sub {0}) eq 5",
    "User?$filter=id eq {0} and 1 div case(startswith(name,'C'):0,true:1) eq 7", "Message?$filter=1 div (sender/id sub {0}) eq 5",
    "Conversation?$filter=assignee/id eq {0} and 1 div (assignee/id sub {0}) eq 5", "Inbox?$filter=members/any(u:1 div (u/id sub {0}) eq 5)",
    "User?$filter=id eq {0} and substring(name,case(id eq {0}:-1,true:0)) eq 'x'", "User?$compute=1 div (id sub {0}) as x&$filter=x eq 7",
    "Inbox?$filter=members/$count($filter=1 div (id sub {0}) eq 5) gt 0", "Inbox?$expand=members($filter=1 div (id sub {0}) eq 5)",
    "User?$filter=cast(id add 9223372036854775807 sub {0},Edm.Int64) eq 1", "Conversation?$filter=inbox/members/any(u:1 div (u/id sub {0}) eq 5)",
)  # fmt: skip


@pytest.mark.parametrize("token", [tokens.ADMIN, tokens.BOTH_ADMIN])
@pytest.mark.parametrize("text", FAULTS)
async def test_t17_no_error_tells_of_a_foreign_row(reader_dsn, views, text, token):
    """Postgres may compute a condition before it looks at the row policy; a fault for user 9 would say that there is a user 9."""
    seen = {row.id for row in views[token].rows["User"]}
    foreign = [row.id for row in views[token].world.rows["User"] if row.id not in seen]
    async with inside(reader_dsn) as gateway:
        missing = await gateway.ask(text.format(7_654_321), token)
        assert missing.status == 200, missing.body
        for user in foreign:
            answer = await gateway.ask(text.format(user), token)
            assert answer.status == missing.status, (text.format(user), answer.body)


async def test_t17_an_own_row_still_fails(reader_dsn):
    """What fails for a row the caller sees is a 400 as before."""
    async with inside(reader_dsn) as gateway:
        for text in FAULTS[:4]:
            assert (await gateway.ask(text.format(1).replace("'C'", "''"))).code == "Db.Value", text
