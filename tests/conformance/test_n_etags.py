"""ETags: entities have none, $metadata and the service document have one."""

import pytest


def test_n01_an_entity_has_no_etag(ask):
    reply = ask("Label(1)")
    assert "etag" not in reply.headers and "@odata.etag" not in reply.json()


@pytest.mark.parametrize("headers", [{"If-None-Match": 'W/"x"'}, {"If-None-Match": '"x"'}])
def test_n03_another_etag_gets_a_full_answer(ask, headers):
    assert ask("Label(1)", headers=headers).json() == ask.json("Label(1)")


def test_n04_if_match_is_ignored_where_there_are_no_etags(ask):
    assert ask("Label(1)", headers={"If-Match": 'W/"x"'}).json() == ask.json("Label(1)")


@pytest.mark.parametrize("target", ["$metadata", "$metadata?$format=json", "", "?$format=application/json;odata.metadata=none"])
def test_n05_documents_have_an_etag(ask, target):
    etag = ask(target).headers["etag"]
    for header in (etag, f'"other", {etag}', "*"):
        reply = ask(target, 304, headers={"If-None-Match": header})
        assert reply.body == b"" and reply.headers["etag"] == etag
    assert ask(target, headers={"If-None-Match": '"other"'}).body
