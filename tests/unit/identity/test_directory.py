"""Several ways in at once, in their order; what nobody knows is remembered, and asked for once."""

from __future__ import annotations

import gc

import pytest
from odata_gateway.db.schema.roles import RoleDirectory
from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthMissing
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.directory import CallerDirectory


class Way:
    """A way in over a dict; counts what it is asked."""

    name, gives_roles, named_roles = "test", True, frozenset({"web_user"})

    def __init__(self, fault=None, **known):
        self.known, self.asked, self.reason = known, [], fault

    async def fault(self):
        return self.reason

    def read_again(self):
        return False

    async def caller(self, token):
        self.asked.append(token)
        found = self.known.get(token)
        if isinstance(found, Exception):
            raise found
        return found


class Roles(RoleDirectory):
    """Roles of which all but those named may be used."""

    def __init__(self, *refused):
        super().__init__(None)
        self.refused = refused

    async def fault(self, role):
        return "is a superuser" if role in self.refused else None


ANNA, BERT = Caller("anna", role="web_anon"), Caller("bert", (7,), claims='{"sub":"bert"}')


async def test_ways_are_asked_in_their_order():
    first, second = Way(a=ANNA), Way(a=BERT, b=BERT)
    directory = CallerDirectory((first, second), Roles())
    assert await directory.caller("a") is ANNA
    assert await directory.caller("b") is BERT
    assert (first.asked, second.asked) == (["a", "b"], ["b"])


@pytest.mark.parametrize("error", [AuthInvalid("the token has expired"), AuthForbidden("the role may not be used")])
async def test_a_way_that_refuses_its_token_ends_the_search_and_is_not_remembered(error):
    first, second = Way(a=error), Way(a=BERT)
    directory = CallerDirectory((first, second), Roles())
    for _ in range(2):
        with pytest.raises(type(error), match=str(error)):
            await directory.caller("a")
    assert (first.asked, second.asked) == (["a", "a"], [])


async def test_a_token_that_nobody_knows_is_asked_for_once():
    way = Way()
    directory = CallerDirectory((way,), Roles(), unknown_s=0)
    for _ in range(5):
        with pytest.raises(AuthInvalid, match="not known"):
            await directory.caller("x")
    assert way.asked == ["x"]
    way.known["x"] = ANNA
    directory.forget()
    assert await directory.caller("x") is ANNA


async def test_what_is_remembered_of_unknown_tokens_is_bounded_and_is_no_token():
    directory = CallerDirectory((Way(),), Roles(), entries=3)
    for number in range(20):
        with pytest.raises(AuthInvalid):
            await directory.caller(f"secret{number}")
    gc.collect()
    assert len(directory._unknown) == 3 and "secret" not in repr(directory._unknown)


async def test_only_a_request_without_a_token_is_anonymous():
    directory = CallerDirectory((Way(),), Roles(), anonymous=ANNA)
    assert await directory.caller(None) is ANNA
    for token in ("x", "", "a\nb"):
        with pytest.raises(AuthInvalid):
            await directory.caller(token)


async def test_without_an_anonymous_caller_a_token_is_needed():
    with pytest.raises(AuthMissing):
        await CallerDirectory((Way(a=ANNA),), Roles()).caller(None)


async def test_a_role_that_must_not_be_used_is_refused_whichever_way_brings_it():
    root = Caller("root", role="postgres")
    directory = CallerDirectory((Way(a=ANNA, r=root),), Roles("postgres"), anonymous=root)
    assert await directory.caller("a") is ANNA
    with pytest.raises(AuthForbidden, match="'postgres' of this access token is a superuser"):
        await directory.caller("r")
    with pytest.raises(AuthForbidden) as caught:
        await directory.caller(None)
    assert "postgres" not in str(caught.value), "whoever has no token is not told why"
