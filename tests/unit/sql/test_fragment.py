"""SQL as a value: pieces, quoting, and parameters that are numbered once."""

import pglast
import pytest
from odata_gateway.plan.tree.slots import AccountsSlot, LimitSlot, LiteralSlot, PageSlot
from odata_gateway.sql.fragment import EMPTY, Sql, alias, build, finish, finish_together, ident, join, param, quoted, raw
from odata_gateway.types.primitive import INT32, INT64, STRING

HOSTILE = [
    "",
    "it's",
    "''",
    "a\\b",
    "\\'",
    "a\nb",
    '"',
    '""',
    "--",
    "/*",
    "$1",
    "{0}",
    "{",
    "}",
    "%",
    "\u2028",
    "👋",
    "E'",
    "; DROP TABLE x",
]


def constant(text: str) -> str:
    """The string Postgres's parser reads in a constant."""
    [found] = pglast.parse_sql(f"SELECT {text}")
    return found.stmt.targetList[0].val.val.sval


@pytest.mark.parametrize("text", HOSTILE)
def test_quoted_text_is_one_constant_with_that_text(text):
    assert constant(finish(quoted(text)).text) == text


@pytest.mark.parametrize("text", [t for t in HOSTILE if t])
def test_a_quoted_name_is_one_name(text):
    [found] = pglast.parse_sql(f"SELECT {finish(ident(text)).text}")
    assert [part.sval for part in found.stmt.targetList[0].val.fields] == [text]


@pytest.mark.parametrize("text", HOSTILE)
def test_pieces_are_never_read_as_templates(text):
    assert finish(build("<{0}>{1}", quoted(text), ident("x"))).text == f'<{finish(quoted(text)).text}>"x"'


def test_braces_are_doubled_in_templates():
    assert finish(build("#>> '{{}}' {0}", raw("x"))).text == "#>> '{}' x"


def test_a_piece_may_stand_twice():
    slot = LiteralSlot(0, INT32)
    statement = finish(build("{0} + {0}", param(slot, "int8")))
    assert statement.text == "$1::int8 + $1::int8" and statement.slots == (slot,)


def test_parameters_are_numbered_in_order_and_shared_only_with_the_same_type():
    one, two = LiteralSlot(0, INT32), LiteralSlot(1, INT32)
    statement = finish(
        join(" ", (param(two, "int8"), param(one, "int8"), param(two, "text"), param(LimitSlot(), "int8"), param(two, "int8")))
    )
    assert statement.text == "$1::int8 $2::int8 $3::text $4::int8 $1::int8"
    assert statement.slots == (two, one, two, LimitSlot())


def test_sql_adds_up():
    assert finish(raw("a") + EMPTY + param(PageSlot(), "int4") + alias(3)).text == "a$1::int4t3"
    assert finish(join(", ", ())).text == "" and Sql(()) == EMPTY


def test_a_statement_for_several_requests_has_an_array_for_each_literal():
    first, second, account = LiteralSlot(0, INT64), LiteralSlot(1, STRING), AccountsSlot(many=False)
    sql = build("SELECT {0} + {1} WHERE {2} = {0}", param(first, "int8"), param(account, "int8"), param(second, "text"))
    together = finish_together(sql)
    assert together.text == (
        "SELECT ARRAY(SELECT each_of.v1 + $2::int8 WHERE each_of.v3 = each_of.v1) "
        "FROM unnest($1::int8[], $3::text[]) WITH ORDINALITY AS each_of (v1, v3, n) ORDER BY each_of.n"
    )
    assert together.slots == finish(sql).slots == (first, account, second)
