"""Tokens stay valid across versions: these digests are in links that clients kept from an earlier version of the gateway."""

from __future__ import annotations

import pytest
from odata_gateway.compiler.compiled_query import ArgumentValues
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.formats.registry import DEFAULT_ENCODING
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.plan.tree.slots import LinkSlot
from odata_gateway.sql.statement import StatementVariant
from tests.harness.cases import MODEL

OWN = [
    ("Message?$orderby=content desc&$top=5", "67f18c1e67e720419c15e9bd1a2d11a024094fd0399c02747714ba555ca1a41a", ""),
    ("Message?$filter=status eq 1 and contains(content,'a')&$skiptoken=x&$format=json",
     "eac6287210de9f0c0a5c8cc2ba0583157fd5fa0e20abdf6b06ca0db86e830ea0", ""),
    ("Conversation(17)/messages?$filter=id in (1,2,3000000000)", "65413388e3e0f70bc2c9300a8312e9dfd12dce0848f453fe2e73f0cd6b730682", "17"),
    ("Message/$filter(id gt 3)?$count=true", "20931194f5832e8ef4e190fe339f9a2a4bf7a1117071458073abbcb485e1d679", "3"),
    ("$crossjoin(Inbox,Label)?$filter=Inbox/id eq Label/id", "071b048a0b3100597467d952f2225df2c04a2fb067fc64216aa04fcea0596936", ""),
    ('$all?$search=a OR "b c"', "405e1259c2a08a79718f0cef97ec1da0c51e564e67602a52f52a1b92f2ce70e6", ""),
    ("Conversation/17/messages?filter=created_at gt 2021-01-01T00:00:00%2B02:00",
     "142b0524fa167bf3879cafae2119ab195c01baebe4d815ea370b6905ab89a1ef", ""),
    ("Message?x=1&$filter=id gt @p&@p=2.50", "53951eca4cacea1913a5530629169b9d0aad2bde69fcc5ceeb26e1b777146f2d", ""),
    ("Conversation(1)/messages/$ref?$filter=sender_id eq $root/Conversation(@__it)/id&@__it=17",
     "964a020d85ef54f53c2931cc955ed251f47735948a246f3c6d7ea41fb609b745", "1,17"),
]  # fmt: skip
NESTED = [
    ("Conversation?$expand=messages", ["?apikey=k&$skiptoken=", "a385f85746c70f6589776a7c885aead95d86ea252e641c45099094dd2392531f"]),
    ("Conversation?$expand=messages/$ref", ["?apikey=k&$skiptoken=", "1561828e1aefc91b3bed38d364da61db606fdc3bafa19ed3425938a5e3609342"]),
    ("Conversation?$expand=messages($filter=created_at gt 2021-01-01T00:00:00%2B02:00 and id in (1,2,3000000000);"
     "$orderby=content desc;$top=3;$skip=1;$count=true)",
     ["?$filter=((created_at%20gt%202020-12-31T22:00:00.000000Z)%20and%20(id%20in%20%5B1,2,3000000000%5D))&$orderby=content%20desc"
      "&$top=3&$skip=1&$count=true&apikey=k&$skiptoken=", "d52772d82be36502a6177897af9060764eb4230eaece16f80ea0dedfb957b4fb"]),
    ("Conversation?$expand=messages($filter=id gt @p and content ne 'x''y/%26%2B';$compute=id add 1.50 as n;$select=n)&@p=3",
     ["?$filter=((id%20gt%20@p)%20and%20(content%20ne%20'x''y%2F%26%2B'))&$compute=(id%20add%201.50)%20as%20n&$select=n&@p=3"
      "&apikey=k&$skiptoken=", "e683ffb9fed8c0f074dfb6e49e065a9a2ff4eb0942f741e940da6fdae1ee1901"]),
    ('Inbox?$expand=conversations($expand=messages($search=a OR "b c"))',
     ["?$expand=messages($search=(%22a%22%20OR%20%22b%20c%22))&apikey=k&$skiptoken=",
      "853ce379d99273bc5b9d5119ca42544583a950955967ca95acf43ec7a8716087",
      "?$search=(%22a%22%20OR%20%22b%20c%22)&apikey=k&$skiptoken=", "031f02027c29406bd199db90c6479ed39344266bb432c1a5f5edee1bf2aba101"]),
    ("Conversation?$expand=messages($filter=$it/id eq conversation_id;$apply=groupby((status),aggregate($count as n)))",
     ["?$filter=($root/Conversation(@__it)/id%20eq%20conversation_id)&$apply=groupby((status),aggregate($count%20as%20n))"
      "&apikey=k&$skiptoken=", "1d4277d65798677172be0a3371a535dfc498dfec5e4acca71003084807f1852a"]),
]  # fmt: skip


@pytest.fixture
def compiler() -> Compiler:
    return Compiler(MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=8)


@pytest.mark.parametrize(("target", "digest", "keys"), OWN)
def test_the_digest_of_a_query_stays_the_same(compiler, target, digest, keys):
    url = compiler.parse(target)
    assert (url.query_digest(), url.path_keys()) == (digest, keys)


@pytest.mark.parametrize(("target", "texts"), NESTED)
def test_the_links_of_expanded_collections_stay_the_same(compiler, target, texts):
    compiled = compiler.compile(target)
    statement = compiled.statement("rows", StatementVariant(DEFAULT_ENCODING))
    values = ArgumentValues(compiled.url.values, Caller("1", (1,)), root="R/", credential="apikey=k")
    arguments = zip(statement.slots, statement.bind(values).arguments, strict=True)
    assert [text for slot, text in arguments if isinstance(slot, LinkSlot) and slot.part != "root"] == texts


@pytest.mark.parametrize(("target", "texts"), NESTED)
def test_the_digest_in_a_nested_link_is_that_of_the_request_that_follows_it(compiler, target, texts):
    path = {"Inbox": "Inbox(1)/conversations"}.get(target.partition("?")[0], "Conversation(1)/messages")
    path += "/$ref" if target.endswith("/$ref") else ""
    assert compiler.parse(f"{path}{texts[0]}x").query_digest() == texts[1]


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("Flag(true)/x", "true"),
        ("Flag(TRUE)/x", "true"),
        ("Set(a=false,b=1,c='true',d=true)/x", "false,1,true,true"),
        ("Set(a=ffffffff-ffff-ffff-ffff-ffffffffffff,b=false)/x", "ffffffff-ffff-ffff-ffff-ffffffffffff,false"),
        ("Set('(true)')/x", "(true)"),
        ("Set(truth=1)/x", "1"),
        ("Set/true/x", ""),
        ("Set(1)/true(2)/x", "1,2"),
    ],
)
def test_a_boolean_key_is_among_the_keys_of_the_path(compiler, path, keys):
    """As Postgres writes them into the token of a nested next link."""
    assert compiler.parse(f"{path}?$top=1").path_keys() == keys
