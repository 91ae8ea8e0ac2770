"""A database in which no access token can be looked up: `check` reports an error, the gateway is not ready and says why."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.harness.faults import wait_until

CHANGES = {
    "no tables": "DROP TABLE access_tokens, account_users, users CASCADE",
    "no tokens": "DROP TABLE access_tokens CASCADE",
    "no column": "ALTER TABLE access_tokens RENAME token TO key",
    "not granted": "REVOKE SELECT ON access_tokens FROM odata_reader; REVOKE SELECT (token, owner_id, owner_type) ON access_tokens FROM odata_reader",
    "ids are uuids": "ALTER TABLE users RENAME TO others; CREATE VIEW users AS SELECT gen_random_uuid() AS id; GRANT SELECT ON users TO odata_reader",
    "owner is a text": "ALTER TABLE access_tokens ALTER owner_id TYPE text",
    "roles are names": "ALTER TABLE account_users ALTER role DROP DEFAULT, ALTER role TYPE text",
    "tokens are uuids": (
        "ALTER TABLE access_tokens RENAME TO others; CREATE VIEW access_tokens AS SELECT gen_random_uuid() AS token, owner_id, owner_type FROM others;"
        "GRANT SELECT ON access_tokens TO odata_reader"
    ),
    "a view that raises": (
        "ALTER TABLE access_tokens RENAME TO others; CREATE VIEW access_tokens AS SELECT token, owner_id, 1 / (SELECT 0) AS x, owner_type FROM others"
        " WHERE 1 / (SELECT 0) = 1; GRANT SELECT ON access_tokens TO odata_reader"
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_readiness_and_check_say_that_nobody_gets_in(gateways, cluster, scratch, scratch_reader_dsn, change):
    cluster.psql(scratch, change)
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, wait_for="/health/liveness")
    ready = gateway.ask("GET", "/health/readiness")
    assert (ready.status, ready.json()["status"]) == (503, "nobody can be served")
    assert gateway.ask("GET", "/health/readiness").status == 503
    assert gateway.log().count("not ready: nobody can be served: access tokens cannot be looked up: ") == 1
    reply = gateway.get("Label?$top=1")
    assert (reply.status, reply.json()["error"]["code"]) == (500, "Db.Tokens")
    done = subprocess.run(
        [sys.executable, "-m", "odata_gateway", "check"], capture_output=True, text=True, env={"ODATA_DSN": scratch_reader_dsn}, timeout=60
    )
    assert done.returncode == 1 and "cannot be looked up" in done.stdout.replace("no access token can be", "cannot be"), done.stdout


def test_it_becomes_ready_once_somebody_can_get_in_and_not_ready_when_nobody_can_any_more(gateways, cluster, scratch, scratch_reader_dsn):
    cluster.psql(scratch, "ALTER TABLE access_tokens RENAME TO away")
    gateway = gateways(ODATA_DSN=scratch_reader_dsn, ODATA_TOKEN_TTL_S="0", wait_for="/health/liveness")
    assert gateway.ask("GET", "/health/readiness").status == 503
    cluster.psql(scratch, "ALTER TABLE away RENAME TO access_tokens")
    wait_until(lambda: gateway.ask("GET", "/health/readiness").status == 200, 10)
    assert gateway.get("Label?$top=1").status == 200
    cluster.psql(scratch, "ALTER TABLE access_tokens RENAME TO away")
    assert gateway.get("Label?$top=1").json()["error"]["code"] == "Db.Tokens"
    assert gateway.ask("GET", "/health/readiness").status == 503
