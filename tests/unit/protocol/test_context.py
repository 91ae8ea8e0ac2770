"""The fragments of context URLs (Protocol 10): what of the model a body shows."""

from dataclasses import replace

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.edm.csdl import load_model
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.protocol.context import fragment, items

COMPILER = Compiler(load_model(), limits=Limits(), max_url_bytes=16_384, cache_entries=100)


def context(target, version="4.01"):
    compiled = COMPILER.compile(target)
    return fragment(compiled.query, version, compiled.url.key_text)


@pytest.mark.parametrize(
    ("target", "older", "newer"),
    [
        ("Message", "#Message", "#Message"),
        ("Message(1)", "#Message/$entity", "#Message/$entity"),
        ("Message(1)/content", "#Message(1)/content", "#Message(1)/content"),
        ("Message/1/conversation/status/$value", "#Message(1)/conversation/status", "#Message(1)/conversation/status"),
        ("Conversation(1)/messages", "#Message", "#Message"),
        ("Conversation(1)/messages/$ref", "#Collection($ref)", "#Collection($ref)"),
        ("Message(1)/conversation/$ref", "#$ref", "#$ref"),
        ("Message?$select=id,content", "#Message(id,content)", "#Message(id,content)"),
        ("Message?$compute=id add 1 as n", "#Message(*,n)", "#Message(*,n)"),
        ("Message?$expand=conversation", "#Message", "#Message(conversation())"),
        ("Message?$select=id&$expand=conversation($select=id)", "#Message(id,conversation(id))", "#Message(id,conversation(id))"),
        ("Conversation?$expand=messages/$ref,labels/$count", "#Conversation", "#Conversation"),
        ("Message?$apply=aggregate($count as n)", "#Message(n)", "#Message(n)"),
        ("Message?$apply=groupby((status,conversation/status),aggregate($count as n))", "#Message(status,conversation(status),n)",
         "#Message(status,conversation(status),n)"),
        ("Message?$apply=concat(aggregate($count as n),groupby((status),aggregate($count as n)))", "#Message(n)", "#Message(n)"),
        ("Message?$apply=concat(aggregate($count as n),groupby((status)))", "#Message(@Core.AnyStructure)", "#Message(@Core.AnyStructure)"),
        ("Message?$apply=concat(identity,filter(id gt 1))", "#Message", "#Message"),
        ("$crossjoin(Message,Label)", "#Collection(Edm.ComplexType)", "#Collection(Edm.ComplexType)"),
    ],
)  # fmt: skip
def test_the_fragment_says_what_the_body_shows(target, older, newer):
    assert (context(target, "4.0"), context(target)) == (older, newer)


def test_levels_are_a_plus_sign():
    """It stands for all levels of the same navigation property, which are not written again (10.10)."""
    query = COMPILER.compile("Conversation?$expand=messages($select=id;$expand=inbox)").query
    [expand] = query.projection.expands
    deeper = replace(expand.content, expands=(*expand.content.expands, expand))
    projection = replace(query.projection, expands=(replace(expand, repeats=True, content=deeper),))
    assert items(projection, "4.01") == ["messages+(id,inbox())"]
