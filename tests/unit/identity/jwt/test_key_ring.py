"""Key sets that rotate, vanish and come back while tokens are checked."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from odata_gateway.errors import AuthInvalid, AuthUnavailable
from odata_gateway.identity.jwt import key_ring
from odata_gateway.identity.jwt.callers import JwtCallers
from odata_gateway.identity.jwt.key_ring import KeyRing
from odata_gateway.identity.jwt.key_source import KeySource
from odata_gateway.identity.jwt.settings import JwtSettings
from odata_gateway.observe.counters import COUNTERS
from tests.harness.issuer import AnyRole, Issuer, Key, claims

OLD, NEW, STRANGER = Key("old"), Key("new", "RS256"), Key("stranger", "EdDSA")


@pytest.fixture
def issuer():
    with Issuer(OLD) as issuer:
        yield issuer


async def until(condition):
    """Wait for what happens beside the test."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def callers_of(server, *, refresh_s=300.0, quiet_s=10.0, **settings):
    settings = JwtSettings(**{"jwks": server.jwks_url} | settings)
    return JwtCallers(settings, KeyRing(KeySource(settings), refresh_s=refresh_s, quiet_s=quiet_s), AnyRole())


def token_of(key, issuer=None):
    return key.sign(claims(iss=issuer.url if issuer is not None else None))


async def test_a_new_key_is_found_when_its_first_token_arrives(issuer):
    callers = callers_of(issuer)
    await callers.ring.refresh()
    issuer.keys = [NEW]
    assert (await callers.caller(token_of(NEW))).subject == "user-1"
    for _ in range(2):
        with pytest.raises(AuthInvalid):
            await callers.caller(token_of(OLD))
    assert issuer.asked == ["/jwks"] * 3


async def test_an_issuer_is_asked_for_its_document_and_then_for_its_keys(issuer):
    callers = callers_of(issuer, jwks="", issuer=issuer.url + "/")
    await callers.ring.refresh()
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]
    assert await callers.caller(token_of(OLD, issuer))  # iss as the document writes it, without the slash
    with pytest.raises(AuthInvalid, match="of another issuer"):
        await callers.caller(token_of(OLD))


async def test_many_tokens_of_unknown_keys_make_one_reading(issuer):
    callers = callers_of(issuer, quiet_s=0.3)
    await callers.ring.refresh()
    issuer.delay_s = 0.1
    tokens = [token_of(Key(f"invented-{n}", "EdDSA")) for n in range(50)]
    refused = await asyncio.gather(*map(callers.caller, tokens), return_exceptions=True)
    assert {type(error) for error in refused} == {AuthInvalid}
    assert len(issuer.asked) == 2
    await asyncio.gather(*map(callers.caller, tokens), return_exceptions=True)
    assert len(issuer.asked) == 2  # it has just been asked
    await asyncio.sleep(0.3)
    await asyncio.gather(*map(callers.caller, tokens), return_exceptions=True)
    assert len(issuer.asked) == 3


async def test_a_reading_that_found_a_key_delays_no_other(issuer):
    callers = callers_of(issuer)
    await callers.ring.refresh()
    for n in range(3):
        key = Key(f"next-{n}", "EdDSA")
        issuer.keys = [key]
        assert await callers.caller(token_of(key))
    assert len(issuer.asked) == 4


async def test_known_keys_never_wait_for_an_issuer_that_is_slow(issuer):
    callers = callers_of(issuer)
    await callers.ring.refresh()
    issuer.gate.clear()
    waiting = asyncio.create_task(callers.caller(token_of(NEW)))
    await asyncio.sleep(0.1)
    started = time.perf_counter()
    for n in range(100):
        assert await callers.caller(OLD.sign(claims(jti=n)))
    assert time.perf_counter() - started < 2 and not waiting.done()
    issuer.keys = [OLD, NEW]
    issuer.gate.set()
    assert await waiting


async def test_a_token_of_an_unknown_key_waits_for_a_slow_issuer_no_longer_than_the_limit(issuer, monkeypatch):
    monkeypatch.setattr(key_ring, "MOST_WAIT_S", 0.2)
    callers = callers_of(issuer)
    await callers.ring.refresh()
    issuer.gate.clear()
    started = time.perf_counter()
    with pytest.raises(AuthInvalid):
        await callers.caller(token_of(NEW))
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>gateway timeout</html>",
        b"{}",
        b'{"keys": 5}',
        b'{"keys": [1]}',
        b'{"keys":[],"keys":[]}',
        b"\xff",
        b"[" * 100_000,
        b" " * 600_000,
        b"gzip:" + b" " * 50_000_000,
    ],
    ids=lambda answer: repr(answer[:12]),
)
async def test_a_document_that_is_no_key_set_changes_nothing(issuer, answer, caplog):
    callers = callers_of(issuer)
    await callers.ring.refresh()
    before = callers.ring.current
    issuer.answers["/jwks"] = answer
    with caplog.at_level(logging.INFO, "odata_gateway.identity"):
        await callers.ring.refresh()
        await callers.ring.refresh()
        assert callers.ring.current is before and await callers.caller(token_of(OLD))
        assert len(caplog.messages) == 1 and "stay in use" in caplog.messages[0] and issuer.jwks_url in caplog.messages[0]
        del issuer.answers["/jwks"]
        await callers.ring.refresh()
    assert callers.ring.fault is None and caplog.messages[-1].endswith("they have not changed")


@pytest.mark.parametrize("status", [201, 206, 400, 401, 404, 429, 500, 503])
async def test_a_status_other_than_200_changes_nothing(issuer, status):
    callers = callers_of(issuer)
    await callers.ring.refresh()
    issuer.status = status
    faults = COUNTERS.key_faults
    await callers.ring.refresh()
    assert f"status {status}" in callers.ring.fault and COUNTERS.key_faults == faults + 1
    assert await callers.caller(token_of(OLD))


async def test_a_set_without_keys_is_believed_and_closes_the_door(issuer, caplog):
    callers = callers_of(issuer)
    await callers.ring.refresh()
    issuer.keys = []
    await callers.ring.refresh()
    with pytest.raises(AuthInvalid):
        await callers.caller(token_of(OLD))
    assert "no token is accepted" in caplog.text


async def test_without_any_key_set_no_token_is_accepted_until_it_can_be_read(issuer):
    issuer.status = 503
    callers = callers_of(issuer, quiet_s=0)
    for _ in range(2):
        with pytest.raises(AuthUnavailable) as refused:
            await callers.caller(token_of(OLD))
        assert refused.value.status == 503 and issuer.url not in str(refused.value)
    issuer.status = 200
    assert await callers.caller(token_of(OLD))


async def test_the_keys_are_read_again_from_time_to_time_and_soon_after_a_failure(issuer, monkeypatch):
    monkeypatch.setattr(key_ring, "FIRST_RETRY_S", 0.05)
    callers = callers_of(issuer, refresh_s=0.1)
    issuer.status = 503
    running = asyncio.create_task(callers.ring.run())
    await until(lambda: len(issuer.asked) > 2)
    assert callers.ring.fault is not None
    issuer.status = 200
    await until(lambda: callers.ring.current is not None and callers.ring.fault is None)
    issuer.keys = [NEW]
    await until(lambda: [key.kid for key in callers.ring.current.keys] == ["new"])
    running.cancel()


async def test_sighup_reads_the_keys_at_once(issuer):
    callers = callers_of(issuer)
    running = asyncio.create_task(callers.ring.run())
    await until(lambda: callers.ring.current is not None)
    issuer.keys = [NEW]
    callers.ring.look_again()
    await until(lambda: [key.kid for key in callers.ring.current.keys] == ["new"])
    running.cancel()


async def test_a_reading_goes_on_when_the_request_that_asked_for_it_is_cancelled(issuer):
    callers = callers_of(issuer)
    await callers.ring.refresh()
    issuer.keys, issuer.delay_s = [NEW], 0.2
    asking = [asyncio.create_task(callers.caller(token_of(NEW))) for _ in range(2)]
    await asyncio.sleep(0.05)
    asking[0].cancel()
    assert await asking[1]
    assert asking[0].cancelled()


@pytest.mark.parametrize(
    ("location", "fault"),
    [
        ("http://odata.example.com/jwks", "must be an https URL"),
        ("ftp://127.0.0.1/jwks", "must be an https URL"),
        ("file:///etc/passwd", "must be an https URL"),
        ("/jwks", "was redirected more than 3 times"),
    ],
)
async def test_a_redirect_leads_only_where_one_could_have_asked_directly(issuer, location, fault):
    issuer.status, issuer.location = 302, location
    callers = callers_of(issuer)
    await callers.ring.refresh()
    assert callers.ring.current is None and fault in callers.ring.fault


async def test_a_redirect_within_the_rules_is_followed(issuer):
    with Issuer() as other:
        other.status, other.location = 307, issuer.jwks_url
        callers = callers_of(other)
        await callers.ring.refresh()
        assert await callers.caller(token_of(OLD))


async def test_nobody_is_asked_without_tls_except_on_this_machine(issuer):
    for url in ("http://192.0.2.1/jwks", "http://issuer.example.com/jwks", "ftp://127.0.0.1/jwks", "http:///jwks"):
        callers = callers_of(issuer, jwks=url)
        await callers.ring.refresh()
        assert callers.ring.fault == f"{url}: it must be an https URL"
