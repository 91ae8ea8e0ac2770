"""Hostile queries: an administrator of account 1 asks for the rows of accounts 2 and 3 in every way there is, and learns nothing.

Three looks at each answer. Rows: every entity in it is one that the oracle says the caller sees. Text: nothing that only foreign rows hold. Change:
the answer is the same, byte for byte, after every foreign row was changed, because an answer may leak without showing a row.

All of it three times: with the gateway's own row policy, with Postgres's row-level security behind it, and with row-level security alone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from tests.harness import tokens
from tests.harness.cluster import SQL_FOLDER, Cluster
from tests.harness.gateway import Gateway, Reply, start_gateway
from tests.harness.sample import copied
from tests.oracle import evaluator as oracle
from tests.oracle.evaluator import KINDS, NAVIGATION, View
from tests.oracle.queries import Maker, target

TYPES = tuple(KINDS)
POLICIES = {
    "policy": ("odata_gateway", "false"),
    "policy and rls": ("odata_gateway", "true"),
    "rls": ("tests.harness.without_row_policy", "true"),
}
"""The walls that stand: the program, and whether it has row-level security behind it."""

# Conversation 3 and user 3, inbox 6, label 12 are account 2's; conversation 10, inbox 10, labels 15 and 16, user 9 account 3's;
# label 18 nobody's; user 5 is in no account, user 7 left account 1, user 6 is in both.
ATTACKS = (
    # conditions that try to widen the row policy
    "Message?$filter=true",
    "Message?$filter=1 eq 1 or account_id eq 2",
    "Message?$filter=account_id eq 2",
    "Message?$filter=account_id ne 1",
    "Message?$filter=account_id in (2,3)",
    "Message?$filter=not (account_id eq 1)",
    "Message?$filter=id eq 1) or (account_id eq 2",
    "Message?$filter=content eq 'x') or ('1' eq '1'",
    "Message?$filter=content eq 'x'' or 1=1 --'",
    "Message?$filter=contains(content,'foreign')",
    "Message?$filter=account_id eq 1 or true&$orderby=account_id desc",
    "Conversation?$filter=false or true or account_id eq 3",
    "Conversation?$filter=account_id gt 1&$count=true&$top=0",
    "Conversation?$filter=uuid eq '74b8eddc-3c4b-fb29-fd4b-a5d1b4c8b4ed' or id eq 3",
    "User?$filter=id in (3,5,7,9,28,29,30,999)",
    "User?$filter=startswith(name,'foreign') or email eq 'user9@cognigy.example'",
    "User?$filter=true or false&$orderby=id desc",
    "Inbox?$filter=name eq 'foreign inbox' or account_id eq 3",
    "Label?$filter=account_id eq null",
    "Label?$filter=description eq 'foreign label' or description eq 'belongs to nobody'",
    "Label?$filter=account_id eq 9007199254740993 or true",
    # keys and paths
    "Message(2)",
    "Message(9)",
    "Conversation(3)",
    "Conversation(10)",
    "Conversation(id=10)",
    "Conversation/10",
    "Conversation(10)/messages",
    "Conversation(10)/messages/$count",
    "Conversation(10)/inbox",
    "Conversation(10)/inbox/name",
    "Conversation(10)/status/$value",
    "Conversation(10)/$ref",
    "Conversation(10)/labels",
    "Conversation(3)/assignee/email",
    "Conversation(43)/assignee",
    "Conversation(89)/inbox",
    "Inbox(10)",
    "Inbox(10)/members",
    "Inbox(1)/members",
    "Inbox(1)/members(3)",
    "Inbox(2)/members(7)",
    "Inbox(6)/conversations(89)",
    "Label(12)",
    "Label(18)",
    "Label(9007199254740993)",
    "Label(15)/conversations",
    "Label(1)/conversations",
    "Label(1)/conversations(3)",
    "User(3)",
    "User(5)",
    "User(7)",
    "User(9)",
    "User(9)/inboxes",
    "User(6)/messages",
    "User(6)/assigned_conversations",
    "User(4)/inboxes",
    "User(4)/messages/$count",
    "Conversation(1)/messages(9)",
    "Conversation(1)/inbox/conversations(3)",
    "$entity?$id=Conversation(10)",
    "$entity?$id=User(9)",
    "Message(991)/conversation",
    "Message(1982)/conversation/messages",
    # lambdas, paths and counts as oracles
    "Conversation?$filter=messages/any(m:m/account_id eq 2)",
    "Conversation?$filter=messages/any(m:contains(m/content,'foreign'))",
    "Conversation?$filter=not messages/all(m:m/account_id eq 1)",
    "Conversation?$filter=assignee/id eq 3",
    "Conversation?$filter=assignee/id in (3,6,7,9)",
    "Conversation?$filter=startswith(assignee/email,'user3@')",
    "Conversation?$filter=assignee ne null and assignee/name eq 'Cleo Zwei'",
    "Conversation?$filter=inbox/account_id ne 1 and inbox ne null",
    "Conversation?$filter=inbox/name eq 'Cyberdyne Chat'",
    "Conversation?$filter=labels/any(l:l/account_id ne 1)",
    "Conversation?$filter=labels/any(l:l/description eq 'foreign label' or l/description eq 'belongs to nobody')",
    "Conversation?$filter=inbox/members/any(u:u/id eq 3)",
    "Conversation?$filter=assignee/assigned_conversations/any(c:c/account_id ne 1)",
    "Conversation?$filter=inbox/members/any(u:u/inboxes/any(b:b/account_id eq 2))",
    "Inbox?$filter=members/any(u:u/messages/any(m:m/conversation/account_id eq 2))",
    "Inbox?$filter=members/$count gt 0&$orderby=members/$count desc",
    "User?$filter=inboxes/any(b:b/id ge 6 and b/id ne 12)",
    "User?$filter=messages/any(m:m/account_id eq 3)",
    "User?$filter=assigned_conversations/$count gt 5&$orderby=messages/$count desc",
    "User?$filter=assigned_conversations/any(c:c/messages/any(m:m/sender/id eq 9))",
    "Label?$filter=conversations/any(c:c/account_id eq 2)",
    "Conversation/$filter(account_id ne 1)",
    "Conversation/$filter(true)(10)",
    "Conversation/$filter(id eq 10)(10)/messages/$count",
    "User/$filter(assigned_conversations/any(c:c/account_id ne 1))/$count",
    "Label?$filter=$root/Conversation(10) ne null",
    "Label?$filter=$root/User(3)/name ne null or $root/User(9)/inboxes/any()",
    "Label?$filter=$root/Conversation(10)/messages/$count gt 0 or $root/Conversation(10)/inbox ne null",
    "Label?$filter=$root/Conversation/any(c:c/account_id ne 1)",
    "Label?$filter=$root/User/any(u:u/id eq 3) or $root/User/$filter(id eq 9)/$count gt 0",
    "Message?$orderby=$root/Inbox(10)/name,id&$top=5",
    "Conversation?$expand=assignee($expand=inboxes($filter=account_id ne $it/account_id))",
    "Inbox(1)?$expand=*($levels=2)",
    "Label?$filter=conversations/$count ge 1&$orderby=conversations/$count desc",
    "Message?$filter=sender/id in (3,6,7,9)",
    "Message?$filter=sender/name eq 'Cleo Zwei' or sender/email eq 'user7@cognigy.example'",
    "Message?$filter=conversation/account_id ne 1 and conversation ne null",
    "Message?$filter=conversation/assignee/inboxes/any(b:b/account_id ne 1)",
    "Message?$filter=conversation eq null",
    # order
    "Conversation?$orderby=assignee/email&$select=id",
    "Conversation?$orderby=inbox/name desc,assignee/sign_in_count&$select=id",
    "Message?$orderby=sender/name desc&$select=id&$top=900",
    "User?$orderby=messages/$count,inboxes/$count,assigned_conversations/$count",
    # expand
    "Conversation?$expand=*&$top=100",
    "Conversation?$filter=id in (43,89,97,1)&$expand=assignee,inbox,messages,labels",
    "Inbox?$expand=members($expand=inboxes($expand=members)),messages($top=3),conversations($top=3)",
    "Inbox?$expand=members($filter=id eq 3 or true;$orderby=id desc)",
    "Inbox?$expand=members/$count,members/$ref",
    "Inbox?$expand=members/$count",
    "Inbox?$expand=members/$ref",
    "User?$expand=inboxes,assigned_conversations($top=5;$count=true),messages($top=5;$count=true)",
    "User?$expand=messages($filter=account_id ne 1;$count=true),assigned_conversations($filter=account_id ne 1)",
    "Label?$expand=conversations($filter=account_id ne 1 or true;$top=20;$count=true)",
    "Message?$filter=id in (991,1982,983,997,2973)&$expand=conversation($expand=messages),inbox,sender",
    "Message?$expand=sender($expand=messages($filter=account_id ne 1),assigned_conversations)&$top=50",
    # counts
    "Message/$count",
    "User/$count",
    "Label/$count",
    "Message/$count?$filter=account_id ne 1",
    "Message/$count?$filter=contains(content,'foreign') or conversation/account_id ne 1",
    "Conversation?$count=true&$top=1",
    "Conversation/$count?$filter=messages/$count eq 0",
    "User/$count?$filter=messages/$count gt 0",
    # references, computed values
    "User/$ref",
    "Conversation(10)/messages/$ref",
    "Conversation?$compute=messages/$count as n&$select=id,n&$orderby=n desc",
    "User?$compute=assigned_conversations/$count as n&$filter=n gt 0&$select=id,n",
    "Conversation?$filter=@a&@a=account_id ne 1",
    # rows made of rows
    "Message?$apply=aggregate($count as n,id with max as last,account_id with countdistinct as accounts)",
    "Message?$apply=groupby((conversation,sender),aggregate($count as n))",
    "Message?$apply=groupby((conversation/inbox,account_id))&$orderby=conversation/inbox/name desc&$expand=conversation($expand=inbox($expand=members))",
    "Message?$apply=groupby((conversation))/aggregate(conversation/labels/$count as l,conversation/messages/content with max as m)",
    "User?$apply=groupby((id),aggregate(messages/$count as n,inboxes/name with max as last,assigned_conversations/account_id with max as a))",
    "User?$expand=messages($apply=aggregate($count as n,content with max as last)),inboxes($apply=groupby((account_id)))",
    "User?$expand=assigned_conversations($apply=join(messages as m)/groupby((m,account_id));$expand=m($expand=sender))",
    "User?$apply=join(messages as m)/groupby((m/account_id),aggregate($count as n,m/content with max as last))",
    "User?$apply=outerjoin(assigned_conversations as c,aggregate($count as n,uuid with max as last))&$expand=c",
    "Inbox?$apply=outerjoin(members as u)/filter(u eq null or u/id gt 0)&$select=id&$expand=u",
    "Label?$apply=join(conversations as c,filter(true or account_id eq 2)/topcount(3,id))&$expand=c($expand=messages($apply=topcount(1,id)))",
    "Conversation?$apply=concat(join(messages as m)/top(9),groupby((rollup(account_id,inbox)),aggregate($count as n)))&$expand=*",
    # other tables of the database
    "access_tokens",
    "account_users",
    "Account",
    "User(1)/account_users",
    "User?$select=account_users",
    "Conversation?$filter=account_users/any()",
    "Conversation?$expand=taggings",
    "Conversation?$filter=taggings/any(t:t/tag_id eq 14)",
    "Conversation?$orderby=account/name",
    "Label?$filter=tags/taggings_count gt 1",
)


def get(gateway: Gateway, text: str, token: str = tokens.ADMIN) -> Reply:
    """The answer to a target in which only blanks are not encoded."""
    return gateway.get(text, token=token)


BEGINNING = 10
"""Characters of a text's beginning; a shorter text is not looked for."""


@dataclass(frozen=True)
class Walls:
    """What may stand in an answer to a caller, and what may not.

    beginnings  the foreign texts, each as it is and as JSON has it, by their first characters: an answer is searched for these
    """

    visible: dict[str, set[int]]
    foreign: list[str]
    beginnings: dict[str, list[tuple[str, str]]]

    @classmethod
    def around(cls, view: View) -> Walls:
        visible = {entity: {row.id for row in rows} for entity, rows in view.rows.items()}
        shared = {v for rows in view.rows.values() for row in rows for v in row.values.values() if isinstance(v, str)}
        shared_text = "\n".join(shared)
        foreign = {
            v
            for entity, rows in view.world.rows.items()
            for row in rows
            if row.id not in visible[entity]
            for v in row.values.values()
            if isinstance(v, str) and len(v) >= BEGINNING and v not in shared_text
        }
        beginnings: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for text in foreign:
            for form in (text, json.dumps(text, ensure_ascii=False)[1:-1]):
                beginnings[form[:BEGINNING]].append((form, text))
        return cls(visible, sorted(foreign), beginnings)

    def check(self, text: str, reply: Reply) -> None:
        body = reply.body.decode()
        asked = f"{text} {json.dumps(text)}"
        for beginning in self.beginnings.keys() & {body[at : at + BEGINNING] for at in range(len(body))}:
            for form, value in self.beginnings[beginning]:
                assert form not in body or value in asked, (text, value)
        if reply.status == 200 and reply.headers["content-type"].startswith("application/json"):
            self.check_entities(text, reply.json())

    def check_entities(self, text: str, value: Any) -> None:
        """Every object with an account is of account 1; every id in a link is of a visible entity."""
        if isinstance(value, list):
            for item in value:
                self.check_entities(text, item)
        elif isinstance(value, dict):
            assert value.get("account_id", 1) == 1, (text, value)
            if "pubsub_tokens" in value:
                assert value["id"] in self.visible["User"], (text, value)
            for name, member in value.items():
                if name.endswith("@odata.id") or name.endswith("Link"):
                    for entity, key in re.findall(r"\b([A-Z][a-z]+)\((\d+)\)", str(member).partition("?")[0]):
                        assert int(key) in self.visible[entity], (text, member)
                self.check_entities(text, member)


@pytest.fixture(scope="module", params=POLICIES)
def policy(request: pytest.FixtureRequest) -> str:
    return request.param


@contextmanager
def guarded(cluster: Cluster, reader_url: Callable[[str], str], policy: str, **settings: str) -> Iterator[tuple[Gateway, str]]:
    """A gateway with these walls over a database of its own, and that database's name."""
    module, rls = POLICIES[policy]
    with copied(cluster, f"tenants_{next(_numbers)}") as name:
        if rls == "true":
            cluster.psql(name, f"\\i {SQL_FOLDER / 'rls.sql'}")
        with start_gateway(module=module, ODATA_DSN=reader_url(name), ODATA_RLS=rls, **settings) as running:
            yield running, name


_numbers = itertools.count()


@pytest.fixture(scope="module")
def gateway(cluster: Cluster, reader_url: Callable[[str], str], policy: str) -> Iterator[Gateway]:
    with guarded(cluster, reader_url, policy, ODATA_PAGE_ROWS="1000") as (running, _):
        yield running


@pytest.fixture(scope="module")
def walls(views: dict[str, View]) -> Walls:
    return Walls.around(views[tokens.ADMIN])


def test_the_walls_know_foreign_texts(walls):
    assert any("foreign message" in text for text in walls.foreign) and len(walls.foreign) > 500
    assert len(ATTACKS) >= 60


@pytest.mark.parametrize("text", ATTACKS)
def test_no_row_and_no_text_of_another_account_is_in_an_answer(gateway, walls, text):
    reply = get(gateway, text)
    assert reply.status in (200, 204, 400, 404, 501), reply.body
    walls.check(text, reply)


@pytest.mark.parametrize("number", range(150))
def test_generated_queries_show_no_row_of_another_account(gateway, world, walls, number):
    maker = Maker(f"tenants {number}", world)
    type_ = TYPES[number % len(TYPES)]
    text = target(maker.expanded(type_) if number % 2 else maker.query(type_, 2))
    reply = get(gateway, text)
    assert reply.status == 200, (text, reply.body[:500])
    walls.check(text, reply)


# --- foreign and missing ------------------------------------------------------------------------------------------------------


def bare(reply: Reply) -> tuple[int, Any, bytes]:
    """An answer without what differs between two equal requests; how a body is framed follows from how long its rows took."""
    changing = ("date", "x-request-id", "request-id", "content-length", "transfer-encoding")
    headers = {k: v for k, v in reply.headers.items() if k not in changing}
    return reply.status, headers, re.sub(rb'"request_id":"[^"]*"', b"", reply.body)


FOREIGN_KEYS = {
    "Message": (2, 10, 3),
    "Conversation": (3, 10, 5),
    "Inbox": (6, 10, 11),
    "Label": (12, 15, 16, 18),
    "User": (3, 5, 7, 9, 28),
}
SUFFIXES = {
    "Message": ("", "/conversation", "/sender/name", "/content", "/content/$value", "/$ref"),
    "Conversation": (
        "",
        "/messages",
        "/messages/$count",
        "/messages/$ref",
        "/messages(1)",
        "/assignee",
        "/labels",
        "/inbox/name",
        "/status/$value",
        "/$ref",
    ),
    "Inbox": ("", "/members", "/members/$count", "/conversations", "/name", "/members(1)/name"),
    "Label": ("", "/conversations", "/title/$value"),
    "User": ("", "/messages", "/messages/$count", "/inboxes", "/name", "/email/$value", "/tokens"),
}


@pytest.mark.parametrize("type_", TYPES)
def test_foreign_and_missing_keys_have_the_same_answer(gateway, world, walls, type_):
    foreign = [row.id for row in world.rows[type_] if row.id not in walls.visible[type_]]
    for suffix in SUFFIXES[type_]:
        missing = get(gateway, f"{type_}(7654321){suffix}")
        assert missing.status == 404, (type_, suffix, missing.body)
        for key in (*foreign[:3], *foreign[-3:]):
            assert bare(get(gateway, f"{type_}({key}){suffix}")) == bare(missing), (type_, key, suffix)


@pytest.mark.parametrize(
    ("foreign", "missing"),
    [
        ("Conversation(1)/messages(9)", "Conversation(1)/messages(7654321)"),
        ("Inbox(1)/members(3)", "Inbox(1)/members(7654321)"),
        ("Inbox(2)/members(7)", "Inbox(2)/members(7654321)"),
        ("Label(1)/conversations(3)", "Label(1)/conversations(7654321)"),
        ("$entity?$id=User(9)", "$entity?$id=User(7654321)"),
    ],
)
def test_foreign_and_missing_members_have_the_same_answer(gateway, foreign, missing):
    assert bare(get(gateway, foreign)) == bare(get(gateway, missing))
    assert get(gateway, missing).status == 404


def test_a_foreign_single_valued_navigation_is_no_content(gateway, views):
    """Conversation 43's assignee is user 3, of account 2: as if there were none."""
    row = next(r for r in views[tokens.ADMIN].rows["Conversation"] if r.values["assignee_id"] in (3, 7, 6000, 5000))
    assert get(gateway, f"Conversation({row.id})/assignee").status == 204
    assert get(gateway, f"Conversation({row.id})?$expand=assignee").json()["assignee"] is None


# --- tokens of other tenants --------------------------------------------------------------------------------------------------


def test_a_skiptoken_of_another_tenant_shows_only_own_rows(gateway, walls, views):
    """A token carries a position, never a scope."""
    headers = {"Prefer": "odata.maxpagesize=5"}
    for text in ("Message?$select=id,account_id,content", "Conversation?$orderby=created_at desc", "User?$orderby=name", "Label"):
        link = gateway.get(text, token=tokens.OTHER_ADMIN, headers=headers).json().get("@odata.nextLink")
        link = link or gateway.get(text, token=tokens.OTHER_ADMIN, headers={"Prefer": "odata.maxpagesize=1"}).json()["@odata.nextLink"]
        reply = gateway.get(link, token=tokens.ADMIN, headers=headers)
        assert reply.status in (200, 400)
        walls.check(text, reply)


@pytest.mark.parametrize("token", [tokens.ADMIN_AND_AGENT, tokens.ADMIN])
def test_being_an_agent_elsewhere_shows_nothing_of_there(gateway, walls, token):
    for type_ in TYPES:
        for page in gateway.pages(type_, token=token):
            assert {row["id"] for row in page} <= walls.visible[type_]


def test_the_other_tenant_sees_nothing_of_this_one_either(gateway, views):
    walls = Walls.around(views[tokens.OTHER_ADMIN])
    for type_ in TYPES:
        for page in gateway.pages(type_, token=tokens.OTHER_ADMIN):
            assert {row["id"] for row in page} <= walls.visible[type_]


# --- answers do not depend on foreign rows ------------------------------------------------------------------------------------

# Whatever only accounts 2 and 3 have, changed: texts, numbers, times, links; and rows added that point at account 1's.
CHANGES = """
    UPDATE messages SET content = 'changed', status = 3, private = true, created_at = created_at - interval '400 days', sender_id = 9,
        sender_type = 'User', source_id = 'changed' WHERE account_id <> 1;
    UPDATE conversations SET status = 3, assignee_id = 1, identifier = 'changed', created_at = created_at - interval '400 days', team_id = 99,
        snoozed_until = now(), display_id = display_id + 100000 WHERE account_id <> 1;
    UPDATE inboxes SET name = 'changed', timezone = 'Changed/Zone', channel_type = 'changed' WHERE account_id <> 1;
    UPDATE labels SET description = 'changed', color = 'changed', show_on_sidebar = NOT show_on_sidebar
        WHERE account_id IS NULL OR account_id <> 1;
    UPDATE users SET name = 'changed', email = 'changed@x', display_name = 'changed', sign_in_count = 4711, custom_attributes = '{"changed": 1}'
        WHERE NOT EXISTS (SELECT FROM account_users WHERE user_id = users.id AND account_id = 1);
    INSERT INTO messages (account_id, inbox_id, conversation_id, message_type, created_at, updated_at, content, sender_type, sender_id)
        SELECT 2, 1, id, 0, now(), now(), 'added', 'User', 1 FROM conversations WHERE account_id = 1;
    INSERT INTO conversations (account_id, inbox_id, assignee_id, created_at, updated_at)
        SELECT 2, i, u, now(), now() FROM generate_series(1, 5) AS i, generate_series(1, 20) AS u;
    INSERT INTO inboxes (channel_id, name, account_id, created_at, updated_at) VALUES (1, 'added', 2, now(), now());
    INSERT INTO labels (title, account_id, created_at, updated_at) VALUES ('100%', 2, now(), now()), ('added', NULL, now(), now());
    INSERT INTO taggings (tag_id, taggable_type, taggable_id, context)
        SELECT 1, 'Conversation', id, 'labels' FROM conversations WHERE account_id <> 1;
    INSERT INTO inbox_members (inbox_id, user_id, created_at, updated_at)
        SELECT i, u, now(), now() FROM generate_series(6, 9) AS i, generate_series(1, 19) AS u ON CONFLICT DO NOTHING;
    INSERT INTO inbox_members (inbox_id, user_id, created_at, updated_at)
        SELECT i, u, now(), now() FROM generate_series(1, 5) AS i, generate_series(20, 30) AS u ON CONFLICT DO NOTHING;
    DELETE FROM messages WHERE account_id = 2 AND id % 3 = 0 AND content <> 'added';
    DELETE FROM conversations WHERE account_id = 3 AND id % 3 = 0;
"""


@pytest.fixture(scope="module")
def before_and_after(cluster: Cluster, reader_url: Callable[[str], str], policy: str) -> Iterator[tuple[Gateway, Callable[[], None]]]:
    """A gateway, and what changes the foreign rows behind it."""
    with guarded(cluster, reader_url, policy, ODATA_PAGE_ROWS="300") as (running, name):

        async def change() -> None:
            connection = await asyncpg.connect(cluster.dsn(database=name))
            await connection.execute(CHANGES)
            await connection.close()

        yield running, lambda: asyncio.run(change())


def test_no_answer_changes_when_foreign_rows_change(before_and_after, world, views):
    gateway, change = before_and_after
    generated = []
    for number in range(120):
        maker = Maker(f"change {number}", world)
        type_ = TYPES[number % len(TYPES)]
        generated.append(target(maker.expanded(type_) if number % 2 else maker.query(type_, 3)))
    texts = [*ATTACKS, *TYPES, *generated]
    before = [bare(get(gateway, text)) for text in texts]
    foreign_before = get(gateway, "Message?$top=5", tokens.OTHER_ADMIN).body
    change()
    assert get(gateway, "Message?$top=5", tokens.OTHER_ADMIN).body != foreign_before
    for text, known in zip(texts, before, strict=True):
        assert bare(get(gateway, text)) == known, text


def test_joins_of_every_kind_were_attacked():
    """Each navigation property is in some attack."""
    for navigation in {name for names in NAVIGATION.values() for name in names}:
        assert any(navigation in text for text in ATTACKS)
    assert oracle.TABLES.keys() == KINDS.keys()
