"""Expressions of every form nest as deep as ODATA_MAX_DEPTH may allow."""

import pytest
from odata_gateway.plan.scope.limits import Limits
from tests.harness.binding import bound

DEEP = Limits(depth=150, nodes=100_000)
"""150 is the greatest value of ODATA_MAX_DEPTH; Python's stack must hold it, beside that of the server."""
NESTED = {
    "not": ("not(", "private", ")", ""),
    "arithmetic": ("(", "id", " add 1)", " eq 1"),
    "comparison": ("(", "private", " eq true)", ""),
    "in": ("(", "private", " in [true,private])", ""),
    "function": ("concat(", "content", ",'x')", " eq 'a'"),
    "case": ("case(private:", "1", ",true:2)", " eq 1"),
    "collection": ("[", "id", "]", " eq " + "[" * 140 + "1" + "]" * 140),
}


@pytest.mark.parametrize("form", NESTED)
@pytest.mark.parametrize("option", ["$filter={}", "$filter=@a&@a={}"])
def test_expressions_nest_as_deep_as_the_limit_allows(form, option):
    before, innermost, after, end = NESTED[form]
    text = before * 140 + innermost + after * 140 + end
    assert bound(f"Message?{option.format(text)}", DEEP).block.predicates
