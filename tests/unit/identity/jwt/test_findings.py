"""What `check` says about the keys that sign tokens."""

from __future__ import annotations

import json

import pytest
from odata_gateway.identity.jwt.findings import jwt_findings, jwt_lines
from odata_gateway.identity.jwt.key_ring import KeyRing
from odata_gateway.identity.jwt.key_source import KeySource
from odata_gateway.identity.jwt.settings import JwtSettings
from tests.harness.issuer import SECRET, Issuer, Key

KEY = Key("2026-11", "RS256")


@pytest.fixture
def issuer():
    with Issuer(KEY) as issuer:
        yield issuer


async def said(public_url="https://odata.example.com", **settings):
    """Findings as text, and the lines."""
    settings = JwtSettings(**settings)
    ring = KeyRing(KeySource(settings), refresh_s=300)
    await ring.refresh()
    return [str(found) for found in jwt_findings(settings, ring)], list(jwt_lines(settings, ring, public_url))


async def test_keys_and_what_must_be_registered_are_shown(issuer):
    findings, lines = await said(issuer=issuer.url, audience=("https://odata.example.com",))
    assert findings == []
    text = "\n".join(lines)
    assert "signed with RS256 by the key kid '2026-11'" in text and f"people sign in at {issuer.url}/oauth2/authorize" in text
    assert "application ID URI (audience): https://odata.example.com" in text and "user_impersonation" in text
    assert "a672d62c-fc7b-4e81-a576-e60dc46e951d" in text


async def test_no_secret_is_shown():
    findings, lines = await said(secret=SECRET)
    assert findings == [] and SECRET not in "\n".join(lines) and "by the key without kid" in "\n".join(lines)


async def test_what_is_wrong_is_said(issuer, tmp_path):
    issuer.status = 500
    findings, _ = await said(issuer=issuer.url, audience=("x",))
    assert findings[0].startswith("error: JSON Web Tokens: no token is accepted") and "status 500" in findings[0]
    findings, _ = await said(issuer=issuer.url, secret=SECRET)
    assert findings == [f"warning: {issuer.url}: its discovery document cannot be read, so nobody is told where people sign in"]


async def test_what_is_unsafe_is_said(issuer):
    issuer.answers["/jwks"] = json.dumps(
        {"keys": [KEY.jwk, {"kty": "oct", "k": "AAAA", "kid": "s"}, {"kty": "RSA", "use": "enc"}]}
    ).encode()
    findings, _ = await said(jwks=issuer.jwks_url, role="", allow_http=True)
    assert [found.partition(": ")[0] for found in findings] == ["note", "note", "warning", "warning", "warning"]
    assert "a key 's' is a secret that anybody can read" in findings[0] and "is not for signatures" in findings[1]
    assert "ODATA_JWT_AUDIENCE" in findings[2] and "ODATA_JWT_ROLE" in findings[3] and "ODATA_JWT_ALLOW_HTTP" in findings[4]


async def test_an_empty_set_is_an_error(issuer):
    issuer.keys = []
    findings, _ = await said(jwks=issuer.jwks_url, audience=("x",))
    assert findings == [f"error: {issuer.jwks_url}: no token is accepted: there is no key to use"]
