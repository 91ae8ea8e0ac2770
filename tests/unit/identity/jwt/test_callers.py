"""Tokens that are accepted, with the caller that each becomes, and tokens that are not, with the reason that their owner is told."""

from __future__ import annotations

import hmac
import json
import time
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import get_algorithm_by_name
from odata_gateway.errors import AuthForbidden, AuthInvalid
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.jwt.callers import JwtCallers
from odata_gateway.identity.jwt.key_ring import KeyRing
from odata_gateway.identity.jwt.key_source import KeySource
from odata_gateway.identity.jwt.settings import JwtSettings
from tests.harness.issuer import KINDS, SECRET, AnyRole, Key, claims, forged

KEYS = {algorithm: Key(f"key-{algorithm}", algorithm) for algorithm in KINDS}
RSA, EC, ED = KEYS["RS256"], KEYS["ES256"], KEYS["EdDSA"]
STRANGER = Key("key-ES256", "ES256")
AUDIENCE = "https://odata.example.com"
NOW = 1_800_000_000.0


@pytest.fixture
async def callers_of(tmp_path):
    """A function from settings to the way in that they describe, over the keys of this file."""

    async def make(*, roles=None, clock=time.time, **settings):
        path = tmp_path / "jwks.json"
        path.write_text(json.dumps({"keys": [key.jwk for key in KEYS.values()]}))
        settings = JwtSettings(**{"jwks": str(path), "secret": SECRET} | settings)
        ring = KeyRing(KeySource(settings), refresh_s=300)
        await ring.refresh()
        return JwtCallers(settings, ring, roles or AnyRole(), clock=clock)

    return make


def by_secret(header, claims, secret=SECRET):
    return forged(header, claims, lambda signed: hmac.digest(secret.encode(), signed, "sha256"))


def by_key(key, header, claims):
    algorithm = get_algorithm_by_name(key.algorithm)
    return forged(header, claims, lambda signed: algorithm.sign(signed, key.private))


# --- Accepted -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.algorithm)
async def test_a_token_of_a_known_key_becomes_its_caller(callers_of, key):
    callers = await callers_of()
    caller = await callers.caller(key.sign(claims(tenant=7)))
    assert (caller.subject, caller.role, caller.accounts) == ("user-1", "reader", ())
    assert json.loads(caller.claims)["tenant"] == 7


async def test_a_token_of_the_shared_secret_becomes_its_caller(callers_of):
    callers = await callers_of(jwks="")
    for header in ({"alg": "HS256"}, {"alg": "HS256", "kid": "any", "typ": "JWT"}, {"typ": "at+jwt", "alg": "HS256"}):
        assert (await callers.caller(by_secret(header, claims()))).role == "reader"


async def test_a_key_without_kid_signs_for_every_kid_and_a_token_without_kid_is_of_any_key(callers_of):
    callers = await callers_of()
    assert await callers.caller(by_key(EC, {"alg": "ES256"}, claims()))
    assert await callers.caller(by_secret({"alg": "HS256", "kid": "key-ES256"}, claims()))


async def test_a_text_that_is_no_json_web_token_is_left_to_the_other_ways(callers_of):
    callers = await callers_of()
    for text in ("demoAdminOfAccountOne001", "a.b", "a.b.c", "..", "eyJ", "e30=.e30.e30", "v4.public.e30", "\u00e9.b.c", "W10.e30.e30"):
        assert await callers.caller(text) is None


@pytest.mark.parametrize(
    ("path", "extra", "expected"),
    [
        ("role", {"role": "reader"}, "reader"),
        (".app_metadata.role", {"app_metadata": {"role": "staff"}}, "staff"),
        ("realm_access.roles", {"realm_access": {"roles": ["offline_access", "reader"]}}, "reader"),
        ("roles[1]", {"roles": ["reader", "staff"]}, "staff"),
        ("https://example.com/roles", {"https://example.com/roles": ["nobody", "staff", "reader"]}, "staff"),
        ('resource_access."my.client".roles', {"resource_access": {"my.client": {"roles": ["staff"]}}}, "staff"),
    ],
)
async def test_the_role_is_the_first_that_may_be_used_of_the_claim_that_the_path_names(callers_of, path, extra, expected):
    callers = await callers_of(role=path, roles=AnyRole({"reader", "staff"}))
    assert (await callers.caller(EC.sign(claims(**extra)))).role == expected


async def test_the_accounts_come_from_the_claim_that_the_path_names(callers_of):
    callers = await callers_of(role="", accounts="tenant.ids")
    for value, expected in ((7, (7,)), ([1, 2, 1], (1, 2)), ("acme", ("acme",)), (["0c1d"], ("0c1d",))):
        caller = await callers.caller(EC.sign(claims(tenant={"ids": value})))
        assert (caller.accounts, caller.role) == (expected, None)
    for value in (None, [], True, 1.5, {"id": 1}, [None], [[1]]):
        with pytest.raises(AuthForbidden, match=r"names no account: its claim tenant\.ids"):
            await callers.caller(EC.sign(claims(tenant={"ids": value})))


async def test_a_token_without_the_role_claim_is_anonymous_where_that_is_allowed_and_refused_elsewhere(callers_of):
    callers = await callers_of(anon_role="anon")
    assert (await callers.caller(EC.sign(claims(role=None)))).role == "anon"
    callers = await callers_of()
    for role in (None, "", [], 5, {"name": "reader"}, [None, 7]):
        with pytest.raises(AuthForbidden, match="names no role: its claim role is missing or is not a text"):
            await callers.caller(EC.sign(claims(role=role)))


async def test_a_token_of_a_program_is_named_after_the_program(callers_of):
    callers = await callers_of()
    for extra, subject in (({"azp": "app"}, "app"), ({"client_id": "c", "azp": "app"}, "c"), ({"appid": "x"}, "x"), ({}, "reader")):
        assert (await callers.caller(EC.sign(claims(sub=None, **extra)))).subject == subject


async def test_only_tokens_of_a_shared_secret_may_last_for_ever(callers_of):
    callers = await callers_of()
    assert await callers.caller(by_secret({"alg": "HS256"}, claims(exp=None)))
    with pytest.raises(AuthInvalid, match="does not say when it expires"):
        await callers.caller(EC.sign(claims(exp=None)))


@pytest.mark.parametrize("audience", [AUDIENCE, AUDIENCE + "/", [AUDIENCE], ["other", AUDIENCE], "5f1c-client-id", ["5f1c-client-id", "x"]])
async def test_a_token_for_one_of_the_audiences_is_accepted(callers_of, audience):
    callers = await callers_of(audience=(AUDIENCE, "5f1c-client-id"))
    assert await callers.caller(EC.sign(claims(aud=audience)))


# --- Refused --------------------------------------------------------------------------------------

PEM = RSA.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
UNSIGNED = "the token is not signed"
UNKNOWN_KEY = "the token is not signed with a key that this service knows"
JUST = {"alg": "HS256"}


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        # alg: none, in all its spellings
        (forged({"alg": "none"}, claims()), UNSIGNED),
        (forged({"alg": "None", "kid": "key-RS256"}, claims()), UNSIGNED),
        (forged({"alg": "nOnE"}, claims(), lambda signed: b"x"), UNSIGNED),
        (forged({}, claims()), "does not say with which algorithm"),
        (forged({"alg": None}, claims()), "does not say with which algorithm"),
        (forged({"alg": ["ES256"]}, claims()), "does not say with which algorithm"),
        (forged({"alg": ""}, claims()), UNKNOWN_KEY),
        # a public key as the secret of an HMAC, in the forms that a library might read it
        (by_secret(JUST | {"kid": "key-RS256"}, claims(), PEM), UNKNOWN_KEY),
        (by_secret(JUST | {"kid": "key-RS256"}, claims(), PEM.strip()), UNKNOWN_KEY),
        (by_secret(JUST, claims(), json.dumps(RSA.jwk)), UNKNOWN_KEY),
        (by_secret(JUST, claims(), RSA.jwk["n"]), UNKNOWN_KEY),
        (by_secret(JUST, claims(), ED.jwk["x"]), UNKNOWN_KEY),
        (by_secret(JUST, claims(), ""), UNKNOWN_KEY),
        # another algorithm than the key's, or than the settings'
        (by_secret({"alg": "HS384"}, claims()), UNKNOWN_KEY),
        (by_key(EC, {"alg": "RS256", "kid": "key-RS256"}, claims()), UNKNOWN_KEY),
        (by_key(EC, {"alg": "ES256", "kid": "key-RS256"}, claims()), UNKNOWN_KEY),
        (by_key(RSA, {"alg": "PS256", "kid": "key-RS256"}, claims()), UNKNOWN_KEY),
        (by_key(EC, {"alg": "ES256\0"}, claims()), UNKNOWN_KEY),
        # a key of somebody else, with the kid of a known one, or a kid that is a path
        (STRANGER.sign(claims()), UNKNOWN_KEY),
        (STRANGER.sign(claims(), kid="../../dev/null"), UNKNOWN_KEY),
        (by_secret(JUST | {"kid": "/dev/null"}, claims(), ""), UNKNOWN_KEY),
        (STRANGER.sign(claims(), kid="' UNION SELECT 'x"), UNKNOWN_KEY),
        (STRANGER.sign(claims(), kid="key-ES256\0"), UNKNOWN_KEY),
        (by_secret(JUST | {"kid": 7}, claims()), "a kid that is not a text"),
        (by_secret(JUST | {"kid": ["key-RS256"]}, claims()), "a kid that is not a text"),
        # headers that bring a key along
        (STRANGER.sign(claims(), jwk=STRANGER.jwk), UNKNOWN_KEY),
        (STRANGER.sign(claims(), kid="new", jku="http://127.0.0.1:1/jwks"), UNKNOWN_KEY),
        (STRANGER.sign(claims(), kid="new", x5u="http://127.0.0.1:1/x"), UNKNOWN_KEY),
        (STRANGER.sign(claims(), kid="new", x5c=["MIIB"]), UNKNOWN_KEY),
        # critical headers
        (by_secret(JUST | {"crit": ["exp"], "exp": 1}, claims()), "critical parameters"),
        (by_secret(JUST | {"crit": []}, claims()), "critical parameters"),
        (by_secret(JUST | {"crit": ["b64"], "b64": False}, claims()), "critical parameters"),
        (by_secret(JUST | {"b64": False}, claims()), "critical parameters"),
        # other kinds of signed JSON
        (by_secret(JUST | {"typ": "logout+jwt"}, claims()), "not an access token"),
        (by_secret(JUST | {"typ": "dpop+jwt"}, claims()), "not an access token"),
        (by_secret(JUST | {"typ": 5}, claims()), "not an access token"),
        (by_secret(JUST | {"cty": "JWT"}, claims()), "not an access token"),
        (forged({"alg": "dir", "enc": "A128GCM"}, b"", lambda signed: b"x") + ".AAAA.AAAA", "encrypted"),
        # JSON with more than one meaning, or none
        (by_secret(b'{"alg":"HS256","alg":"none"}', claims()), "header has the member 'alg' twice"),
        (by_secret(JUST, b'{"role":"reader","role":"admin","exp":9999999999}'), "claims has the member 'role' twice"),
        (by_secret(JUST, b'{"role":"reader","a":{"b":1,"b":2}}'), "claims has the member 'b' twice"),
        (by_secret(JUST, b'{"role":"re\\u0061der","rol\\u0065":"admin"}'), "claims has the member 'role' twice"),
        (by_secret(JUST, b'\xff{"role":"reader"}'), "claims is not UTF-8"),
        (by_secret(JUST, '{"role":"lecteur","n":"é"}'.encode("latin-1")), "claims is not UTF-8"),
        (by_secret(b'{"alg":"HS256","x":"\xff"}', claims()), "header is not UTF-8"),
        (by_secret(JUST, '{"role":"reader"}'.encode("utf-16")), "claims is not UTF-8"),
        (by_secret(JUST, b"\xef\xbb\xbf{}"), "claims is not JSON"),
        (by_secret(JUST, b"[" * 5000 + b"]" * 5000), "claims is nested too deeply"),
        (by_secret(b'{"a":' * 2500 + b"1" + b"}" * 2500, claims()), "header is nested too deeply"),
        (by_secret(JUST, b'["reader"]'), "claims is not a JSON object"),
        (by_secret(JUST, b"null"), "claims is not a JSON object"),
        (by_secret(JUST, b""), "claims is not JSON"),
        (by_secret(JUST, b'{"role":"reader"} {}'), "claims is not JSON"),
        (by_secret(JUST, b'{"exp":NaN}'), "claims has NaN"),
        (by_secret(JUST, b'{"exp":1e999}'), "number that is too large"),
        (by_secret(JUST, b'{"exp":' + b"9" * 5000 + b"}"), "claims is not JSON"),
        (by_secret(JUST, b'{"role":"reader","x":"\\u0000"}'), "character that Postgres cannot store"),
        (by_secret(JUST, b'{"role":"reader","x":"\\ud800"}'), "character that Postgres cannot store"),
        (by_secret(JUST, b'{"role":"reader","x\\u0000":1}'), "character that Postgres cannot store"),
        # damaged on the way
        (by_secret(JUST, claims())[:-1], UNKNOWN_KEY + "|damaged"),
        (by_secret(JUST, claims()) + "=", "damaged"),
        (by_secret(JUST, claims()) + "AAAA", UNKNOWN_KEY),
        (by_secret(JUST, claims()).replace(".", ".\u00e9", 1), "damaged"),
        (by_secret(JUST, claims()).replace(".", ".+", 1), "damaged"),
        # times
        (by_secret(JUST, claims(exp=time.time() - 100)), "the token expired at 20"),
        (by_secret(JUST, claims(exp=0)), "the token expired at 1970-01-01T00:00:00Z"),
        (by_secret(JUST, claims(exp=-1e300)), "the token expired"),
        (by_secret(JUST, claims(nbf=time.time() + 86_400)), "not valid yet; it begins at 20"),
        (by_secret(JUST, claims(nbf=1e300)), "not valid yet"),
        (by_secret(JUST, claims(iat=time.time() + 86_400)), "from the future: it was issued at 20"),
        (by_secret(JUST, claims(exp="2100-01-01")), "exp is not a number"),
        (by_secret(JUST, claims(exp="9999999999")), "exp is not a number"),
        (by_secret(JUST, claims(exp=True)), "exp is not a number"),
        (by_secret(JUST, b'{"role":"reader","exp":null}'), "exp is not a number"),
        (by_secret(JUST, claims(nbf=[])), "nbf is not a number"),
        # who it is about
        (by_secret(JUST, claims(sub=7)), "subject"),
        (by_secret(JUST, claims(sub={"id": 1})), "subject"),
        (by_secret(JUST, claims(sub="a\nb")), "subject"),
    ],
)
async def test_a_wrong_token_is_refused_with_a_reason(callers_of, token, reason):
    callers = await callers_of()
    with pytest.raises(AuthInvalid, match=reason) as refused:
        await callers.caller(token)
    assert SECRET not in str(refused.value) and "127.0.0.1" not in str(refused.value)


@pytest.mark.parametrize("audience", [None, [], "", "https://odata.example.com.evil.example", ["a", "b"], AUDIENCE.upper()])
async def test_a_token_for_another_audience_is_refused_and_does_not_tell_which_one_is_right(callers_of, audience):
    callers = await callers_of(audience=(AUDIENCE,))
    with pytest.raises(AuthInvalid, match="for another audience") as refused:
        await callers.caller(EC.sign(claims(aud=audience)))
    assert "example.com" not in str(refused.value)


@pytest.mark.parametrize("audience", [5, {"a": 1}, [AUDIENCE, 5], [None]])
async def test_an_audience_of_another_type_is_refused(callers_of, audience):
    callers = await callers_of(audience=(AUDIENCE,))
    with pytest.raises(AuthInvalid, match=r"audience \(aud\) is not a text"):
        await callers.caller(by_key(EC, {"alg": "ES256"}, claims(aud=audience)))


@pytest.mark.parametrize("issuer", [None, "https://other.example.com", "https://issuer.example.com/", ["https://issuer.example.com"], 5])
async def test_a_token_of_another_issuer_is_refused(callers_of, issuer):
    callers = await callers_of(issuer="issuer.example.com")
    with pytest.raises(AuthInvalid, match="of another issuer"):
        await callers.caller(by_key(EC, {"alg": "ES256"}, claims(iss=issuer)))
    assert await callers.caller(EC.sign(claims(iss="issuer.example.com")))


async def test_nobody_without_a_right_signature_learns_which_claims_are_asked_for(callers_of):
    callers = await callers_of(audience=(AUDIENCE,), issuer="the-issuer")
    for wrong in ({"exp": 0}, {"aud": "x"}, {"iss": "x"}, {"role": None}, {"nbf": 1e300}):
        with pytest.raises(AuthInvalid) as refused:
            await callers.caller(STRANGER.sign(claims(**wrong)))
        assert refused.value.message == UNKNOWN_KEY


async def test_no_role_that_may_be_used_is_forbidden(callers_of):
    callers = await callers_of(roles=AnyRole(set()))
    with pytest.raises(AuthForbidden, match="none of the roles of this access token may be used here"):
        await callers.caller(EC.sign(claims(role=["postgres", "reader"])))
    with pytest.raises(AuthForbidden, match="the role postgres may not be used"):
        await callers.caller(EC.sign(claims(role="postgres")))


async def test_only_the_configured_algorithms_are_accepted(callers_of):
    callers = await callers_of(algorithms=("ES256",), secret="")
    assert await callers.caller(EC.sign(claims()))
    for token in (RSA.sign(claims()), ED.sign(claims()), by_secret(JUST, claims())):
        with pytest.raises(AuthInvalid, match=UNKNOWN_KEY):
            await callers.caller(token)


# --- Remembered -----------------------------------------------------------------------------------


async def test_a_token_is_checked_once_until_it_expires(callers_of):
    now = [NOW]
    callers = await callers_of(clock=lambda: now[0], leeway_s=10)
    token = EC.sign(claims(iat=NOW - 5, exp=NOW + 20))
    first = await callers.caller(token)
    assert await callers.caller(token) is first
    now[0] = NOW + 29.9
    assert await callers.caller(token) is first
    now[0] = NOW + 30
    with pytest.raises(AuthInvalid, match="the token expired at 2027-01-15T08:00:20Z"):
        await callers.caller(token)


async def test_the_leeway_holds_for_every_time(callers_of):
    now = [NOW]
    callers = await callers_of(clock=lambda: now[0], leeway_s=30)
    assert await callers.caller(EC.sign(claims(iat=NOW + 29, nbf=NOW + 29, exp=NOW - 29)))
    for wrong in ({"iat": NOW + 31}, {"nbf": NOW + 31}, {"exp": NOW - 31}):
        with pytest.raises(AuthInvalid):
            await callers.caller(EC.sign(claims(**{"iat": NOW, "exp": NOW + 5} | wrong)))


async def test_a_role_is_checked_again_after_a_minute_and_when_roles_have_changed(callers_of):
    now, usable = [NOW], {"reader"}

    callers = await callers_of(clock=lambda: now[0], roles=AnyRole(usable))
    token = EC.sign(claims(iat=NOW, exp=NOW + 3600))
    assert await callers.caller(token) == Caller("user-1", (), "reader", (await callers.caller(token)).claims)
    usable.clear()
    assert await callers.caller(token)
    now[0] += 60
    with pytest.raises(AuthForbidden):
        await callers.caller(token)
    usable.add("reader")
    assert await callers.caller(token)
    usable.clear()
    callers.forget()
    with pytest.raises(AuthForbidden):
        await callers.caller(token)


async def test_a_remembered_token_is_refused_when_its_key_is_withdrawn(callers_of, tmp_path):
    callers = await callers_of()
    tokens = {key.algorithm: key.sign(claims()) for key in KEYS.values()}
    for token in tokens.values():
        assert await callers.caller(token)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [RSA.jwk, STRANGER.jwk]}))
    await callers.ring.refresh()
    assert await callers.caller(tokens["RS256"])
    for algorithm in ("ES256", "EdDSA"):  # ES256: another key has the kid now
        with pytest.raises(AuthInvalid, match=UNKNOWN_KEY):
            await callers.caller(tokens[algorithm])


async def test_what_is_remembered_is_bounded_in_bytes(callers_of):
    callers = await callers_of()
    tokens = [by_secret(JUST, claims(jti=n, pad="x" * 8000)) for n in range(2500)]
    for token in tokens:
        assert await callers.caller(token)
    assert len(callers._known) < 2100 and callers._bytes == sum(known.size for known in callers._known.values()) <= 16 * 1024 * 1024
    assert await callers.caller(tokens[0])


async def test_every_change_of_one_character_of_a_token_is_refused(callers_of):
    callers = await callers_of()
    token = EC.sign(claims())
    for at, character in enumerate(token):
        other = "A" if character != "A" else "B"
        with suppress(AuthInvalid):
            assert await callers.caller(token[:at] + other + token[at + 1 :]) is None
