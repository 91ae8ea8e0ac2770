"""Callers by JSON Web Tokens over HTTP: rows by the policies of the database, refusals, rotation, and where people sign in."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import jwt
import pytest
from tests.harness import supabase
from tests.harness.agent import Agent
from tests.harness.gateway import start_gateway
from tests.harness.issuer import SECRET, Issuer, Key, claims, forged
from tests.harness.ports import free_port
from tests.harness.supabase import ADA, BOB, EVE

OLD, NEW, STRANGER = Key("old"), Key("new", "RS256"), Key("stranger")
PUBLIC = "https://odata.example.com"


def of(user, **more):
    """The claims of a user who has signed in."""
    return claims(sub=user, role="authenticated", app_metadata={"tenant": supabase.TENANTS[user]}, **more)


def by_secret(found):
    return jwt.encode(found, SECRET, "HS256")


@pytest.fixture
def gateways_of(gateways, supabase_cluster):
    """A function that starts a gateway over the database of Supabase's shape; settings by keyword."""
    return lambda **settings: gateways(ODATA_DSN=supabase.dsn(supabase_cluster), ODATA_MODEL=str(supabase.MODEL), **settings)


@pytest.fixture(scope="module")
def gateway(supabase_cluster):
    dsn, model = supabase.dsn(supabase_cluster), str(supabase.MODEL)
    with start_gateway(ODATA_DSN=dsn, ODATA_MODEL=model, ODATA_JWT_SECRET=SECRET) as running:
        yield running


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


# --- Refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "status", "code", "message"),
    [
        (forged({"alg": "none"}, of(ADA)), 401, "Auth.Invalid", "the token is not signed"),
        (STRANGER.sign(of(ADA)), 401, "Auth.Invalid", "the token is not signed with a key that this service knows"),
        (by_secret(of(ADA, exp=1)), 401, "Auth.Invalid", "the token expired at 1970-01-01T00:00:01Z"),
        (by_secret(of(ADA, nbf=int(time.time()) + 3600)), 401, "Auth.Invalid", "the token is not valid yet"),
        (by_secret(claims(role="root")), 403, "Auth.Forbidden", "the role 'root' of this access token is a superuser"),
        (by_secret(claims(role="stranger")), 403, "Auth.Forbidden", "the role 'stranger' of this access token is not granted"),
        (by_secret(claims(role='no "such" \\ role')), 403, "Auth.Forbidden", "the role 'no"),
        (by_secret(claims(role=["root", "stranger", "x" * 100, "ä\u2028"])), 403, "Auth.Forbidden", "none of the roles"),
        (by_secret(claims(role=None)), 403, "Auth.Forbidden", "the token names no role"),
        (by_secret(of(ADA, pad="x" * 16_384)), 401, "Auth.Invalid", "the access token is too long"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_a_refusal_says_why_and_as_rfc_6750_has_it(gateway, token, status, code, message):
    reply = gateway.get("todos", token=token)
    assert reply.status == status
    error = reply.json()["error"]
    assert error["code"] == code and error["message"].startswith(message)
    challenge = {401: 'error="invalid_token"', 403: 'error="insufficient_scope"'}[status]
    sent = [value for name, value in raw_headers(gateway, "todos", token) if name.lower() == "www-authenticate"]
    assert sent[0].startswith(f'Bearer realm="odata", {challenge}, error_description="')
    assert sent[0].isascii() and sent[0].count('"') == 6 and token not in gateway.log()


def raw_headers(gateway, target, token):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    try:
        connection.request("GET", f"/v1.0/odata/{target}", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        response.read()
        return response.getheaders()
    finally:
        connection.close()


def test_bytes_that_are_not_utf_8_are_refused(gateway):
    for sent in (b"\xff\xfe.\xff.\xff", by_secret(of(ADA)).encode() + b"\xff", "eyJ\u00e9.b.c".encode()):
        reply = gateway.ask("GET", "/v1.0/odata/todos", {"Authorization": b"Bearer " + sent})
        assert reply.status in (400, 401), sent


def test_a_token_of_16_kilobytes_is_accepted_in_every_way(gateway):
    size = 16_384 - len(by_secret(of(EVE, pad="")))
    token = by_secret(of(EVE, pad="x" * (size * 3 // 4 - 4)))
    assert 16_300 < len(token) <= 16_384
    basic = base64.b64encode(f"user:{token}".encode()).decode()
    assert users_of(gateway.get("todos", token=token)) == {EVE}
    assert users_of(gateway.get(f"todos?apikey={token}", token=None)) == {EVE}
    assert users_of(gateway.get("todos", token=None, headers={"Authorization": f"Basic {basic}"})) == {EVE}


def test_a_token_is_in_no_log_line(gateway):
    token = by_secret(of(ADA))
    for target in (f"todos?apikey={token}", f"todos?apikey={token}&$filter=nope eq 1"):
        gateway.get(target, token=None)
    assert token not in gateway.log() and token.split(".")[1] not in gateway.log()


# --- Keys that change -------------------------------------------------------------------------------


def signed_by(key, issuer, user=ADA, **more):
    return key.sign(of(user, iss=issuer.url, **{"aud": PUBLIC} | more))


def test_keys_rotate_while_requests_run(signed, issuer):
    failed, stop, key = [], threading.Event(), [OLD]

    def ask():
        while not stop.is_set():
            reply = signed.get("todos?$top=1", token=signed_by(key[0], issuer, jti=time.time()))
            if reply.status != 200:
                failed.append(reply.body)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    time.sleep(0.5)
    for old, new in ((OLD, NEW),):
        issuer.keys = [old, new]  # an issuer publishes a key before it signs with it
        key[0] = new
        time.sleep(1)
        issuer.keys = [new]
        signed.process.send_signal(signal.SIGHUP)
        wait_until(lambda: signed.get("todos", token=signed_by(OLD, issuer)).status == 401)
    time.sleep(0.5)
    stop.set()
    for thread in asking:
        thread.join()
    assert not failed


@pytest.mark.parametrize("fault", ["gone", "slow", "wrong", "refusing"])
def test_an_issuer_that_fails_holds_up_nobody_whose_key_is_known(signed, issuer, fault):
    known = signed_by(OLD, issuer)
    assert signed.get("todos", token=known).status == 200
    match fault:
        case "gone":
            issuer.__exit__()
        case "slow":
            issuer.gate.clear()
        case "wrong":
            issuer.answers["/jwks"] = b"<html>"
        case "refusing":
            issuer.status = 503
    waiting = threading.Thread(target=signed.get, args=("todos",), kwargs={"token": signed_by(STRANGER, issuer)})
    waiting.start()
    started = time.perf_counter()
    for n in range(20):
        assert users_of(signed.get("todos", token=signed_by(OLD, issuer, jti=n))) == {ADA}
    assert time.perf_counter() - started < 3
    waiting.join(10)
    assert signed.get("todos", token=signed_by(STRANGER, issuer)).status == 401
    wait_until(lambda: "those that were read" in signed.log() and "stay in use" in signed.log(), seconds=15)


def test_the_gateway_starts_without_its_issuer_and_finds_it_later(gateways_of, issuer):
    issuer.status = 503
    gateway = gateways_of(ODATA_JWT_ISSUER=issuer.url, ODATA_JWT_AUDIENCE=PUBLIC, wait_for="/health/liveness")
    reply = gateway.get("todos", token=signed_by(OLD, issuer))
    assert (reply.status, reply.json()["error"]["code"], reply.headers["retry-after"]) == (503, "Auth.Unavailable", "5")
    issuer.status = 200
    wait_until(lambda: gateway.get("todos", token=signed_by(OLD, issuer)).status == 200, seconds=20)


def test_the_keys_of_a_file_are_read_again_on_sighup(gateways_of, tmp_path):
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [OLD.jwk]}))
    gateway = gateways_of(ODATA_JWT_JWKS=str(path))
    assert gateway.get("todos", token=OLD.sign(of(ADA))).status == 200
    path.write_text(json.dumps({"keys": [NEW.jwk]}))
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.get("todos", token=OLD.sign(of(ADA))).status == 401)
    assert gateway.get("todos", token=NEW.sign(of(ADA))).status == 200
    path.write_text("{")
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "stay in use" in gateway.log())
    assert gateway.get("todos", token=NEW.sign(of(ADA))).status == 200


# --- Where people sign in ---------------------------------------------------------------------------


def test_excel_learns_where_people_sign_in(signed, issuer):
    """Microsoft's page on signing in to OData feeds: the first answer has a realm, that to an empty Bearer token the page."""
    first = signed.get("todos", token=None)
    assert first.status == 401
    assert first.headers["www-authenticate"].startswith("Basic") or "realm=" in first.headers["www-authenticate"]
    sent = [value for name, value in raw_headers(signed, "todos", "")]
    assert f'Bearer authorization_uri="{issuer.url}/oauth2/authorize"' in sent
    reply = signed.get("todos", token=None, headers={"Authorization": "Bearer"})
    assert (reply.status, reply.headers["www-authenticate"]) == (401, f'Bearer authorization_uri="{issuer.url}/oauth2/authorize"')


def test_the_first_challenge_names_the_issuer_and_the_metadata(signed, issuer):
    connection = http.client.HTTPConnection("127.0.0.1", signed.port, timeout=30)
    connection.request("GET", "/v1.0/odata/todos")
    response = connection.getresponse()
    response.read()
    metadata = f"{PUBLIC}/.well-known/oauth-protected-resource/v1.0/odata"
    assert [value for name, value in response.getheaders() if name.lower() == "www-authenticate"] == [
        f'Bearer realm="{issuer.url}", resource_metadata="{metadata}"',
        'Basic realm="odata", charset="UTF-8"',
    ]
    connection.close()


def test_the_metadata_of_the_protected_resource_is_that_of_rfc_9728(signed, issuer, gateway):
    for suffix in ("", "/v1.0/odata"):
        reply = signed.ask("GET", f"/.well-known/oauth-protected-resource{suffix}")
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        assert reply.json() == {
            "resource": PUBLIC + suffix,
            "authorization_servers": [issuer.url],
            "bearer_methods_supported": ["header"],
            "resource_name": "OData",
        }
        assert signed.ask("HEAD", f"/.well-known/oauth-protected-resource{suffix}").status == 200
        assert signed.ask("POST", f"/.well-known/oauth-protected-resource{suffix}").status == 405
        assert gateway.ask("GET", f"/.well-known/oauth-protected-resource{suffix}").status == 404  # no issuer
    for path in ("/.well-known/oauth-protected-resource/other", "/.well-known/oauth-protected-resourceful"):
        assert signed.ask("GET", path).status == 404


def test_agents_find_the_issuer_and_their_tokens_are_for_their_own_address(signed, issuer):
    refused = Agent(signed, None).send({"jsonrpc": "2.0", "id": 1, "method": "initialize"})
    metadata = f"{PUBLIC}/.well-known/oauth-protected-resource/mcp"
    assert refused.status == 401
    found = signed.ask("GET", "/.well-known/oauth-protected-resource/mcp").json()
    assert (found["resource"], found["authorization_servers"]) == (f"{PUBLIC}/mcp", [issuer.url])
    connection = http.client.HTTPConnection("127.0.0.1", signed.port, timeout=30)
    connection.request("POST", "/mcp", b"{}", {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    assert f'Bearer realm="{issuer.url}", resource_metadata="{metadata}"' in response.headers.get_all("WWW-Authenticate")
    connection.close()
    rows = Agent(signed, signed_by(OLD, issuer, aud=f"{PUBLIC}/mcp")).query("todos", select="user_id")
    assert {row["user_id"] for row in rows} == {ADA}


@pytest.mark.parametrize("audience", [PUBLIC, PUBLIC + "/", PUBLIC + "/v1.0/odata", ["x", PUBLIC + "/v1.0/odata/"]])
def test_without_another_audience_the_services_own_urls_are_the_audience(signed, issuer, audience):
    assert signed.get("todos", token=signed_by(OLD, issuer, aud=audience)).status == 200


@pytest.mark.parametrize("audience", ["https://other.example.com", "http://odata.example.com", None, PUBLIC + "/v1.0", []])
def test_tokens_for_other_services_of_the_issuer_are_refused(signed, issuer, audience):
    reply = signed.get("todos", token=OLD.sign(of(ADA, iss=issuer.url, aud=audience)))
    assert reply.status == 401 and reply.json()["error"]["message"].startswith("the token is for another audience (aud)")


# --- For operators ----------------------------------------------------------------------------------


def run_check(**settings):
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("ODATA_", "POSTGRES_", "PG"))} | settings
    command = [sys.executable, "-m", "odata_gateway", "check"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_check_shows_the_keys_and_what_must_be_registered(supabase_cluster, issuer):
    settings = {"ODATA_DSN": supabase.dsn(supabase_cluster), "ODATA_MODEL": str(supabase.MODEL), "ODATA_JWT_ISSUER": issuer.url}
    done = run_check(ODATA_PUBLIC_URL=PUBLIC, **settings)
    assert "signed with ES256 by the key kid 'old'" in done.stdout and f"application ID URI (audience): {PUBLIC}" in done.stdout
    issuer.status = 503
    done = run_check(ODATA_PUBLIC_URL=PUBLIC, **settings)
    assert done.returncode == 1 and "error: JSON Web Tokens: no token is accepted" in done.stdout
    done = run_check(ODATA_JWT_SECRET=SECRET, **settings | {"ODATA_JWT_ISSUER": ""})
    assert SECRET not in done.stdout + done.stderr and "audience: any" in done.stdout


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"ODATA_JWT_SECRET": '{"kty":"RSA"}'}, "ODATA_JWT_SECRET: the key is not there"),
        ({"ODATA_JWT_SECRET": '{"keys":[]}'}, "ODATA_JWT_SECRET: the key is not there"),
        ({"ODATA_JWT_SECRET": '{"kty":"oct","k":"c2hvcnQ"}'}, "is too short for its algorithm"),
        ({"ODATA_JWT_SECRET": "{" + "x" * 40}, "ODATA_JWT_SECRET: the key cannot be read: it is not JSON"),
        ({"ODATA_JWT_JWKS": "http://issuer.example.com/jwks"}, "ODATA_JWT_JWKS must be an https URL"),
        ({"ODATA_JWT_ISSUER": "http://issuer.example.com", "ODATA_JWT_AUDIENCE": "x"}, "ODATA_JWT_ISSUER must be an https URL"),
    ],
)
def test_settings_that_no_token_can_be_checked_with_end_the_start(supabase_cluster, settings, mistake):
    done = run_check(ODATA_DSN=supabase.dsn(supabase_cluster), ODATA_MODEL=str(supabase.MODEL), **settings)
    assert done.returncode == 2 and mistake in done.stderr and "c2hvcnQ" not in done.stderr


def test_metrics_say_how_old_the_keys_are(gateways_of, issuer):
    admin = free_port()
    gateway = gateways_of(ODATA_JWT_JWKS=issuer.jwks_url, ODATA_JWT_AUDIENCE="none", ODATA_ADMIN_PORT=str(admin), ODATA_JWT_REFRESH_S="1")

    def metric(name):
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=30) as page:
            return next(float(line.rpartition(" ")[2]) for line in page.read().decode().splitlines() if line.startswith(name + " "))

    assert metric("odata_key_set_reads_total") >= 1 and metric("odata_key_set_age_seconds") < 5
    issuer.status = 503
    wait_until(lambda: metric("odata_key_set_faults_total") >= 1 and metric("odata_key_set_age_seconds") > 2)
    assert gateway.get("todos", token=OLD.sign(of(ADA))).status == 200
