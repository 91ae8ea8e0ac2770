"""What expressions may grow to: many operations name an operand several times."""

from __future__ import annotations

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import LimitNodes
from odata_gateway.formats.registry import DEFAULT_ENCODING
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.sql.statement import StatementVariant
from tests.harness.cases import MODEL


def text_of(expression: str) -> str:
    compiler = Compiler(MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=8)
    return compiler.compile(f"Message?$compute={expression} as v").statement("rows", StatementVariant(DEFAULT_ENCODING)).text


def nested(template: str, inner: str, levels: int) -> str:
    for _ in range(levels):
        inner = template.replace("@", inner)
    return inner


@pytest.mark.parametrize(
    ("template", "inner"),
    [
        ("cast(cast(@,Edm.String),Edm.DateTimeOffset)", "created_at"),
        ("(@ add duration'P1D')", "created_at"),
        ("round(@)", "id divby 2e0"),
        ("substring(content,indexof('a',@))", "content"),
        ("indexof([1,2],substring([1,2],@,1))", "0"),
        ("case(@ add duration'P1D' eq created_at:created_at,true:updated_at)", "created_at"),
    ],
)
def test_operations_within_each_other_are_refused_before_their_sql_fills_the_memory(template, inner):
    assert len(text_of(nested(template, inner, 2))) < 2_000_000
    with pytest.raises(LimitNodes, match="too long"):
        text_of(nested(template, inner, 30))


def test_what_stands_side_by_side_is_counted_together():
    one = nested("(@ add duration'P1D')", "created_at", 5).join(("year(", ")"))
    assert text_of(one)
    with pytest.raises(LimitNodes, match="too long"):
        text_of(" add ".join([one] * 30))


def test_a_request_as_long_as_a_url_may_be_is_answered():
    assert text_of("(" + " or ".join(["id add 1 eq 2"] * 820) + ")")
