"""The account policy stands beside every table, in every statement: read by Postgres's own parser, not by looking for text.

Postgres's grammar gives the tree; here each SELECT is walked. Beside each use of a table with an account, `alias.account_id = $n::int8` (or
`= ANY($n::int8[])`) is a conjunct of the same SELECT's WHERE, or of the JOIN's ON; beside users, the EXISTS over account_users. The tables
between them come in only in an EXISTS that ties two such tables. $n is the caller's accounts, known by a number nothing else has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pglast
import pytest
from odata_gateway.errors import LimitDepth, LimitNodes, ODataError, Unsupported
from odata_gateway.protocol.json_format import JsonFormat
from odata_gateway.sql.relation import Relations
from pglast import ast
from pglast.enums import A_Expr_Kind, JoinType, SetOperation, SubLinkType
from tests.harness import cases
from tests.harness.sql_tree import conjuncts, nodes, parts
from tests.oracle.apply import ApplyMaker
from tests.oracle.crossjoin import CrossMaker
from tests.oracle.evaluator import KINDS, NAVIGATION
from tests.oracle.joins import JoinMaker
from tests.oracle.queries import Maker, encoded, target
from tests.oracle.sequences import REFUSED, SequenceMaker

OWN_ACCOUNT = frozenset({"messages", "conversations", "inboxes", "labels"})
BY_MEMBERSHIP = frozenset({"users"})
BETWEEN = frozenset({"taggings", "tags", "inbox_members"})
SECRETS = frozenset({"encrypted_password", "reset_password_token", "confirmation_token", "tokens", "pubsub_token", "pubsub_tokens"})
ONE, MANY = (424242,), (424242, 737373)


@dataclass
class Checker:
    """Walks one statement; `uses` counts the tables whose policy was found."""

    arguments: list[Any]
    accounts: tuple[int, ...]
    uses: int = 0
    seen: set[int] = field(default_factory=set)

    def statement(self, text: str) -> None:
        [found] = pglast.parse_sql(text)
        assert isinstance(found.stmt, ast.SelectStmt), text
        self.select(found.stmt, {})
        every = list(nodes(found.stmt))
        assert self.seen == {id(n) for n in every if isinstance(n, ast.RangeVar)}, "a table stands where none is looked for"
        names = {part.sval for n in every if isinstance(n, ast.ColumnRef) for part in n.fields if isinstance(part, ast.String)}
        assert not names & SECRETS

    def select(self, node: ast.SelectStmt, outer: dict[str, str]) -> None:
        """One SELECT, or several with UNION ALL between; `outer` has the tables of those around it by alias."""
        assert not (node.withClause or node.intoClause or node.lockingClause or node.valuesLists)
        if node.op != SetOperation.SETOP_NONE:
            assert node.op == SetOperation.SETOP_UNION and node.all and not (node.sortClause or node.limitCount)
            self.select(node.larg, outer)
            self.select(node.rarg, outer)
            return
        scope = dict(outer)
        for item in node.fromClause or ():
            self.from_item(item, list(conjuncts(node.whereClause)), scope)
        for child in parts(node, skip=("fromClause",)):
            self.expression(child, scope)

    def from_item(self, item: Any, conditions: list[Any], scope: dict[str, str]) -> None:
        match item:
            case ast.RangeVar():
                self.table(item, conditions, scope)
            case ast.JoinExpr(jointype=JoinType.JOIN_LEFT, rarg=ast.RangeVar()):
                self.from_item(item.larg, conditions, scope)
                self.table(item.rarg, list(conjuncts(item.quals)), scope)
                self.expression(item.quals, scope)
            case ast.JoinExpr(jointype=JoinType.JOIN_LEFT, rarg=ast.RangeSubselect(lateral=True), quals=ast.A_Const()):
                self.from_item(item.larg, conditions, scope)
                self.select(item.rarg.subquery, scope)
            case ast.JoinExpr(jointype=JoinType.JOIN_INNER, larg=ast.RangeFunction(), rarg=ast.RangeSubselect(lateral=True), quals=None):
                self.accounts_of(item.larg)
                self.from_item(item.rarg, conditions, scope)
            case ast.RangeSubselect():
                self.select(item.subquery, scope)
                self.rows_of(item, scope)
            case ast.RangeFunction():
                self.items_of(item, scope)
            case _:
                raise AssertionError(f"{type(item).__name__} in FROM")

    def accounts_of(self, item: ast.RangeFunction) -> None:
        """unnest($n::int8[]) AS a (account), and only there a name without a table."""
        [[call, _]] = item.functions
        assert call.funcname[-1].sval == "unnest" and self.is_accounts(call.args[0], many=True)
        assert item.alias.aliasname == "a" and [c.sval for c in item.alias.colnames] == ["account"]

    def items_of(self, item: ast.RangeFunction, scope: dict[str, str]) -> None:
        """The items of an array, or numbers: no table is behind them."""
        [[call, _]] = item.functions
        assert call.funcname[-1].sval in ("unnest", "generate_series") and item.alias.aliasname in ("u", "g")
        self.expression(call, scope)

    def rows_of(self, item: ast.RangeSubselect, scope: dict[str, str]) -> None:
        """Rows of a table that passed, under the name the table has within: it stands for the table."""
        inner = item.subquery
        while inner.op != SetOperation.SETOP_NONE:
            inner = inner.larg
        alias = item.alias.aliasname
        uses = [u for u in inner.fromClause or () if isinstance(u, ast.RangeVar) and u.alias and u.alias.aliasname == alias]
        if uses:
            assert alias not in scope, f"{alias} hides another table"
            scope[alias] = uses[0].relname

    def table(self, use: ast.RangeVar, conditions: list[Any], scope: dict[str, str]) -> None:
        self.seen.add(id(use))
        name, alias = use.relname, use.alias.aliasname
        assert use.schemaname == "public" and alias not in scope, f"{alias} hides another table"
        scope[alias] = name
        if name in OWN_ACCOUNT:
            assert any(self.is_policy(c, alias) for c in conditions), f"no policy beside {name} AS {alias}"
        elif name in BY_MEMBERSHIP:
            assert any(self.is_membership(c, alias) for c in conditions), f"no membership beside {name} AS {alias}"
        else:
            raise AssertionError(f"table {name} stands alone")
        self.uses += 1

    def expression(self, node: Any, scope: dict[str, str]) -> None:
        """Everything of a SELECT but its FROM: other SELECTs stand in it."""
        if isinstance(node, ast.SubLink):
            assert node.testexpr is None or node.subLinkType == SubLinkType.ANY_SUBLINK
            if node.testexpr is not None:
                self.expression(node.testexpr, scope)
            if not self.is_between(node, scope) and not self.is_members(node, scope):
                self.select(node.subselect, scope)
            return
        assert not isinstance(node, ast.SelectStmt)
        for child in parts(node):
            self.expression(child, scope)

    # --- the forms ------------------------------------------------------------------------------------------------------------

    def is_policy(self, node: Any, alias: str) -> bool:
        """alias.account_id = $n::int8, or = ANY($n::int8[]), where $n is the caller's accounts."""
        if not isinstance(node, ast.A_Expr) or node.name[0].sval != "=" or column(node.lexpr) != (alias, "account_id"):
            return False
        many = node.kind == A_Expr_Kind.AEXPR_OP_ANY
        return (many or node.kind == A_Expr_Kind.AEXPR_OP) and self.is_accounts(node.rexpr, many=many)

    def is_accounts(self, value: Any, *, many: bool) -> bool:
        """$n::int8[], or $n::int8 for a caller with one account, where $n is the caller's accounts."""
        if not isinstance(value, ast.TypeCast) or not isinstance(value.arg, ast.ParamRef):
            return False
        wanted = list(self.accounts) if many else self.accounts[0]
        return (
            (many or len(self.accounts) == 1)
            and value.typeName.names[-1].sval == "int8"
            and bool(value.typeName.arrayBounds) == many
            and self.arguments[value.arg.number - 1] == wanted
        )

    def is_membership(self, node: Any, alias: str) -> bool:
        """EXISTS (SELECT 1 FROM account_users AS m WHERE m.user_id = alias.id AND m.account_id = policy), and nothing else in it."""
        inner = exists(node)
        if inner is None or len(inner.fromClause) != 1 or not isinstance(inner.fromClause[0], ast.RangeVar):
            return False
        use = inner.fromClause[0]
        if use.relname != "account_users":
            return False
        name = use.alias.aliasname
        terms = list(conjuncts(inner.whereClause))
        tied = [t for t in terms if equals(t) == {(name, "user_id"), (alias, "id")}]
        return len(terms) == 2 and len(tied) == 1 and any(self.is_policy(t, name) for t in terms)

    def is_members(self, node: ast.SubLink, scope: dict[str, str]) -> bool:
        """A membership test of a user in reach."""
        if not any(self.is_membership(node, alias) for alias, name in scope.items() if name in BY_MEMBERSHIP):
            return False
        self.seen.add(id(node.subselect.fromClause[0]))
        return True

    def is_between(self, node: ast.SubLink, scope: dict[str, str]) -> bool:
        """EXISTS over link tables only, tying at least two tables that were checked; nothing but equalities and constants in it."""
        inner = exists(node)
        uses = [] if inner is None else list(inner.fromClause or ())
        if inner is None or not uses or not all(isinstance(u, ast.RangeVar) and u.relname in BETWEEN for u in uses):
            return False
        own = {u.alias.aliasname for u in uses}
        assert not own & scope.keys()
        terms = list(conjuncts(inner.whereClause))
        assert all(isinstance(t, ast.A_Expr) and t.name[0].sval == "=" for t in terms)
        reached = {column(n)[0] for t in terms for n in nodes(t) if isinstance(n, ast.ColumnRef)}
        assert own <= reached and reached <= own | scope.keys()
        assert len(reached - own) >= 2, "link tables must tie two tables"
        self.seen |= {id(u) for u in uses}
        return True


def column(node: Any) -> tuple[str, str]:
    """(alias, column) of a column reference, or two empty texts."""
    if isinstance(node, ast.ColumnRef) and len(node.fields) == 2 and isinstance(node.fields[1], ast.String):
        return node.fields[0].sval, node.fields[1].sval
    return "", ""


def equals(node: Any) -> set[tuple[str, str]]:
    """Both columns of `a = b`."""
    if isinstance(node, ast.A_Expr) and node.kind == A_Expr_Kind.AEXPR_OP and node.name[0].sval == "=":
        return {column(node.lexpr), column(node.rexpr)}
    return set()


def exists(node: Any) -> ast.SelectStmt | None:
    if isinstance(node, ast.SubLink) and node.subLinkType == SubLinkType.EXISTS_SUBLINK:
        return node.subselect
    return None


def check(
    request: str, accounts: tuple[int, ...], after: tuple[str | None, ...] | None = None, row_format: JsonFormat | None = None
) -> int:
    """Check every statement of a request, with and without indexes known; the number of tables in those that need none."""
    checked: list[tuple[str, list[Any]]] = []
    uses = 0
    for model in (cases.MODEL, cases.INDEXED):
        for statement in cases.compiled(request, accounts, after, row_format, model).values():
            if statement in checked:
                continue  # the indexes change nothing
            checked.append(statement)
            checker = Checker(statement[1], accounts)
            checker.statement(statement[0])
            uses += checker.uses if model is cases.MODEL else 0
    return uses


@pytest.mark.parametrize("accounts", [ONE, MANY])
@pytest.mark.parametrize("path", sorted(cases.FOLDER.glob("*.case")), ids=lambda path: path.stem)
def test_every_table_of_a_golden_case_has_its_policy(path, accounts):
    case = cases.read(path)
    assert check(case.request, accounts, case.after, case.row_format) >= 1


@pytest.mark.parametrize("number", range(200))
def test_every_table_of_a_generated_query_has_its_policy(literals_world, number):
    maker = Maker(f"policy {number}", literals_world)
    type_ = tuple(KINDS)[number % len(KINDS)]
    query = maker.expanded(type_, 3) if number % 2 else maker.query(type_, 4)
    path = (None, f"{type_}/$count")[number % 8 == 0]
    text = target(query, path)
    assert check(text, (ONE, MANY)[number % 3 == 0]) >= 1, text


@pytest.mark.parametrize("number", range(100))
def test_every_table_of_a_generated_apply_has_its_policy(literals_world, number):
    query = ApplyMaker(f"policy {number}", literals_world).apply(tuple(KINDS)[number % len(KINDS)])
    text = f"{query.type}?{encoded(query.options())}"
    assert check(text, (ONE, MANY)[number % 3 == 0]) >= 1, text


@pytest.mark.parametrize("number", range(60))
def test_every_table_of_a_generated_sequence_has_its_policy(number):
    type_ = tuple(KINDS)[number % len(KINDS)]
    maker = SequenceMaker(f"policy {number}", type_)
    text = f"{type_}?{encoded(['$apply=' + maker.sequence(maker.start(), 2, 2).text])}"
    try:
        assert check(text, (ONE, MANY)[number % 3 == 0]) >= 1, text
    except Unsupported as refusal:
        assert any(reason in str(refusal) for reason in REFUSED), text
    except (LimitDepth, LimitNodes):
        assert "concat(" in text or "rollup(" in text


@pytest.mark.parametrize("number", range(40))
def test_every_table_of_a_generated_apply_inside_expand_has_its_policy(literals_world, number):
    parent = tuple(NAVIGATION)[1 + number % 4]
    name, query = ApplyMaker(f"policy {number}", literals_world).nested(parent)
    text = f"{parent}?$expand={name}({';'.join(encoded([option]) for option in query.options())})"
    assert check(text, (ONE, MANY)[number % 3 == 0]) >= 2, text


@pytest.mark.parametrize("number", range(40))
def test_every_table_of_a_generated_join_has_its_policy(literals_world, number):
    query = JoinMaker(f"policy {number}", literals_world).join(tuple(NAVIGATION)[1 + number % 4])
    text = f"{query.type}?{encoded(query.options())}"
    assert check(text, (ONE, MANY)[number % 3 == 0]) >= 2, text


@pytest.mark.parametrize("number", range(60))
def test_every_table_of_a_generated_crossjoin_has_its_policy(literals_world, number):
    crossjoin = CrossMaker(f"policy {number}", literals_world).crossjoin(literals_world)
    after = ("1",) * len(crossjoin.sets) if number % 2 and not crossjoin.order else None
    text = f"{crossjoin.path}/$count?{crossjoin.target.partition('?')[2]}" if number % 5 == 0 else crossjoin.target
    assert check(text, (ONE, MANY)[number % 3 == 0], None if number % 5 == 0 else after) >= len(crossjoin.sets), text


@pytest.mark.parametrize("path", ["Conversation(1)/messages(2)/sender/inboxes(3)/conversations(4)/labels", "Label(1)/conversations(2)/inbox/members/$ref",
                                  "User(1)/messages(1)/conversation/assignee/assigned_conversations/$count", "Inbox(1)/members(2)/name/$value"])  # fmt: skip
def test_every_step_of_a_path_has_its_policy(path):
    assert check(path, ONE) >= path.count("/") - path.count("/$") - path.count("/name")


# --- the test itself ----------------------------------------------------------------------------------------------------------


def test_this_test_fails_without_the_policy(monkeypatch):
    monkeypatch.setattr(Relations, "_policy", lambda self, source: [])
    for request in ("Message", "User", "Conversation(1)/messages"):
        with pytest.raises(AssertionError):
            check(request, ONE)


@pytest.mark.parametrize("number", range(6))
def test_this_test_fails_where_the_policy_of_one_table_is_missing(monkeypatch, number):
    """The policy of the n-th use of a table is left out; that table's use is found."""
    policy, count = Relations._policy, iter(range(1000))
    monkeypatch.setattr(Relations, "_policy", lambda self, source: [] if next(count) == number else policy(self, source))
    with pytest.raises(AssertionError):
        check("Conversation?$expand=assignee&$filter=labels/any(l:l/id eq 1) and assignee/inboxes/any(b:b/members/any())", ONE)


@pytest.mark.parametrize(
    "text",
    [
        'SELECT 1 FROM "public"."messages" AS t0',
        'SELECT 1 FROM "public"."messages" AS t0 WHERE t0."account_id" = $1::int8 OR true',
        'SELECT 1 FROM "public"."messages" AS t0 WHERE t0."account_id" = $2::int8',
        'SELECT 1 FROM "public"."messages" AS t0 WHERE t0."inbox_id" = $1::int8',
        'SELECT 1 FROM "public"."messages" AS t0 WHERE NOT (t0."account_id" = $1::int8)',
        'SELECT 1 FROM "public"."messages" AS t0, "public"."inboxes" AS t1 WHERE t0."account_id" = $1::int8',
        'SELECT (SELECT 1 FROM "public"."labels" AS t1) FROM "public"."messages" AS t0 WHERE t0."account_id" = $1::int8',
        'SELECT 1 FROM "public"."messages" AS t0 LEFT JOIN "public"."users" AS t1 ON true WHERE t0."account_id" = $1::int8',
        'SELECT 1 FROM "public"."messages" AS t0 WHERE t0."account_id" = $1::int8 UNION SELECT 2',
        'SELECT 1 FROM "public"."messages" AS t0 WHERE t0."account_id" = $1::int8 AND EXISTS (SELECT 1 FROM "public"."tags" AS t1 WHERE t1."id" = t0."id")',
        'SELECT 1 FROM "public"."tags" AS t0',
        'SELECT 1 FROM "public"."account_users" AS t0 WHERE t0."account_id" = $1::int8',
        'SELECT 1 FROM "public"."users" AS t0 WHERE EXISTS (SELECT 1 FROM "public"."account_users" AS m WHERE m."account_id" = $1::int8 AND m."id" = t0."id")',
        'SELECT 1 FROM "public"."users" AS t0 WHERE EXISTS (SELECT 1 FROM "public"."account_users" AS m WHERE m."user_id" = t0."id")',
        'SELECT t0."tokens" FROM "public"."messages" AS t0 WHERE t0."account_id" = $1::int8',
        'DELETE FROM "public"."messages" AS t0 WHERE t0."account_id" = $1::int8',
        'SELECT 1 FROM "public"."messages" AS t0 WHERE t0."account_id" = ANY($1::int8[])',
        'SELECT 1 FROM ((SELECT t0."id" FROM "public"."messages" AS t0 WHERE t0."account_id" = $1::int8) UNION ALL '
        '(SELECT t0."id" FROM "public"."messages" AS t0)) AS t0',
        'SELECT 1 FROM ((SELECT t0."id" FROM "public"."messages" AS t0 WHERE t0."account_id" = $1::int8) UNION '
        '(SELECT t0."id" FROM "public"."messages" AS t0 WHERE t0."account_id" = $1::int8)) AS t0',
    ],
)
def test_this_test_refuses(text):
    with pytest.raises(AssertionError):
        Checker([ONE[0], 5], ONE).statement(text)


@pytest.mark.parametrize(
    "text",
    [
        'SELECT 1 FROM unnest($1::int8[]) AS a (account) CROSS JOIN LATERAL (SELECT 1 FROM "public"."messages" AS t0 '
        'WHERE t0."account_id" = a.account) AS t0',
        'SELECT 1 FROM unnest($2::int8[]) AS a (account) CROSS JOIN LATERAL (SELECT 1 FROM "public"."messages" AS t0 '
        'WHERE t0."account_id" = ANY($1::int8[])) AS t0',
        'SELECT 1 FROM generate_series(1, 9) AS a (account) CROSS JOIN LATERAL (SELECT 1 FROM "public"."messages" AS t0 '
        'WHERE t0."account_id" = ANY($1::int8[])) AS t0',
    ],
)
def test_this_test_refuses_for_many_accounts(text):
    with pytest.raises(AssertionError):
        Checker([list(MANY), [*MANY, 5]], MANY).statement(text)


def test_a_block_without_a_policy_is_a_type_that_asks_for_none():
    """`Unscoped` is for other schemas; Live Agent has no such type."""
    assert all(type(t.policy).__name__ != "Unscoped" for t in cases.MODEL.entity_types.values())


def test_refusals_are_odata_errors():
    with pytest.raises(ODataError):
        check("account_users", ONE)
