"""`explain` shows the objects of the line, indented, and SQL that is still the statement."""

from __future__ import annotations

import re

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.explain import explain, sql_text, tree_text
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.errors import BindName
from odata_gateway.formats.registry import DEFAULT_ENCODING
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.scope.limits import Limits
from tests.harness.cases import MODEL, UNSCOPED

URL = "Conversation(1)/messages?$filter=contains(content,' FROM (x') and id in (1,2)&$expand=sender($select=id)&$count=true&$top=5"


def steps(target: str, accounts: tuple[int, ...] = (1,)) -> dict[str, str]:
    compiler = Compiler(MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=8)
    return dict(explain(compiler, target, Caller("1", accounts), encoding=DEFAULT_ENCODING).steps)


def test_every_value_and_every_statement_has_a_section():
    assert list(steps(URL)) == [
        *("target", "template", "values", "request", "query"),
        *("sql (rows)", "arguments (rows)", "sql (count)", "arguments (count)", "sql (parent)", "arguments (parent)"),
    ]


def test_values_are_told_by_slot_and_trees_by_name():
    found = steps(URL)
    assert found["values"].splitlines()[2] == "2: string ' FROM (x', in $filter at 17"
    assert found["template"].splitlines()[0] == "Conversation({int32})/messages{raw}"
    assert found["query"].startswith("Query\n  form: collection\n  entity_set: Message\n")


@pytest.mark.parametrize("accounts", [(1,), (1, 2)])
def test_no_line_is_too_long_to_read(accounts):
    for target in (
        URL,
        "Conversation?$expand=messages($expand=*;$top=2),labels",
        "Message?$apply=groupby((status),aggregate($count as n))",
    ):
        for title, text in steps(target, accounts).items():
            assert max(map(len, text.splitlines()), default=0) < 400, title


def test_the_sql_in_lines_is_the_statement():
    compiler = Compiler(MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=8)
    explained = explain(compiler, URL, Caller("1", (1,)), encoding=DEFAULT_ENCODING)
    shown = dict(explained.steps)["sql (rows)"]
    assert "\n" in shown and re.sub(r"\n *", " ", shown) == explained.rows.text


def test_constants_stay_in_one_piece():
    assert sql_text("SELECT ' FROM (' FROM t WHERE a IS DISTINCT FROM E'\\' WHERE'") == (
        "SELECT ' FROM ('\nFROM t\nWHERE a IS DISTINCT FROM E'\\' WHERE'"
    )


def test_a_value_that_fits_stands_on_one_line():
    assert tree_text(BoundStatement("SELECT 1", (1, "a"))) == "BoundStatement(text: SELECT 1, arguments: [1, a], replan: False)"


def test_a_mistake_is_raised_as_the_service_raises_it():
    with pytest.raises(BindName):
        steps("Message?$filter=statuss eq 1")


def test_the_statement_of_few_rows_is_the_one_that_is_sent():
    """It has a constant beside the number of rows where that is its only argument; where it has others, the number is that of $top."""
    compiler = Compiler(UNSCOPED, limits=Limits(), max_url_bytes=16_384, cache_entries=8)
    for target, limit in (("things?$top=4", "5) AS b LIMIT $1"), ("things?$top=100", "100) AS b LIMIT $1"), ("things", "$1")):
        found = dict(explain(compiler, target, Caller("1", (1,)), encoding=DEFAULT_ENCODING).steps)
        assert f"LIMIT {limit}::int4) AS p" in found["sql (rows)"]
    assert steps("Message?$top=4")["arguments (rows)"].splitlines()[0] == "$1: 4"
