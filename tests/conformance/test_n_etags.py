"""ETags: entities have none, $metadata and the service document have one."""

import pytest
from tests.harness.batch import multipart, parts_of, post


def test_n01_an_entity_has_no_etag(ask):
    reply = ask("Label(1)")
    assert "etag" not in reply.headers and "@odata.etag" not in reply.json()


@pytest.mark.parametrize("headers", [{"If-None-Match": 'W/"x"'}, {"If-None-Match": '"x"'}])
def test_n03_another_etag_gets_a_full_answer(ask, headers):
    assert ask("Label(1)", headers=headers).json() == ask.json("Label(1)")


def test_n04_if_match_is_ignored_where_there_are_no_etags(ask):
    assert ask("Label(1)", headers={"If-Match": 'W/"x"'}).json() == ask.json("Label(1)")


@pytest.mark.parametrize(
    "target", ["$metadata", "$metadata?$format=json", "openapi.json", "", "?$format=application/json;odata.metadata=none"]
)
def test_n02_and_n05_the_etag_of_a_document_gets_304(ask, target):
    """By weak comparison, and with as few headers as RFC 9110 asks for."""
    etag = ask(target).headers["etag"]
    for header in (etag, f'"other", {etag}', "*", etag.removeprefix("W/"), "W/" + etag.removeprefix("W/")):
        reply = ask(target, 304, headers={"If-None-Match": header})
        assert reply.body == b"" and reply.headers["etag"] == etag and "content-type" not in reply.headers
    assert ask(target, headers={"If-None-Match": '"other"'}).body


@pytest.mark.parametrize("target", ["$metadata", "$metadata?$format=json", "openapi.json", ""])
def test_n04_if_match_on_a_document_must_name_its_etag(ask, target):
    etag = ask(target).headers["etag"]
    for header in (etag, "*", f'"x", {etag}'):
        assert ask(target, headers={"If-Match": header}).body
    assert ask.error(target, 412, headers={"If-Match": 'W/"x"'})["target"] == "If-Match"
    [part] = parts_of(post(ask.gateway, multipart(f"GET {target or '/'}\nIf-Match: x")))
    assert part.status == 412
