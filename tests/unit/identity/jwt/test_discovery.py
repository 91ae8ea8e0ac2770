"""The discovery documents and tokens that Entra, Keycloak, Auth0 and Supabase publish, by their shape."""

from __future__ import annotations

import json

import jwt
import pytest
from odata_gateway.errors import AuthInvalid
from odata_gateway.identity.jwt.callers import JwtCallers
from odata_gateway.identity.jwt.discovery import IssuerDocument, discovery_url, issuer_document
from odata_gateway.identity.jwt.fetch import FetchFault
from odata_gateway.identity.jwt.key_ring import KeyRing
from odata_gateway.identity.jwt.key_source import KeySource
from odata_gateway.identity.jwt.settings import JwtSettings
from tests.harness.issuer import SECRET, AnyRole, Issuer, Key, claims

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
ENTRA = "https://login.microsoftonline.com"
ENTRA_V2 = {
    "token_endpoint": f"{ENTRA}/{TENANT}/oauth2/v2.0/token",
    "jwks_uri": f"{ENTRA}/{TENANT}/discovery/v2.0/keys",
    "response_modes_supported": ["query", "fragment", "form_post"],
    "subject_types_supported": ["pairwise"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "issuer": f"{ENTRA}/{TENANT}/v2.0",
    "request_uri_parameter_supported": False,
    "authorization_endpoint": f"{ENTRA}/{TENANT}/oauth2/v2.0/authorize",
    "tenant_region_scope": "WW",
    "cloud_instance_name": "microsoftonline.com",
}
ENTRA_V1 = {
    "token_endpoint": f"{ENTRA}/{TENANT}/oauth2/token",
    "jwks_uri": f"{ENTRA}/common/discovery/keys",
    "issuer": f"https://sts.windows.net/{TENANT}/",
    "authorization_endpoint": f"{ENTRA}/{TENANT}/oauth2/authorize",
}
KEYCLOAK = {
    "issuer": "https://sso.example.com/realms/company",
    "authorization_endpoint": "https://sso.example.com/realms/company/protocol/openid-connect/auth",
    "jwks_uri": "https://sso.example.com/realms/company/protocol/openid-connect/certs",
    "grant_types_supported": ["authorization_code", "client_credentials"],
    "mtls_endpoint_aliases": {"token_endpoint": "https://sso.example.com/realms/company/protocol/openid-connect/token"},
}
AUTH0 = {
    "issuer": "https://company.eu.auth0.com/",
    "authorization_endpoint": "https://company.eu.auth0.com/authorize",
    "jwks_uri": "https://company.eu.auth0.com/.well-known/jwks.json",
    "scopes_supported": ["openid", "profile"],
}
SUPABASE = {
    "issuer": "https://abcdefgh.supabase.co/auth/v1",
    "jwks_uri": "https://abcdefgh.supabase.co/auth/v1/.well-known/jwks.json",
    "authorization_endpoint": "https://abcdefgh.supabase.co/auth/v1/oauth/authorize",
}


@pytest.mark.parametrize(
    ("issuer", "document", "url", "authorization"),
    [
        (
            f"{ENTRA}/{TENANT}/v2.0",
            ENTRA_V2,
            f"{ENTRA}/{TENANT}/v2.0/.well-known/openid-configuration",
            f"{ENTRA}/{TENANT}/oauth2/authorize",
        ),
        (
            f"https://sts.windows.net/{TENANT}/",
            ENTRA_V1,
            f"https://sts.windows.net/{TENANT}/.well-known/openid-configuration",
            f"{ENTRA}/{TENANT}/oauth2/authorize",
        ),
        (KEYCLOAK["issuer"], KEYCLOAK, KEYCLOAK["issuer"] + "/.well-known/openid-configuration", KEYCLOAK["authorization_endpoint"]),
        (AUTH0["issuer"][:-1], AUTH0, AUTH0["issuer"] + ".well-known/openid-configuration", AUTH0["authorization_endpoint"]),
        (SUPABASE["issuer"], SUPABASE, SUPABASE["issuer"] + "/.well-known/openid-configuration", SUPABASE["authorization_endpoint"]),
    ],
)
def test_what_an_issuer_says_about_itself_is_read(issuer, document, url, authorization):
    assert discovery_url(issuer) == url
    assert issuer_document(document, issuer) == IssuerDocument(document["issuer"], document["jwks_uri"], authorization)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"issuer": "https://evil.example.com"}, "names the issuer 'https://evil.example.com'"),
        ({"issuer": None}, "names the issuer of no text"),
        ({"issuer": f"{ENTRA}/{{tenantid}}/v2.0"}, "write your tenant's id into its URL"),
        ({"jwks_uri": None}, "has no jwks_uri"),
        ({"jwks_uri": ""}, "has no jwks_uri"),
        ({"jwks_uri": ["x"]}, "has no jwks_uri"),
    ],
)
def test_a_document_of_another_issuer_or_without_keys_is_not_used(change, fault):
    with pytest.raises(FetchFault, match=fault):
        issuer_document(ENTRA_V2 | change, ENTRA_V2["issuer"])


@pytest.mark.parametrize(
    "page",
    [
        "",
        None,
        5,
        'https://x.example.com/"',
        "https://x.example.com/a b",
        "javascript:alert(1)",
        "https://x\r\nSet-Cookie: a=b",
        "https://é",
    ],
)
def test_a_sign_in_page_that_cannot_stand_in_a_header_is_left_out(page):
    assert issuer_document(KEYCLOAK | {"authorization_endpoint": page}, KEYCLOAK["issuer"]).authorization == ""


# --- Tokens, by their published shape ---------------------------------------------------------------

SERVICE = "https://odata.example.com"


@pytest.fixture
def issuer():
    with Issuer(Key("1LTMzakihiRla_8z2BEJVXeWMqo", "RS256"), Key("other", "RS256")) as issuer:
        yield issuer


def entra_v1(issuer):
    return {
        "aud": SERVICE,
        "iss": issuer.url,
        "acr": "1",
        "aio": "AXQAi/8",
        "amr": ["pwd"],
        "appid": "a672d62c-fc7b-4e81-a576-e60dc46e951d",
    } | {
        "appidacr": "0",
        "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
        "roles": ["Reports.Read", "reader"],
        "scp": "user_impersonation",
        "tid": TENANT,
        "ver": "1.0",
    }


def entra_v2(issuer):
    return {
        "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
        "iss": issuer.url,
        "azp": "a672d62c",
        "scp": "user_impersonation",
        "roles": ["reader"],
        "ver": "2.0",
    }


def keycloak(issuer):
    return {
        "iss": issuer.url,
        "aud": ["odata", "account"],
        "typ": "Bearer",
        "azp": "excel",
        "realm_access": {"roles": ["offline_access", "reader"]},
    } | {"resource_access": {"odata": {"roles": ["reader"]}}, "preferred_username": "ann", "allowed-origins": ["*"]}


def auth0(issuer):
    return {
        "iss": issuer.url,
        "aud": [SERVICE, "https://company.eu.auth0.com/userinfo"],
        "azp": "xyz",
        "scope": "openid",
        "https://example.com/role": "reader",
    }


@pytest.mark.parametrize(
    ("shape", "role"),
    [
        (entra_v1, "roles"),
        (entra_v2, "roles"),
        (keycloak, "realm_access.roles"),
        (keycloak, "resource_access.odata.roles"),
        (auth0, "https://example.com/role"),
    ],
)
async def test_an_issuers_tokens_become_callers(issuer, shape, role):
    settings = JwtSettings(issuer=issuer.url, audience=(SERVICE, "odata", "6e74172b-be56-4843-9ff4-e66a39bb12e3"), role=role)
    callers = JwtCallers(settings, KeyRing(KeySource(settings), refresh_s=300), AnyRole({"reader"}))
    token = issuer.keys[0].sign(claims(role=None, **shape(issuer)), typ="JWT", x5t="1LTMzakihiRla_8z2BEJVXeWMqo")
    caller = await callers.caller(token)
    assert (caller.subject, caller.role) == ("user-1", "reader") and json.loads(caller.claims)["iss"] == issuer.url
    with pytest.raises(AuthInvalid, match="for another audience"):
        await callers.caller(issuer.keys[1].sign(claims(**shape(issuer) | {"aud": "00000003-0000-0000-c000-000000000000"})))


async def test_supabases_tokens_become_callers_by_its_secret_and_by_its_keys(issuer):
    shape = claims(
        iss=issuer.url, aud="authenticated", role="authenticated", is_anonymous=False, app_metadata={"provider": "email"}, session_id="x"
    )
    settings = JwtSettings(secret=SECRET, jwks=issuer.jwks_url, issuer=issuer.url, audience=("authenticated",))
    callers = JwtCallers(settings, KeyRing(KeySource(settings), refresh_s=300), AnyRole())
    for token in (issuer.keys[0].sign(shape), jwt.encode(shape, SECRET, "HS256", headers={"kid": "old-secret"})):
        assert (await callers.caller(token)).role == "authenticated"
