"""A real OpenID provider: people and programs sign in there and read here; its keys change while the gateway runs."""

from __future__ import annotations

import re

import pytest
from tests.harness import supabase
from tests.harness.faults import wait_until
from tests.harness.issuer import Key
from tests.harness.openid_provider import OpenIdProvider

PUBLIC = "https://odata.example.com"
OLD, NEW, ED = Key("old", "RS256"), Key("new", "ES256"), Key("ed", "EdDSA")


@pytest.fixture(scope="module")
def provider():
    with OpenIdProvider(PUBLIC, OLD) as running:
        yield running


@pytest.fixture
def gateway(gateways, supabase_cluster, provider):
    return gateways(
        ODATA_DSN=supabase.dsn(supabase_cluster),
        ODATA_MODEL=str(supabase.MODEL),
        ODATA_JWT_ISSUER=provider.url,
        ODATA_PUBLIC_URL=PUBLIC,
        ODATA_JWT_REFRESH_S="1",
    )


def tenants_of(gateway, token):
    reply = gateway.get("todos", token=token)
    assert reply.status == 200, reply.body
    return {row["tenant_id"] for row in reply.rows}


def test_people_sign_in_where_the_gateway_says_and_read_the_rows_of_their_tenant(gateway, provider):
    challenge = gateway.get("todos", token=None, headers={"Authorization": "Bearer"}).headers["www-authenticate"]
    page = re.fullmatch(r'Bearer authorization_uri="(.+)"', challenge)[1]
    for name, tenant in (("ada", 7), ("eve", 9)):
        assert tenants_of(gateway, provider.token_of_a_person(name, page)) == {tenant}


def test_programs_get_tokens_with_their_secret(gateway, provider):
    assert tenants_of(gateway, provider.token_of_a_program()) == {7}


def test_tokens_of_the_provider_for_another_service_are_refused(gateway, provider):
    reply = gateway.get("todos", token=provider.token_of_a_program("https://other.example.com"))
    assert reply.status == 401 and "another audience" in reply.json()["error"]["message"]


def test_the_provider_changes_its_keys_and_nobody_with_a_right_token_is_refused(gateway, provider):
    old = provider.token_of_a_program()
    provider.restart(NEW, OLD)
    assert tenants_of(gateway, old) == tenants_of(gateway, provider.token_of_a_program()) == {7}
    provider.restart(ED)
    assert tenants_of(gateway, provider.token_of_a_program()) == {7}
    wait_until(lambda: gateway.get("todos", token=old).status == 401, 20)


def test_without_the_provider_its_tokens_are_still_accepted(gateway, provider):
    provider.restart(OLD)
    token, another = provider.token_of_a_program(), provider.token_of_a_program()
    assert tenants_of(gateway, token) == {7}
    provider.stop()
    wait_until(lambda: "stay in use" in gateway.log(), 20)
    assert tenants_of(gateway, token) == tenants_of(gateway, another) == {7}
