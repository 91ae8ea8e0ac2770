"""Callers by JSON Web Tokens over HTTP: rows by the policies of the database, refusals, rotation, and where people sign in."""

from __future__ import annotations

import base64
import json
import signal
import threading
import time

import jwt
import pytest
from tests.harness import supabase
from tests.harness.issuer import SECRET, Issuer, Key, claims, forged
from tests.harness.supabase import ADA, BOB, EVE

OLD, NEW, STRANGER = Key("old"), Key("new", "RS256"), Key("stranger")
PUBLIC = "https://odata.example.com"


def of(user, **more):
    """The claims of a user who has signed in."""
    return claims(sub=user, role="authenticated", app_metadata={"tenant": supabase.TENANTS[user]}, **more)


def by_secret(found):
    return jwt.encode(found, SECRET, "HS256")


@pytest.fixture(scope="module")
def gateways_of(gateways, supabase_cluster):
    """A function that starts a gateway over the database of Supabase's shape; settings by keyword."""

    def start(**settings):
        return gateways(ODATA_DSN=supabase.dsn(supabase_cluster), ODATA_MODEL=str(supabase.MODEL), ODATA_ADMIN_PORT="", **settings)

    return start


@pytest.fixture(scope="module")
def gateway(gateways_of):
    return gateways_of(ODATA_JWT_SECRET=SECRET)


@pytest.fixture
def issuer():
    with Issuer(OLD) as issuer:
        yield issuer


@pytest.fixture
def signed(gateways_of, issuer):
    return gateways_of(ODATA_JWT_ISSUER=issuer.url, ODATA_PUBLIC_URL=PUBLIC)


def wait_until(condition, *, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def users_of(reply):
    assert reply.status == 200, reply.body
    return {row["user_id"] for row in reply.rows}


def test_each_user_gets_the_rows_that_the_databases_policies_show(gateway):
    for user in (ADA, BOB, EVE):
        assert users_of(gateway.get("todos", token=by_secret(of(user)))) == {user}


def test_a_token_may_come_in_each_of_the_ways(gateway):
    token = by_secret(of(EVE))
    basic = base64.b64encode(f"anybody:{token}".encode()).decode()
    assert users_of(gateway.get(f"todos?apikey={token}", token=None)) == {EVE}
    assert users_of(gateway.get("todos", token=None, headers={"apikey": token})) == {EVE}
    assert users_of(gateway.get("todos", token=None, headers={"Authorization": f"Basic {basic}"})) == {EVE}


def test_two_tokens_of_the_same_user_share_what_is_compiled_and_nothing_else(gateway):
    for tenant in (7, 9, 7):
        found = claims(role="reporting", tenant=tenant, jti=str(tenant))
        assert {row["tenant_id"] for row in gateway.get("todos?$filter=id gt 0", token=by_secret(found)).rows} == {tenant}
