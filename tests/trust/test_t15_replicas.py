"""A primary and a streaming standby in one DSN: the standby is preferred, its conflicts are unseen, and its death and its promotion are survived."""

from __future__ import annotations

import threading
import time

import pytest
from odata_gateway.db.hosts import split_hosts
from tests.harness import supabase
from tests.harness.cluster import READER, Cluster
from tests.harness.faults import backends, crash, wait_until
from tests.harness.figures import record
from tests.harness.standby import PRIMARY_OPTIONS, Standby

RECOVERED_S, LIMIT_S = 3.0, 15.0
"""The promise, and what a machine that is busy may take."""

SLOW = """
ALTER TABLE labels RENAME TO l;
CREATE VIEW labels AS SELECT l.* FROM l WHERE EXISTS (SELECT FROM pg_sleep(0.7));
GRANT SELECT ON labels TO odata_reader;
"""


@pytest.fixture
def pair():
    """A primary with the sample data, and its standby, which lets no query hold up what it follows."""
    with Cluster.start(tcp=True, settings=PRIMARY_OPTIONS) as primary:
        primary.load()
        with Standby.of(primary, {"max_standby_streaming_delay": "0"}) as standby:
            yield primary, standby


def dsn_of(*clusters, attributes="prefer-standby"):
    hosts = ",".join(f"127.0.0.1:{cluster.port}" for cluster in clusters)
    return f"postgresql://{READER}@{hosts}/live_agent?target_session_attrs={attributes}"


def caught_up(primary, standby):
    return standby.psql("postgres", "SELECT pg_last_wal_replay_lsn()") >= primary.psql("postgres", "SELECT pg_current_wal_lsn()")


def recovered(gateway, fault):
    """Seconds until a request succeeds that needs the database."""
    took_s = wait_until(lambda: gateway.get("Inbox").status == 200, LIMIT_S)
    record("T15", f"service back after {fault}", took_s, "s", at_most=RECOVERED_S)
    return took_s


def test_t15_death_and_promotion_of_a_standby(pair, gateways):
    primary, standby = pair
    gateway = gateways(ODATA_DSN=dsn_of(primary, standby))
    assert gateway.get("Inbox").status == 200
    assert backends(standby) and not backends(primary)
    crash(standby)
    started = time.monotonic()
    assert gateway.get("Inbox").status == 200  # at once: the statement is sent again, to the other host
    record("T15", "service back after the death of the standby", time.monotonic() - started, "s", at_most=RECOVERED_S)
    assert backends(primary)
    standby.resume()
    wait_until(lambda: caught_up(primary, standby), 20)
    standby.promote()
    crash(primary)
    recovered(gateway, "the death of the primary and the promotion of the standby")
    assert backends(standby)
    assert gateway.ask("GET", "/health/readiness").status == 200
    assert "Traceback" not in gateway.log()


def test_t13_conflicts_with_a_standbys_recovery_are_unseen(pair, gateways):
    primary, standby = pair
    primary.psql("live_agent", SLOW)
    wait_until(lambda: caught_up(primary, standby), 20)
    gateway = gateways(ODATA_DSN=dsn_of(standby, primary))
    replies = []
    asking = threading.Thread(target=lambda: replies.append(gateway.get("Label")))
    before = standby.log().count("conflict with recovery")
    asking.start()
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = 'odata_reader'"
    wait_until(lambda: int(standby.psql("postgres", sql)), 10)
    primary.psql("live_agent", "BEGIN; LOCK TABLE l IN ACCESS EXCLUSIVE MODE; COMMIT;")
    wait_until(lambda: standby.log().count("conflict with recovery") > before, 10)
    asking.join(30)
    assert replies[0].status == 200 and len(replies[0].rows) > 0
    over = threading.Event()
    threading.Thread(target=lambda: _disturb(primary, over), daemon=True).start()
    try:
        statuses = [gateway.get("Label") for _ in range(3)]
    finally:
        over.set()
    record("T13", "conflicts with a standby's recovery that a request did not see", replies[0].status == 200, how="sum", at_least=1)
    assert {reply.status for reply in statuses} <= {200, 503}
    assert all(reply.headers["retry-after"] for reply in statuses if reply.status == 503)


def _disturb(primary, over):
    while not over.is_set():
        primary.psql("live_agent", "BEGIN; LOCK TABLE l IN ACCESS EXCLUSIVE MODE; COMMIT;")
        time.sleep(0.1)


def test_t15_each_host_has_a_dsn_of_its_own():
    assert split_hosts("postgresql://u:p%40@h1:1,h2/d?sslmode=require&target_session_attrs=standby") == (
        ("postgresql://u:p%40@h1:1/d?sslmode=require", "postgresql://u:p%40@h2/d?sslmode=require"),
        "standby",
    )
    assert split_hosts("postgresql://u@/d?host=/a,/b&port=1,2")[0] == (
        "postgresql://u@/d?host=%2Fa&port=1", "postgresql://u@/d?host=%2Fb&port=2",
    )  # fmt: skip
    assert split_hosts("postgresql://u@[::1]:5432/d") == (("postgresql://u@[::1]:5432/d",), "any")


def test_t15_callers_with_roles_are_served_by_the_standby_and_after_its_death_by_the_primary(gateways, tmp_path):
    tokens = supabase.write_tokens(tmp_path / "tokens.toml")
    with Cluster.start(tcp=True, settings=PRIMARY_OPTIONS) as primary:
        supabase.load(primary)
        with Standby.of(primary, {}) as standby:
            wait_until(lambda: caught_up(primary, standby), LIMIT_S)
            hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
            dsn = f"postgresql://{supabase.AUTHENTICATOR}@{hosts}/{supabase.DATABASE}?target_session_attrs=prefer-standby"
            gateway = gateways(ODATA_DSN=dsn, ODATA_MODEL=str(supabase.MODEL), ODATA_TOKENS_FILE=str(tokens.path))

            def seen(name):
                return {row["user_id"] for row in gateway.get("todos", token=tokens[name]).rows}

            assert seen("ada") == {supabase.ADA} and seen("eve") == {supabase.EVE}
            count = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{supabase.AUTHENTICATOR}'"
            assert int(standby.psql("postgres", count)) and not int(primary.psql("postgres", count))
            crash(standby)
            assert seen("eve") == {supabase.EVE} and seen("ada") == {supabase.ADA}
