"""The pages together are the whole: in order, each row once, whatever is sorted by, and only by links that belong to the query."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.demo import tokens
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.protocol.links import Continuation, TokenScope, skiptoken
from tests.harness.cases import MODEL
from tests.harness.gateway import Gateway, start_gateway
from tests.oracle import evaluator as oracle
from tests.oracle.evaluator import KINDS, NAVIGATION, Env, Query
from tests.oracle.queries import Maker, target

TYPES = tuple(KINDS)
SMALL_PAGE = 7
LAST_LINKS = 400


@pytest.fixture(scope="module")
def small(reader_dsn: str) -> Iterator[Gateway]:
    """The program with pages of seven rows."""
    with start_gateway(ODATA_DSN=reader_dsn, ODATA_PAGE_ROWS=str(SMALL_PAGE)) as running:
        yield running


def follow(gateway: Gateway, link: str, token: str, headers: dict[str, str] | None = None) -> list[list[dict[str, Any]]]:
    """The pages from a link to the last, which are never too many."""
    found = []
    while link:
        reply = gateway.get(link, token=token, headers=headers)
        assert reply.status == 200, (link, reply.body[:1000])
        found.append(reply.rows)
        link = reply.json().get("@odata.nextLink", "")
        assert len(found) <= LAST_LINKS
    return found


def ids(pages: list[list[dict[str, Any]]]) -> list[int]:
    return [row["id"] for page in pages for row in page]


def expected(view: Any, query: Query) -> list[int]:
    return [row.id for row in oracle.window(query, oracle.ordered(view, query))]


def check_sizes(pages: list[list[dict[str, Any]]], size: int) -> None:
    """Every page but the last is full, and the last is not empty unless it is the only one."""
    assert all(len(page) == size for page in pages[:-1])
    assert len(pages[-1]) <= size and (len(pages) == 1 or pages[-1])


# --- the law ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(120))
def test_pages_of_a_generated_query_are_the_whole_in_order(gateway, world, views, number):
    maker = Maker(f"paging {number}", world)
    type_, token = TYPES[number % len(TYPES)], (tokens.ADMIN, tokens.BOTH_ADMIN)[number % 7 == 3]
    query = replace(maker.query(type_, 1), order=maker.order(type_), select=["id"])
    if number % 3:
        query = replace(query, filter=None)
    wanted = expected(views[token], query)
    size = max(1, -(-len(wanted) // maker.random.choice((1, 2, 3, 5, 9))) + maker.random.choice((-1, 0, 0, 1)))
    pages = follow(gateway, target(query), token, {"Prefer": f"odata.maxpagesize={size}"})
    assert ids(pages) == wanted, target(query)
    check_sizes(pages, size)


# Every kind of order value: no null, nulls, ties, infinite times, behind navigation, computed; both directions, and mixed.
ORDERS = (
    ("Conversation", "assignee_id"),
    ("Conversation", "assignee_id desc"),
    ("Conversation", "assignee/name"),
    ("Conversation", "assignee/name desc,created_at desc"),
    ("Conversation", "snoozed_until,id desc"),
    ("Conversation", "snoozed_until desc"),
    ("Conversation", "contact_last_seen_at"),
    ("Conversation", "contact_last_seen_at desc,id"),
    ("Conversation", "status,team_id desc,identifier,id desc"),
    ("Conversation", "team_id desc,assignee_id desc,id desc"),
    ("Conversation", "inbox/name desc,assignee/display_name,uuid desc"),
    ("Conversation", "messages/$count desc,identifier desc"),
    ("Conversation", "assignee_id eq null,length(identifier) desc"),
    ("Conversation", "campaign_id divby 7"),
    ("Message", "private desc,status"),
    ("Message", "created_at desc"),
    ("Message", "sender/name,content desc"),
    ("Message", "conversation/assignee/email desc,conversation/snoozed_until,content_attributes"),
    ("Message", "source_id desc,id desc"),
    ("Label", "description desc"),
    ("Label", "show_on_sidebar,title desc"),
    ("User", "remember_created_at"),
    ("User", "remember_created_at desc"),
    ("User", "custom_attributes desc,unconfirmed_email"),
    ("Inbox", "channel_type,timezone desc"),
)


@pytest.mark.parametrize(("type_", "order"), ORDERS)
def test_pages_follow_every_kind_of_order(gateway, views, type_, order):
    whole = ids(gateway.pages(f"{type_}?$select=id&$orderby={order}"))
    assert sorted(whole) == [row.id for row in views[tokens.ADMIN].rows[type_]]
    for size in {max(1, len(whole) // 11), max(2, len(whole) // 3), len(whole), 1 if len(whole) < 50 else 97}:
        pages = follow(gateway, f"{type_}?$select=id&$orderby={order}", tokens.ADMIN, {"Prefer": f"odata.maxpagesize={size}"})
        assert ids(pages) == whole
        check_sizes(pages, size)


# Orders with values that all rows have in common: by a condition, the path, the account, or nothing but null.
FIXED = (
    ("Message", "inbox_id eq 1", "inbox_id"),
    ("Message", "inbox_id eq 1", "inbox_id desc,id desc"),
    ("Message", "inbox_id in (1)", "created_at,inbox_id,id desc"),
    ("Message", "private", "private,source_id desc"),
    ("Message", "not private and status eq 0", "status desc,source_id,private,created_at desc"),
    ("Message", "source_id eq null", "source_id desc,inbox_id,id desc"),
    ("Message", "sender_id eq null and private eq false", "sender_id,private,content desc"),
    ("Message", "conversation/status eq 0", "conversation/status,source_id,id desc"),
    ("Message", "length(content) eq 10", "length(content) desc,content"),
    ("Message", "account_id eq 1", "account_id,source_id"),
    ("Message", "id gt 0", "account_id,id desc"),
    ("Conversation", "status eq 1", "status,assignee_id desc,snoozed_until"),
    ("Conversation", "snoozed_until eq null", "snoozed_until desc,assignee_id"),
    ("Conversation", "assignee_id eq null", "assignee_id,team_id desc,id desc"),
    ("Inbox(1)/conversations", "status eq 1", "inbox_id desc,status,assignee_id,id desc"),
    ("Inbox(1)/messages", "id gt 0", "inbox_id,account_id,source_id desc"),
)


@pytest.mark.parametrize("token", (tokens.ADMIN, tokens.BOTH_ADMIN), ids=("one", "both"))
@pytest.mark.parametrize(("path", "condition", "order"), FIXED)
def test_pages_of_rows_that_share_order_values_are_the_whole_in_order(gateway, path, condition, order, token):
    whole = ids(gateway.pages(f"{path}?$select=id&$top=40&$filter={condition}&$orderby={order}", token=token))
    others = ids(gateway.pages(f"{path}?$select=id&$filter={condition}", token=token))
    assert len(set(whole)) == min(40, len(others)) and set(whole) <= set(others)
    for size in (1, 2, 3):
        target = f"{path}?$select=id&$top=40&$filter={condition}&$orderby={order}"
        pages = follow(gateway, target, token, {"Prefer": f"odata.maxpagesize={size}"})
        assert ids(pages) == whole
        check_sizes(pages, size)


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("descending", [False, True])
def test_every_property_can_be_paged_by(small, views, type_, descending):
    """Small windows of each order, so that pages end between ties and nulls."""
    view = views[tokens.ADMIN]
    for name, kind in KINDS[type_].items():
        if kind == "secret":
            continue
        column = oracle.Expr(name, kind, lambda env, name=name: env.row.values[name])
        query = Query(type_, order=[(column, descending)], top=30, skip=3, select=["id"])
        pages = follow(small, target(query), tokens.ADMIN)
        assert ids(pages) == expected(view, query), target(query)
        check_sizes(pages, SMALL_PAGE)


@pytest.mark.parametrize(
    ("top", "skip"), [(0, 0), (1, 0), (6, 0), (7, 0), (8, 0), (14, 5), (15, 353), (100, 355), (7, 360), (1, 10_000), (50, 0)]
)
def test_top_and_skip_hold_over_all_pages(small, views, top, skip):
    whole = [row.id for row in views[tokens.ADMIN].rows["Conversation"]]
    pages = follow(small, f"Conversation?$select=id&$top={top}&$skip={skip}", tokens.ADMIN)
    assert ids(pages) == whole[skip : skip + top]
    check_sizes(pages, SMALL_PAGE)


def test_count_is_that_of_the_whole(small, views):
    reply = small.get("Conversation?$count=true&$top=9&$skip=2&$select=id")
    assert reply.json()["@odata.count"] == len(views[tokens.ADMIN].rows["Conversation"])


@pytest.mark.parametrize("path", ["Conversation(1)/messages", "Inbox(2)/conversations", "Conversation(1)/messages/$ref"])
def test_paths_and_references_are_paged_too(small, path):
    whole = small.get(path, headers={"Prefer": "odata.maxpagesize=1000"}).rows
    pages = follow(small, path, tokens.ADMIN)
    assert [row for page in pages for row in page] == whole and len(whole) > 2 * SMALL_PAGE
    check_sizes(pages, SMALL_PAGE)


# --- links inside rows --------------------------------------------------------------------------------------------------------


def check_nested(gateway: Gateway, query: Query, env: Env, row: dict[str, Any], token: str) -> int:
    """Compare what is expanded in a row, links followed to their end; the number of links."""
    links = 0
    for name, nested in query.expand.items():
        related = env.view.related(env.row, name)
        if not NAVIGATION[query.type][name][1]:
            assert (row[name] is None) == (not related)
            links += check_nested(gateway, nested, env.nested(related[0]), row[name], token) if related else 0
            continue
        wanted = oracle.window(nested, oracle.matching(nested, related, env.nested))
        link = row.get(f"{name}@odata.nextLink", "")
        assert len(row[name]) <= SMALL_PAGE and (not link or len(row[name]) == SMALL_PAGE)
        rows = row[name] + [r for page in (follow(gateway, link, token) if link else []) for r in page]
        assert [r["id"] for r in rows] == [r.id for r in wanted], (target(query), link)
        links += bool(link)
        for found, known in zip(rows, wanted, strict=True):
            links += check_nested(gateway, nested, env.nested(known), found, token)
    return links


NESTED = (
    "Conversation?$filter=id lt 40&$select=id&$expand=messages($select=id)",
    "Conversation?$filter=id lt 40&$select=id&$expand=messages($select=id;$orderby=status desc,created_at)",
    "Conversation?$filter=id lt 40&$select=id&$expand=messages($select=id;$orderby=private,source_id desc,id desc;$top=11)",
    "Conversation?$filter=id lt 40&$select=id&$expand=messages($select=id;$skip=2;$orderby=sender/name desc;$count=true)",
    "Inbox?$select=id&$expand=conversations($select=id;$top=9;$orderby=assignee/name,snoozed_until desc;$expand=messages($select=id;$top=8))",
    "Conversation?$filter=id lt 40&$select=id&$expand=messages($filter=contains(content,'a''b%26%23%2B') or status ne 1 or content eq '%25';$select=id)",
    "User?$select=id&$expand=inboxes($select=id;$expand=members($select=id)),messages($select=id;$top=16;$skip=3;$orderby=content desc)",
    "Label?$select=id&$expand=conversations($select=id;$top=15;$orderby=contact_last_seen_at desc;$expand=assignee($select=id;$expand=inboxes))",
)


def parsed(text: str) -> Query:
    """The queries of NESTED, read by hand: their expressions are names, paths and one filter."""
    path, _, options = text.partition("?")
    return _query(path, [unquote(option) for option in _split(options, "&")])


def _split(text: str, separator: str) -> list[str]:
    """Text at separators that stand in no parentheses and no string."""
    parts, depth, quoted = [""], 0, False
    for c in text:
        quoted ^= c == "'"
        depth += 0 if quoted else (c == "(") - (c == ")")
        if c == separator and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += c
    return [p for p in parts if p]


def _query(type_: str, options: list[str]) -> Query:
    found: dict[str, Any] = {}
    for option in options:
        name, _, value = option.partition("=")
        match name:
            case "$top" | "$skip":
                found[name[1:]] = int(value)
            case "$count":
                found["count"] = True
            case "$select":
                found["select"] = value.split(",")
            case "$orderby":
                found["order"] = [(_path(type_, item.split()[0]), item.endswith(" desc")) for item in value.split(",")]
            case "$filter":
                found["filter"] = oracle.Expr(value, "bool", FILTERS[value])
            case "$expand":
                items = [item.partition("(") for item in _split(value, ",")]
                found["expand"] = {n: _query(NAVIGATION[type_][n][0], _split(rest[:-1], ";")) for n, _, rest in items}
    return Query(type_, **found)


FILTERS = {
    "id lt 40": lambda env: env.row.id < 40,
    "contains(content,'a''b&#+') or status ne 1 or content eq '%'": lambda env: (
        env.row.values["status"] != 1 or env.row.values["content"] == "%"
    ),
}


def _path(type_: str, text: str) -> oracle.Expr:
    *steps, name = text.split("/")

    def value(env: Env) -> Any:
        row = env.row
        for step in steps:
            rows = env.view.related(row, step)
            if not rows:
                return None
            row = rows[0]
        return row.values[name]

    return oracle.Expr(text, "string", value)


@pytest.mark.parametrize("text", NESTED)
@pytest.mark.parametrize("token", [tokens.ADMIN, tokens.BOTH_ADMIN])
def test_links_of_expanded_collections_lead_to_their_end(small, views, text, token):
    query = parsed(text)
    rows = [row for page in follow(small, text, token) for row in page][:12]
    known = {row.id: row for row in views[token].rows[query.type]}
    assert rows
    assert sum(check_nested(small, query, Env(views[token], known[row["id"]], known[row["id"]]), row, token) for row in rows)


@pytest.mark.parametrize("number", range(40))
def test_links_of_generated_expands_lead_to_their_end(small, world, views, number):
    maker = Maker(f"nested {number}", world)
    type_ = TYPES[number % len(TYPES)]
    collections = [n for n, (_, many) in NAVIGATION[type_].items() if many] or ["conversation"]
    name = maker.random.choice(collections)
    other, many = NAVIGATION[type_][name]
    nested = (
        replace(maker.query(other, 1, nested=True), top=maker.random.choice((None, 8, 15, 30)), select=["id"])
        if many
        else Query(other, select=["id"])
    )
    query = Query(type_, top=4, skip=maker.random.randrange(5), select=["id"], expand={name: nested})
    known = {row.id: row for row in views[tokens.ADMIN].rows[type_]}
    for page in follow(small, target(query), tokens.ADMIN):
        for row in page:
            check_nested(small, query, Env(views[tokens.ADMIN], known[row["id"]], known[row["id"]]), row, tokens.ADMIN)


def test_nested_link_carries_the_apikey_only_if_it_came_that_way(small):
    text = "Conversation?$filter=id eq 1&$select=id&$expand=messages($select=id)"
    bearer = small.get(text).rows[0]["messages@odata.nextLink"]
    key = small.get(f"{text}&apikey={tokens.ADMIN}", token=None).rows[0]["messages@odata.nextLink"]
    assert "apikey" not in bearer and tokens.ADMIN not in bearer
    assert key.count("apikey=") == key.count(tokens.ADMIN) == 1
    assert small.get(key, token=None).rows == small.get(bearer).rows != []


# --- links of the whole -------------------------------------------------------------------------------------------------------


def test_next_link_keeps_every_option_once(small):
    sent = (
        "Conversation?$filter=status%20ne%205%20and%20identifier%20ne%20'a%26b%23%2B'&$orderby=created_at%20desc&$select=id,status&$count=true&$top=20"
        "&$expand=inbox($select=name)&utm=a%2Fb%20c&@p=1&$format=json"
    )
    link = small.get(sent).json()["@odata.nextLink"]
    assert link.startswith(small.base_url + "Conversation?")
    before, after = parse_qsl(urlsplit(sent).query), parse_qsl(urlsplit(link).query)
    assert [pair for pair in after if pair[0] != "$skiptoken"] == before
    assert [name for name, _ in after].count("$skiptoken") == 1
    second = small.get(link).json()["@odata.nextLink"]
    assert [pair for pair in parse_qsl(urlsplit(second).query) if pair[0] != "$skiptoken"] == before
    assert [name for name, _ in parse_qsl(urlsplit(second).query)].count("$skiptoken") == 1


def test_apikey_is_in_the_link_exactly_once_and_only_if_it_came_that_way(small):
    bearer = small.get("Message?$select=id").json()["@odata.nextLink"]
    assert "apikey" not in bearer and tokens.ADMIN not in bearer
    link = small.get(f"Message?apikey={tokens.ADMIN}&$select=id", token=None).json()["@odata.nextLink"]
    for _ in range(3):  # clients append their key to every link they follow
        assert link.count("apikey=") == 1 and tokens.ADMIN in link
        link = small.get(f"{link}&apikey={tokens.ADMIN}", token=None).json()["@odata.nextLink"]


def test_a_link_keeps_the_page_size_it_was_made_with(gateway):
    first = gateway.get("Message?$select=id", headers={"Prefer": "odata.maxpagesize=13"})
    assert len(gateway.get(first.json()["@odata.nextLink"]).rows) == 13


# --- tokens that do not belong ------------------------------------------------------------------------------------------------


def refused(reply: Any) -> None:
    assert reply.status == 400, reply.body
    assert reply.json()["error"]["code"] == "Url.Skiptoken"


def token_of(link: str) -> str:
    return dict(parse_qsl(urlsplit(link).query))["$skiptoken"]


@pytest.fixture(scope="module")
def link(small: Gateway) -> str:
    return small.get("Conversation?$orderby=status&$select=id").json()["@odata.nextLink"]


def test_the_token_itself_is_good(small, link):
    assert small.get(f"Conversation?$orderby=status&$select=id&$skiptoken={token_of(link)}").status == 200


def test_damaged_tokens_are_refused(small, link):
    token = token_of(link)
    damaged = {token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in range(0, len(token), 3)}
    damaged |= {token[:-1], token[1:], token + "0", token + "A", token.upper(), token.replace(".", ""), token + "=", "." + token, "x", ".", "%F0%9F%91%8B",
                "1", "0", "-1", token * 2, "é", "' or 1=1"} - {token}  # fmt: skip
    for text in sorted(damaged):
        refused(small.get(f"Conversation?$orderby=status&$select=id&$skiptoken={text}"))


def test_forged_tokens_are_refused(small, link):
    token = token_of(link)
    payload = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    for forged in ([0, 7, ["0"]], [0, 7, []], [0, 7, ["9", "9", "9"]], [-1, 7, payload[2]], {}, None, [[]], ["0", "7", payload[2]]):
        text = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
        for digits in (token.partition(".")[2], "", "0" * 16):
            refused(small.get(f"Conversation?$orderby=status&$select=id&$skiptoken={text}.{digits}"))


@pytest.mark.parametrize(
    "other",
    [
        "Conversation?$select=id",
        "Conversation?$orderby=status desc&$select=id",
        "Conversation?$orderby=team_id&$select=id",
        "Conversation?$orderby=status&$select=id&$filter=status eq 1",
        "Conversation?$orderby=status&$select=id&$top=8",
        "Message?$orderby=status&$select=id",
        "Inbox(1)/conversations?$orderby=status&$select=id",
    ],
)
def test_a_token_of_another_query_is_refused(small, link, other):
    refused(small.get(f"{other}&$skiptoken={token_of(link)}"))


def test_a_token_is_bound_to_values(small):
    first = small.get("Conversation?$filter=status eq 1&$select=id").json()["@odata.nextLink"]
    refused(small.get(f"Conversation?$filter=status eq 2&$select=id&$skiptoken={token_of(first)}"))


def test_a_token_is_bound_to_the_key_in_the_path(small):
    first = small.get("Conversation(1)/messages?$select=id").json()["@odata.nextLink"]
    assert small.get(first).status == 200
    refused(small.get(f"Conversation(3)/messages?$select=id&$skiptoken={token_of(first)}"))
    refused(small.get(f"Conversation/3/messages?$select=id&$skiptoken={token_of(first)}"))


def test_a_nested_token_is_bound_to_its_parent(small):
    rows = small.get("Conversation?$filter=id eq 1&$select=id&$expand=messages($select=id)").rows
    nested = rows[0]["messages@odata.nextLink"]
    assert small.get(nested).status == 200
    refused(small.get(nested.replace("Conversation(1)", "Conversation(3)")))


def test_a_token_is_never_an_empty_page_for_a_single_entity_or_count(small, link):
    for path in ("Conversation(1)", "Conversation/$count", "Conversation(1)/status"):
        assert small.get(f"{path}?$skiptoken={token_of(link)}").status == 400


@pytest.mark.parametrize(
    "keys", [("abc", "1"), ("", ""), ("99999999999999999999", "1"), (None, None), ("1'; --", "1"), ("\0", "1"), ("1", "NaN"), ("1.5", "1")]
)
def test_a_forged_token_with_the_right_digits_is_a_clients_mistake_at_worst(small, views, keys):
    """Its digits are no secret. Whatever it says, it is a position among the caller's own rows, or 400."""
    text = "Conversation?$orderby=status&$select=id"
    compiler = Compiler(MODEL, limits=Limits(), max_url_bytes=10_000, cache_entries=1)
    url = compiler.parse(text)
    token = skiptoken(Continuation(7, 7, keys), TokenScope(url.query_digest(), url.path_keys()))
    reply = small.get(f"{text}&$skiptoken={token}")
    assert reply.status in (200, 400), reply.body
    if reply.status == 200:
        assert {row["id"] for row in reply.rows} <= {row.id for row in views[tokens.ADMIN].rows["Conversation"]}


def test_a_forged_token_made_as_the_gateway_does_is_taken(small):
    """So that the test above tests what it says."""
    text = "Conversation?$orderby=status&$select=id"
    url = Compiler(MODEL, limits=Limits(), max_url_bytes=10_000, cache_entries=1).parse(text)
    token = skiptoken(Continuation(7, 7, ("1", "5")), TokenScope(url.query_digest(), url.path_keys()))
    assert small.get(f"{text}&$skiptoken={token}").status == 200
