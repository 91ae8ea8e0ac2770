"""What a database that is sharded by account (Citus) is sent: each statement, or each CTE of it, goes to the shard of one account.

Citus routes a statement to a shard when every distributed table in it is compared with the same constant by `account_id = $n`, as a conjunct of
the WHERE of its own SELECT or of the ON of its own LEFT JOIN; reference tables, which every server has, may be compared with anything. A caller
with several accounts gets a SELECT for each account, a materialized CTE that Citus plans on its own: each obeys the rule for one account, and no
table with an account stands outside of them. Read by Postgres's own parser.
"""

from __future__ import annotations

from typing import Any

import pglast
import pytest
from odata_gateway.compiler.compiled_query import ArgumentValues
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import Unsupported
from odata_gateway.formats.registry import DEFAULT_ENCODING
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.sql.accounts.sharded import MAX_ACCOUNTS
from odata_gateway.sql.relation import Relations
from odata_gateway.sql.statement import StatementVariant, render, statement_kinds
from pglast import ast
from pglast.enums import A_Expr_Kind, CTEMaterialize, JoinType
from tests.harness import cases
from tests.harness.sql_tree import conjuncts, nodes
from tests.oracle.evaluator import KINDS
from tests.oracle.queries import Maker, target
from tests.unit.sql.test_policy_everywhere import Checker

DISTRIBUTED = frozenset({"messages", "conversations", "inboxes", "labels"})
REFERENCE = frozenset({"users", "account_users", "taggings", "tags", "inbox_members"})
ONE, MANY = (424242,), (424242, 737373)


def statements(request, accounts, after=None, model=cases.MODEL, forms=(False,)):
    """Every statement of a request on a sharded database, with its arguments; `forms` says whether chunks tell that there are more rows."""
    caller = Caller("1", accounts)
    compiler = Compiler(model, limits=Limits(), max_url_bytes=16_384, cache_entries=1)
    compiled = compiler.compile(request)
    query = compiled.query
    mask = None if after is None else tuple(key is None for key in after)
    values = ArgumentValues(compiled.url.values, caller, limit=100, page_rows=10, root="http://host/odata/", keys=after or ())
    for lookahead in forms:
        shape = StatementVariant(DEFAULT_ENCODING, len(accounts) > 1, mask, lookahead, shard_accounts=len(accounts))
        for part in ("order values", *statement_kinds(query, shape)) if after else statement_kinds(query, shape):
            bound = compiled.statement(part, shape).bind(values)
            render(query, shape, part)  # raises where each account cannot be read alone; then the cluster gets the statement for all
            yield bound.text, bound.arguments


def bound_account(term: Any, alias: str, arguments: list[Any]) -> Any:
    """n where the term is `alias.account_id = $n::int8`: the argument, and None for any other term."""
    if not isinstance(term, ast.A_Expr) or term.kind != A_Expr_Kind.AEXPR_OP or term.name[0].sval != "=":
        return None
    left, right = term.lexpr, term.rexpr
    if not (isinstance(left, ast.ColumnRef) and [f.sval for f in left.fields] == [alias, "account_id"]):
        return None
    if not (isinstance(right, ast.TypeCast) and isinstance(right.arg, ast.ParamRef) and not right.typeName.arrayBounds):
        return None
    return arguments[right.arg.number - 1]


def is_cte(use: ast.RangeVar) -> bool:
    return use.schemaname is None


def check_order(select: ast.SelectStmt) -> None:
    """No column in ORDER BY has the name of another one of the result, which it would mean if it were named without its table."""
    results = {t.name: t.val for t in select.targetList or () if t.name}
    for key in (item.node for item in select.sortClause or ()):
        if isinstance(key, ast.ColumnRef):
            found = results.get(key.fields[-1].sval, key)
            assert isinstance(found, ast.ColumnRef) and [f.sval for f in found.fields] == [f.sval for f in key.fields]


def routed_to(select: ast.SelectStmt, arguments: list[Any]) -> set[Any]:
    """The accounts that the distributed tables of a statement are bound to; fails for a table that is bound to none."""
    found: set[Any] = set()

    def bind(use: ast.RangeVar, terms: list[Any]) -> None:
        assert use.relname in DISTRIBUTED | REFERENCE, use.relname
        if use.relname in DISTRIBUTED:
            bound = [a for a in (bound_account(t, use.alias.aliasname, arguments) for t in terms) if a is not None]
            assert bound, f"{use.relname} AS {use.alias.aliasname} is bound to no account"
            found.update(bound)

    def item(node: Any, terms: list[Any]) -> None:
        match node:
            case ast.RangeVar() if not is_cte(node):
                bind(node, terms)
            case ast.RangeVar():
                pass  # rows that were read before
            case ast.JoinExpr(jointype=JoinType.JOIN_LEFT, rarg=ast.RangeVar()):
                item(node.larg, terms)
                bind(node.rarg, list(conjuncts(node.quals)))
            case ast.JoinExpr(jointype=JoinType.JOIN_LEFT, rarg=ast.RangeSubselect()):
                item(node.larg, terms)
            case ast.RangeSubselect():
                pass  # a SELECT of its own
            case ast.RangeFunction():
                assert {call.funcname[-1].sval for [call, _] in node.functions} <= {"unnest", "generate_series"}  # read no table
            case _:
                raise AssertionError(f"{type(node).__name__} in FROM")

    for inner in (n for n in nodes(select) if isinstance(n, ast.SelectStmt)):
        check_order(inner)
        for use in inner.fromClause or ():
            item(use, list(conjuncts(inner.whereClause)))
    return found


def selects_of(text: str) -> list[ast.SelectStmt]:
    """The SELECT of each CTE, and last the one around them."""
    [parsed] = pglast.parse_sql(text)
    ctes = [n for n in nodes(parsed.stmt) if isinstance(n, ast.CommonTableExpr)]
    assert all(c.ctematerialized == CTEMaterialize.CTEMaterializeAlways for c in ctes)
    assert {n.relname for n in nodes(parsed.stmt) if isinstance(n, ast.RangeVar) and is_cte(n)} == {c.ctename for c in ctes}
    for select in [n for n in nodes(parsed.stmt) if isinstance(n, ast.SelectStmt)]:
        select.withClause = None
    return [*(c.ctequery for c in ctes), parsed.stmt]


class ShardChecker(Checker):
    """The row policy in the SELECT of one account: tables with an account are bound to it, users to all of the caller's."""

    account: int | None = None

    def from_item(self, item: Any, conditions: list[Any], scope: dict[str, str]) -> None:
        if not (isinstance(item, ast.RangeVar) and is_cte(item)):
            super().from_item(item, conditions, scope)

    def is_accounts(self, value: Any, *, many: bool) -> bool:
        if not isinstance(value, ast.TypeCast) or not isinstance(value.arg, ast.ParamRef):
            return False
        wanted = list(self.accounts) if many else self.account
        return bool(value.typeName.arrayBounds) == many and self.arguments[value.arg.number - 1] == wanted


def check_policy(select: ast.SelectStmt, arguments: list[Any], accounts: tuple[int, ...], account: int | None) -> None:
    checker = ShardChecker(arguments, accounts)
    checker.account = account
    checker.select(select, {})
    assert checker.seen == {id(n) for n in nodes(select) if isinstance(n, ast.RangeVar) and not is_cte(n)}


def check(request, accounts, after=None, model=cases.MODEL, forms=(False,)):
    """Every statement is routed; how many statements there were."""
    count = 0
    for text, arguments in statements(request, accounts, after, model, forms):
        selects = selects_of(text)
        found = [routed_to(select, arguments) for select in selects]
        assert all(len(accounts) <= 1 for accounts in found) and (len(selects) == 1 or not found[-1]), text
        bound = [account for one in found for account in one]
        assert bound == list(accounts) * (len(bound) // len(accounts)), text  # each account by one SELECT, as often as the others
        for select, one in zip(selects, found, strict=True) if bound or len(accounts) > 1 else ():
            check_policy(select, arguments, accounts, next(iter(one), None))
        count += 1
    return count


def checked_or_refused(request, accounts, after=None, model=cases.MODEL, forms=(False,)) -> bool:
    try:
        assert check(request, accounts, after, model, forms) >= 1
    except Unsupported as error:
        assert "sharded" in str(error) and "several accounts" in str(error)
        return False
    return True


CASES = sorted(cases.FOLDER.glob("*.case"))


@pytest.mark.parametrize("model", [cases.MODEL, cases.INDEXED], ids=["plain", "indexed"])
def test_one_account_goes_to_one_shard(model):
    for path in CASES:
        case = cases.read(path)
        assert check(case.request, ONE, case.after, model) >= 1, case.request


def test_several_accounts_go_to_a_shard_each_or_are_refused():
    found = [checked_or_refused(case.request, MANY, case.after, cases.INDEXED) for case in map(cases.read, CASES)]
    assert sum(found) > len(found) / 3


@pytest.mark.parametrize("number", range(40))
def test_generated_queries_go_to_one_shard_for_each_account(literals_world, number):
    maker = Maker(f"sharded {number}", literals_world)
    type_ = tuple(KINDS)[number % len(KINDS)]
    text = target(maker.expanded(type_, 3) if number % 2 else maker.query(type_, 4), (None, f"{type_}/$count")[number % 8 == 0])
    assert check(text, ONE) >= 1, text
    checked_or_refused(text, MANY)


@pytest.mark.parametrize(
    "request_",
    ["Message", "Message?$filter=conversation/inbox/name eq 'x'&$orderby=conversation/created_at desc,status&$skip=7&$count=true", "User",
     "Conversation?$expand=messages($count=true;$expand=sender,inbox),labels,assignee&$orderby=identifier", "Message(1)", "Message(1)/content",
     "Conversation(1)/messages/$count", "Conversation(1)/assignee", "Inbox(1)/members", "User(1)/messages", "Conversation?$search=x",
     "Message?$filter=conversation/labels/any(l:l/title eq 'vip')", "Conversation?$filter=assignee/name eq 'Ada'", "Message(1)/$ref",
     "Message?$apply=aggregate($count as n,id with average as a,sender_id with countdistinct as d,content with max as m)",
     "Message?$apply=groupby((conversation/inbox,status),aggregate($count as n))&$filter=conversation/inbox/channel_id gt 1&$expand=conversation",
     "Message?$apply=groupby((sender),aggregate($count as n))&$expand=sender&$filter=n gt 3&$orderby=sender/name", "Message?$apply=topcount(3,id)",
     "Conversation?$apply=groupby((status),topcount(2,id))&$expand=messages", "Conversation?$apply=topsum(100,status)&$skip=2&$count=true",
     "Conversation?$apply=join(messages as m,topcount(1,id))/groupby((m/status),aggregate($count as n))/filter(n gt 1)",
     "Message?$apply=concat(aggregate($count as n),topcount(2,id))", "Conversation?$expand=messages($apply=topcount(1,id)/aggregate($count as n))",
     "Conversation?$apply=join(messages as m)/top(9)&$select=id",
     "Conversation?$apply=aggregate(messages/$count as n,assignee/name with countdistinct as a)", "Conversation(1)/messages?$apply=top(3)"],
)  # fmt: skip
def test_what_hangs_on_rows_of_one_account_is_answered(request_):
    assert checked_or_refused(request_, MANY, forms=(False, True))


@pytest.mark.parametrize(
    "request_",
    ["User?$expand=messages", "User?$filter=inboxes/any()", "Message?$expand=sender($expand=inboxes)", "User?$apply=groupby((name),aggregate(messages/$count as n))",
     "Inbox(1)/members(2)/messages", "Message?$filter=sender/messages/$count gt 3", "Conversation?$filter=$root/Inbox/$count gt 1",
     "Conversation?$filter=inbox_id eq $root/Inbox(1)/id"],
)  # fmt: skip
def test_what_leads_to_other_accounts_is_refused(request_):
    assert not checked_or_refused(request_, MANY)
    assert check(request_, ONE) >= 1


def test_a_caller_with_very_many_accounts_is_refused():
    assert len(list(statements("Message/$count", tuple(range(1, MAX_ACCOUNTS + 1))))) == 1
    with pytest.raises(Unsupported, match="at most"):
        list(statements("Message/$count", tuple(range(1, MAX_ACCOUNTS + 2))))


@pytest.mark.parametrize("number", range(4))
def test_a_policy_that_is_missing_for_one_account_is_found(monkeypatch, number):
    policy, count = Relations._policy, iter(range(1000))
    monkeypatch.setattr(Relations, "_policy", lambda self, source: [] if next(count) == number else policy(self, source))
    with pytest.raises(AssertionError):
        check("Conversation?$expand=assignee&$select=id", MANY)


# --- the test itself ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'SELECT 1 FROM "public"."messages" AS t0 WHERE t0."account_id" = ANY($2::int8[])',
        'SELECT 1 FROM "public"."messages" AS t0 WHERE t0."account_id" = $1::int8 OR true',
        'SELECT 1 FROM "public"."messages" AS t0 LEFT JOIN "public"."inboxes" AS t1 ON t1."id" = t0."inbox_id" WHERE t0."account_id" = $1::int8',
        'SELECT (SELECT 1 FROM "public"."labels" AS t1 WHERE t1."account_id" = t0."account_id") FROM "public"."messages" AS t0 '
        'WHERE t0."account_id" = $1::int8',
    ],
)
def test_this_test_refuses(text):
    with pytest.raises(AssertionError):
        routed_to(selects_of(text)[0], [ONE[0], list(MANY)])
