"""Statements of $apply stay in proportion to the request, however its groups and kinds of rows nest."""

import pytest
from odata_gateway.errors import BindName
from odata_gateway.formats.registry import DEFAULT_ENCODING
from tests.harness.cases import MODEL, Compiler, Limits, StatementVariant
from tests.oracle.queries import encoded

MIXED = "concat(groupby((rollup(display_id,id)),top(1)),aggregate(id with max as x)/groupby((x),top(1)))"
NESTED = "groupby((contact_id),groupby((assignee_id),filter(status gt 0))/filter(isdefined(contact_inbox_id)))"


@pytest.mark.parametrize(
    "steps",
    [
        f"{MIXED}/{NESTED}/groupby((contact_inbox_id,inbox/account_id),groupby((rollup(status,assignee_id)),filter(campaign_id gt 1)))",
        f"{MIXED}/" + "/".join(["groupby((status),filter(isdefined(id) or isdefined(x)))"] * 5),
        "/".join(["groupby((status),topsum(1,id)/filter(id gt 1))"] * 6),
    ],
)
def test_a_statement_grows_no_faster_than_its_steps(steps):
    compiler = Compiler(MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=8)
    statement = compiler.compile("Conversation?" + encoded([f"$apply={steps}"])).statement("rows", StatementVariant(DEFAULT_ENCODING))
    assert len(statement.text) < 100 * len(steps), len(statement.text)


@pytest.mark.parametrize(("name", "hint"), [("inbox", "groupby((inbox))"), ("messages", "join(messages as ...)")])
def test_what_was_aggregated_away_is_expanded_by_what_the_error_says(name, hint):
    compiler = Compiler(MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=8)
    with pytest.raises(BindName) as refused:
        compiler.compile(f"Conversation?$apply=groupby((status))&$expand={name}")
    assert hint in str(refused.value.hint)
