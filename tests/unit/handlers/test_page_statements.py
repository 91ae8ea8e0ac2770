"""The statements of a page start where they are told to, and carry what that changes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from odata_gateway.compiler.compiled_query import ArgumentValues
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.edm.model import Model
from odata_gateway.formats.registry import DEFAULT_ENCODING
from odata_gateway.handlers.page_statements import OrderValues, PageStatements
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.sql.statement import StatementVariant
from tests.harness.cases import INDEXED, MODEL, UNSCOPED


def page_of(target: str, keys: tuple[str | None, ...] | None = None, model: Model = MODEL) -> PageStatements:
    compiled = Compiler(model, limits=Limits(), max_url_bytes=16_384, cache_entries=64).compile(target)
    variant = StatementVariant(DEFAULT_ENCODING, null_mask=None if keys is None else tuple(key is None for key in keys))
    return PageStatements(compiled, variant, ArgumentValues(compiled.url.values, Caller("1", (7,)), keys=keys or ()))


def test_the_first_rows_are_those_of_the_request():
    first, behind = page_of("Message"), page_of("Message", ("41",))
    assert list(first.rows(None, 10, lookahead=False).arguments) == [10, 7]
    assert "41" in behind.rows(None, 10, lookahead=False).arguments
    assert first.rows(None, 10, lookahead=False).text != behind.rows(None, 10, lookahead=False).text


@pytest.mark.parametrize("after", [("5", "41"), (None, "41")])
def test_rows_behind_a_row_have_its_order_values(after: OrderValues):
    page = page_of("Message?$orderby=sender_id", ("3", "1"))
    found = page.rows(after, 20, lookahead=False)
    assert set(found.arguments) >= {key for key in after if key is not None} | {20} and "3" not in found.arguments
    assert page.rows(("5", "41"), 20, lookahead=False).text != page.rows((None, "41"), 20, lookahead=False).text


def test_only_a_look_ahead_reads_one_row_more():
    page = page_of("Message")
    assert "+ 1" in page.rows(None, 10, lookahead=True).text and "+ 1" not in page.rows(None, 10, lookahead=False).text


def test_a_boundary_is_found_without_the_texts_of_rows():
    assert "string_agg" not in page_of("Message").boundary(("41",), 10).text


@pytest.mark.parametrize(
    ("target", "replan"), [("Message?$filter=id gt 5&$count=true", True), ("Message?$filter=status eq 5&$count=true", False)]
)
def test_a_range_is_planned_for_its_own_bounds(target, replan):
    page = page_of(target)
    assert page.rows(None, 10, lookahead=False).replan is replan
    assert page.count().replan is replan


@pytest.mark.parametrize(
    ("target", "one", "several"),
    [
        ("Message?$filter=created_at gt 2021-01-01T00:00:00Z&$orderby=created_at", True, False),
        ("Message?$filter=created_at gt 2021-01-01T00:00:00Z&$orderby=id", True, True),
        ("Message?$filter=created_at gt 2021-01-01T00:00:00Z and status eq 1&$orderby=created_at", True, True),
        ("Message?$filter=source_id gt 'a' and startswith(source_id,'b')&$orderby=source_id", True, True),
    ],
)
def test_a_range_in_the_order_of_a_known_index_is_planned_once_where_no_account_has_fewer_rows_than_others(target, one, several):
    page = page_of(target + "&$count=true", model=INDEXED)
    last = ("2021-01-01", "41")[-len(page.compiled.query.order) :]
    for after in (None, last):
        assert page.rows(after, 10, lookahead=False).replan is one
    page = replace(page, variant=page.variant._replace(many_accounts=True))
    for after in (None, last):
        assert page.rows(after, 10, lookahead=False).replan is several
    assert page.count().replan


def test_only_rows_of_a_table_are_read_beforehand_so_that_their_server_keeps_memory():
    """What a function returns would be made once more."""
    page = page_of("Message")
    page = replace(page, variant=page.variant._replace(shard_accounts=1))
    query = page.compiled.query
    called = replace(query, block=replace(query.block, source=replace(query.block.source, call=object())))
    assert len(list(page.memory())) == 2
    assert not list(replace(page, compiled=page.compiled._replace(query=called)).memory())


# --- a number of rows in the statement ---------------------------------------------------------------------------------------------

ALL, OF_A_ROLE = Caller("anonymous"), Caller("anonymous", role="web")
OF_CLAIMS = Caller("anonymous", claims="{}")


def bound_of(page: PageStatements, rows: int, caller: Caller = ALL, *, lookahead: bool = False) -> int:
    """The constant that the statement of a page's first rows has; 0 without one."""
    page = replace(page, values=page.values._replace(caller=caller))
    found = re.search(r"LIMIT (\d+)\) AS b LIMIT \$1::int4", page.rows(None, rows, lookahead=lookahead).text)
    return 0 if found is None else int(found[1])


@pytest.mark.parametrize("target", ["things", "things?$orderby=made desc", "things?$filter=made eq null", "things/$ref"])
def test_few_first_rows_have_a_constant_beside_their_number(target):
    page = page_of(target.replace(" ", "%20"), model=UNSCOPED)
    assert {rows: bound_of(page, rows) for rows in (1, 4, 20, 99, 100, 101)} == {1: 1, 4: 5, 20: 20, 99: 100, 100: 100, 101: 0}
    assert bound_of(page, 4, lookahead=True) == 6
    assert list(page.rows(None, 4, lookahead=False).arguments) == [4]


@pytest.mark.parametrize("caller", [OF_A_ROLE, OF_CLAIMS])
def test_rows_that_policies_of_the_database_choose_are_planned_for_their_caller(caller):
    assert bound_of(page_of("things", model=UNSCOPED), 5, caller) == 0


@pytest.mark.parametrize("target", ["Message", "Message?$orderby=created_at", "Inbox(9)/messages", "Message?$filter=status eq null"])
@pytest.mark.parametrize("model", [MODEL, INDEXED])
def test_rows_of_an_account_are_planned_for_the_account(target, model):
    assert bound_of(page_of(target.replace(" ", "%20"), model=model), 5, Caller("1", (7,))) == 0


@pytest.mark.parametrize(
    "target", ["things?$filter=id gt 5", "things?$filter=id eq 5", "things?$skip=3", "things?$compute=id add 5 as a&$select=a"]
)
def test_a_value_of_the_client_is_planned_as_before(target):
    assert bound_of(page_of(target.replace(" ", "%20"), model=UNSCOPED), 5) == 0


def test_rows_behind_a_row_are_planned_for_that_row():
    page = page_of("things", model=UNSCOPED)
    assert "AS b LIMIT" not in page.rows(("5",), 5, lookahead=False).text
    assert "AS b LIMIT" not in page_of("things", ("5",), UNSCOPED).rows(None, 5, lookahead=False).text
