"""What answered parts of a batch leave for later ones: paths, values, and that they failed."""

from __future__ import annotations

import json

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import UrlDependency, UrlSyntax
from odata_gateway.handlers.earlier_parts import EarlierParts
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.protocol.batch.json_requests import read_json
from odata_gateway.protocol.message import Reply
from tests.harness.cases import MODEL

COMPILER = Compiler(MODEL, limits=Limits(), max_url_bytes=1000, cache_entries=8)


def earlier(*requests: dict[str, object]) -> tuple[EarlierParts, list]:
    body = json.dumps({"requests": [{"method": "GET"} | request for request in requests]})
    parts = read_json(body.encode(), most=10)
    return EarlierParts(tuple(parts)), parts


def answered(status: int = 200, **members: object) -> Reply:
    return Reply(status, (), json.dumps(members).encode())


def test_a_later_part_begins_where_an_earlier_one_led():
    known, (one, two, three) = earlier(
        {"id": "1", "url": "Message(1)?$select=id"}, {"id": "2", "url": "$1/conversation"}, {"id": "3", "url": "$2"}
    )
    assert known.resolved(one, one.url, COMPILER) == "Message(1)?$select=id"
    assert known.resolved(two, two.url, COMPILER) == "Message(1)/conversation"
    assert known.resolved(three, three.url, COMPILER) == "Message(1)/conversation"


@pytest.mark.parametrize("url", ["Message", "Message(@k)?@k=1", "Message(1)/id", "/"])
def test_only_an_entity_can_be_referred_to(url):
    known, (one, two) = earlier({"id": "1", "url": url}, {"id": "2", "url": "$1/x"})
    known.resolved(one, one.url, COMPILER)
    with pytest.raises(UrlSyntax):
        known.resolved(two, two.url, COMPILER)


def test_a_later_id_is_not_known_yet_and_a_reserved_one_is_none():
    known, (one, _, three) = earlier({"id": "1", "url": "$2"}, {"id": "2", "url": "Message(1)"}, {"id": "all", "url": "$all"})
    with pytest.raises(UrlSyntax):
        known.resolved(one, one.url, COMPILER)
    assert known.resolved(three, three.url, COMPILER) == "$all"


def test_values_are_those_of_the_answer():
    known, (one, *_) = earlier(
        {"id": "1", "url": "Message(1)"}, {"id": "2", "url": "Message?$filter=id eq $1/conversation_id and content eq $1/content"}
    )
    with pytest.raises(UrlSyntax):
        known.literal("1", ("content",))
    known.answered(one, one.url, answered(conversation_id=17, content="it's"), COMPILER)
    assert known.literal("1", ("conversation_id",)) == "17"
    assert known.literal("1", ("content",)) == "'it''s'"
    assert known.literal("x", ("content",)) is None


def test_a_value_that_the_answer_lacks_is_an_error_of_who_asks_for_it():
    known, (one, *_) = earlier({"id": "1", "url": "Message(1)"}, {"id": "2", "url": "Message?$filter=id eq $1/status"})
    known.answered(one, one.url, answered(id=1), COMPILER)
    with pytest.raises(UrlSyntax):
        known.literal("1", ("status",))


def test_what_failed_fails_its_group_and_those_that_need_it():
    known, (one, two, three, four) = earlier(
        {"id": "1", "url": "Message(1)", "atomicityGroup": "g"},
        {"id": "2", "url": "Message(2)", "atomicityGroup": "g"},
        {"id": "3", "url": "$2/conversation", "dependsOn": ["g"]},
        {"id": "4", "url": "Message(3)"},
    )
    known.check_needs(two)
    known.failed(one)
    for part in (two, three):
        with pytest.raises(UrlDependency):
            known.check_needs(part)
    with pytest.raises(UrlDependency):
        known.resolved(three, three.url, COMPILER)
    known.check_needs(four)
