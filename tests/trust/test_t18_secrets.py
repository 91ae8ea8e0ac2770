"""T18: nothing tells anything about a secret column: every clause, format and error, asked with one set of secrets and again with another.

The second set differs in every value, and in what is null and how long it is. All answers, headers and errors included, are the same byte for byte,
and none holds a secret of either set. tests/live/test_secrets.py says how each clause is refused, and looks into the log.
"""

from __future__ import annotations

import asyncio
from random import Random

import asyncpg
from odata_gateway.demo import tokens
from tests.harness.figures import amount, record
from tests.harness.hostile import Hostile
from tests.harness.inside import Answer, Inside, in_step, inside
from tests.harness.sample import DatabaseDsns
from tests.harness.ways import WAYS, Way, way_of
from tests.live.test_secrets import REFUSED, SECRETS, SHOWN
from tests.oracle.evaluator import KINDS

DATABASE = "t18_secrets"
MUTATED = amount(1_500, 50_000)
CANARY = "CANARY"

# {s} is a secret property. What tests/live/test_secrets.py does not ask.
FURTHER = (
    "User?$apply=groupby(({s}))", "User?$apply=aggregate({s} with max as m)", "User?$apply=filter({s} eq 'x')", "User?$search={s}", "User?$search=CANARY",
    "User?$filter=isof({s},Edm.Int32)", "User?$filter=cast({s},Edm.Int32) eq 1", "User?$filter=cast({s},Edm.Date) lt now()", "User?$filter={s} has 'x'",
    "User?$filter={s}/$count gt 0", "User?$filter={s}/any(x:x eq 'a')", "User?$filter={s}/x eq 1", "User?$filter=@p&@p={s} ne null",
    "User?$filter=id in ({s},1)", "User?$filter=case(true:{s}) eq 'a'", "User?$filter=1 div length({s}) eq 1", "User?$filter={s} in @p&@p=['CANARY1']",
    "User?$filter=substring({s},-1) eq 'x'", "User?$filter=matchesPattern({s},'a')", "User?$filter=$this/{s} eq 'x'", "User?$filter=$root/User(1)/{s} eq 'x'",
    "User?$orderby=@p&@p={s}", "User?$orderby={s} asc,id", "User?$compute={s} as id", "User?$compute=concat({s},{s}) as x&$orderby=x",
    "User?$expand={s}($select=id)", "User?$expand=inboxes($filter=$it/{s} eq 'x')", "User?$select={s}/x", "User?$select={s}($top=1)",
    "User({s}='CANARY')", "User('CANARY')", "User(1)/{s}/$count", "User(1)/{s}/$ref", "User(1)/{s}?$filter=true", "User(1)/{s}/length()",
    "User?$format=application/json;odata.metadata=full&$select={s}", "User(1)/{s}?$format=application/json;odata.metadata=full",
    "User?$skiptoken=WzAsNSxbIkNBTkFSWSJdXQ.0123456789abcdef&$orderby={s}", "User?{s}=CANARY", "User?@p={s}", "$metadata#User({s})",
    "Inbox(1)/members?$filter={s} gt ''", "Inbox(1)/members/$count?$filter={s} gt ''", "Conversation(1)/assignee?$select={s}", "User/$ref?$orderby={s}",
    "Message?$expand=sender($compute={s} as x)", "Message?$expand=sender($select={s};$expand=inboxes)", "Message?$orderby=sender/{s},id&$top=3",
    "Conversation?$filter=assignee/{s} eq inbox/name", "User?$filter={s} eq null or {s} ne null", "User?$filter=not ({s} ne null)",
    "User?$top=1&$filter=contains({s},'%')", "User?$filter={s} add 1 gt 0", "User?$filter=-{s} eq 1", "User?$filter=concat('a',{s}) in ('aCANARY')",
    "$entity?$id=User(1)/{s}", "$entity/LiveAgent.User?$id=User(1)&$select={s}", "$crossjoin(User,Inbox)?$filter=User/{s} eq Inbox/name",
    "$all?$search=CANARY", "$all/LiveAgent.User?$filter={s} ne null", "$all/LiveAgent.User?$select={s}", "$all?$top=999",
    "$crossjoin(User,Inbox)?$orderby=User/{s}&$expand=*", "$crossjoin(User,Inbox)?$expand=User($select={s},id)&$top=40", "$crossjoin(User)?$search={s}",
    "$crossjoin(User,Inbox)/$count?$filter=$it/User/{s} ne null", "$crossjoin(User,Inbox)?$compute=User/{s} as x", "User/$filter({s} eq 'x')",
    "User?$count=true&$top=0&$filter={s} eq 'CANARY1'", "User(1)/LiveAgent.User/{s}", "User?$index={s}", "User?$levels={s}", "User?$deltatoken={s}",
)  # fmt: skip
ELSEWHERE = (
    "", "$metadata", "$metadata?$format=json", "?$format=application/json;odata.metadata=full", "access_tokens", "AccessToken", "User(1)/access_tokens",
    "User?$expand=access_tokens", "User?$filter=access_tokens/any(t:t/token eq 'x')", "User?$select=token", "User?$filter=token ne null", "User?$orderby=token",
)  # fmt: skip
HEADERS = ({}, {"Accept": "application/json;odata.metadata=full"}, {"OData-MaxVersion": "4.01", "Prefer": "include-annotations=\"*\""})  # fmt: skip

SET = """UPDATE users SET encrypted_password = {0} || repeat('x', {2}), reset_password_token = {1}, confirmation_token = {1},
         tokens = ('{{"' || {0} || '": 1}}')::json, pubsub_token = {1}"""


Asked = tuple[str, dict[str, str], Way]


def requests() -> list[Asked]:
    """Every clause with every secret, in every format, and mutations of them; each also in another way than as a URL."""
    clauses = [text.format(s=secret) for text in (*REFUSED.values(), *SHOWN.values(), *FURTHER) for secret in SECRETS]
    clauses += [f"User(1)/{secret}{tail}" for secret in SECRETS for tail in ("", "/$value")]
    texts = (*clauses, *ELSEWHERE)
    found: list[Asked] = [(text, headers, "url") for text in texts for headers in HEADERS]
    found += [(text, {}, WAYS[1 + number % 3]) for number, text in enumerate(texts)]
    return found + [(_mutated(number, clauses), {}, way_of(number)) for number in range(MUTATED)]


def _mutated(number: int, clauses: list[str]) -> str:
    """A clause with one piece of a hostile request in the middle."""
    chance = Random(f"t18 {number}")
    text, other = chance.choice(clauses), Hostile(f"t18 {number}").request()[0][:60]
    at = chance.randrange(len(text))
    return text[:at] + chance.choice((other[: chance.randrange(1, 12)], "(", ")", "'", " or ", " and ", ",", "/", "desc")) + text[at:]


async def set_secrets(dsn: str, *, first: bool) -> None:
    connection = await asyncpg.connect(dsn)
    name = "'CANARY' || id" if first else "'other-CANARY-' || md5(id::text)"
    sometimes = name if first else f"CASE WHEN id % 2 = 0 THEN {name} END"
    await connection.execute(SET.format(name, sometimes, "0" if first else "(id % 50)::int"))
    await connection.execute(f"UPDATE access_tokens SET token = {name} || id WHERE token NOT LIKE 'demoAdminOfAccountOne%'")
    await connection.close()


def shown(answer: Answer) -> bytes:
    return repr((answer.status, answer.headers, answer.broken)).encode() + answer.body


async def _ask(gateway: Inside, asked: list[Asked]) -> list[bytes]:
    async def one(text: str, headers: dict[str, str], way: Way) -> bytes:
        answer = await gateway.ask(text, tokens.ADMIN, headers, way)
        assert answer.status < 500 or answer.status == 501, (text, answer.body)
        return shown(answer)

    return await in_step([lambda request=request: one(*request) for request in asked], width=3)


def test_t18_no_answer_depends_on_a_secret_or_holds_one(database):
    asyncio.run(_compare(database))


async def _compare(database: DatabaseDsns) -> None:
    asked = requests()
    await set_secrets(database.owner, first=True)
    async with inside(database.reader, ODATA_PAGE_ROWS="30", ODATA_TOKEN_TTL_S="30") as gateway:
        before = await _ask(gateway, asked)
        await set_secrets(database.owner, first=False)
        after = await _ask(gateway, asked)
    for (text, headers, way), one, other in zip(asked, before, after, strict=True):
        assert one == other, (text, headers, way, one[:500], other[:500])
        for value in (f"{CANARY}1", f"{CANARY}2", "other-CANARY-"):
            assert value.encode() not in one or value in text, (text, one[:500])
    record("T18", "requests with the same answer whatever the secrets", len(asked), how="sum", at_least=len(asked))


def test_t18_every_secret_column_is_asked_for():
    """Columns that hold credentials are secret in the model, and each is in the table of clauses."""
    assert set(SECRETS) == {name for kinds in KINDS.values() for name, kind in kinds.items() if kind == "secret"}
    assert {"encrypted_password", "reset_password_token", "confirmation_token", "tokens", "pubsub_tokens"} <= set(SECRETS)
