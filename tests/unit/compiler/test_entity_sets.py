"""`$all` and `$entity` are compiled from the parts of their URL."""

from __future__ import annotations

import pytest
from odata_gateway.compiler.compiled_query import ArgumentValues, CompiledQuery
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.entity_sets import AllEntities
from odata_gateway.errors import BindOption, BindSegment, UrlOption, UrlSyntax
from odata_gateway.formats.registry import DEFAULT_ENCODING
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.sql.statement import StatementVariant
from tests.harness.cases import MODEL


@pytest.fixture
def compiler() -> Compiler:
    return Compiler(MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=64)


def whole(compiler: Compiler, target: str) -> AllEntities:
    found = compiler.compile_all(compiler.parse(target))
    assert isinstance(found, AllEntities)
    return found


def bound(compiled: CompiledQuery, kind="rows"):
    return compiled.statement(kind, StatementVariant(DEFAULT_ENCODING)).bind(
        ArgumentValues(compiled.url.values, Caller("1", (1,)), limit=100)
    )


@pytest.mark.parametrize(
    ("target", "skip", "alone"),
    [
        ("$all", 0, "Message"),
        ("$all?$search=a OR \"b c\"&$count=true", 0, 'Message?$search=a OR "b c"&$count=true'),
        ("$all?$search=a%26$top=1", 0, "Message?$search=a%26$top=1"),
        ("$all?$top=7&$skip=12&$search=a", 5, "Message?$skip=5&$search=a"),
        ("$all?$format=json&x=1&$skip=12", 12, "Message?$skip=12"),
    ],
)  # fmt: skip
def test_a_set_of_all_is_read_as_a_request_for_it_alone(compiler, target, skip, alone):
    of_set = compiler.compile_set(whole(compiler, target), "Message", skip)
    expected = compiler.compile(alone)
    assert of_set.query.counted is not None or "$count" not in target
    assert bound(of_set) == bound(expected)


def test_the_rest_of_a_skip_is_the_only_value_that_changes(compiler):
    all_ = whole(compiler, "$all?$skip=12&$search=a")
    assert [v.value for v in compiler.compile_set(all_, "Message", 5).url.values] == [5, "a"]
    assert [v.value for v in compiler.compile_set(all_, "Message").url.values] == [12, "a"]


def test_all_of_one_type_is_its_set(compiler):
    compiled = compiler.compile_all(compiler.parse("/$all/LiveAgent.Message?$filter=id gt 3&$top=2"))
    alone = compiler.compile("Message?$filter=id gt 3&$top=2")
    assert isinstance(compiled, CompiledQuery)
    assert (compiled.url.text, compiled.url.query_digest()) == ("Message", alone.url.query_digest())
    assert compiled.key == alone.key and bound(compiled) == bound(alone)


def test_what_all_cannot_be_asked(compiler):
    with pytest.raises(BindOption):
        compiler.compile_all(compiler.parse("$all?$filter=id eq 1"))


@pytest.mark.parametrize(
    ("target", "entity_id", "alone"),
    [
        ("$entity?$id=x", "Message(1)", "Message(1)"),
        ("$entity/LiveAgent.Message?$id=x&$select=id", "Message(1)", "Message(1)/LiveAgent.Message?$select=id"),
        ("$entity/LiveAgent.Message?$expand=sender&$id=x", "/Message(1)/", "Message(1)/LiveAgent.Message?$expand=sender"),
        ("$entity?$id=x&apikey=y", "Conversation(1)/inbox", "Conversation(1)/inbox"),
    ],
)  # fmt: skip
def test_an_entity_id_is_a_request_for_the_entity(compiler, target, entity_id, alone):
    assert bound(compiler.compile_entity_id(compiler.check(target), entity_id)) == bound(compiler.compile(alone))


@pytest.mark.parametrize("entity_id", ["", "/", "Message", "Message(1)/id", "Message/$count"])
def test_an_id_of_anything_else_is_refused(compiler, entity_id):
    with pytest.raises(BindSegment):
        compiler.compile_entity_id(compiler.check("$entity?$id=x"), entity_id)


def test_entity_needs_its_id(compiler):
    with pytest.raises(UrlOption):
        compiler.check("$entity")


@pytest.mark.parametrize("entity_id", ["Message(1)?$select=id", "Message?$top=1", "Message(1)?x=y"])
def test_an_id_with_query_options_is_refused_where_they_begin(compiler, entity_id):
    encoded = entity_id.replace("?", "%3F").replace("=", "%3D")
    with pytest.raises(UrlSyntax) as caught:
        compiler.compile_entity_id(compiler.check(f"$entity?$id={encoded}"), entity_id)
    assert (caught.value.target, caught.value.at) == ("$id", entity_id.index("?"))
