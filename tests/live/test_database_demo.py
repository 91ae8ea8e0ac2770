"""The embedded Postgres: quick to start, stopped with its owner however that ends, restarted over the same data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from odata_gateway.demo import banner, tokens
from odata_gateway.demo.programs import ClusterError, PostgresPrograms, copy_programs, find_programs
from tests.harness.cluster import READER, Cluster

ROOT = Path(__file__).parents[2]
OWNER = """
import sys, time
from tests.harness.cluster import Cluster
cluster = Cluster.start()
print(cluster.folder, cluster.pid, flush=True)
time.sleep(60)
"""


async def test_start_load_and_close_take_seconds_and_leave_nothing():
    started = time.monotonic()
    with Cluster.start() as cluster:
        cluster.load()
        assert time.monotonic() - started < 60  # two on a quiet machine
        connection = await asyncpg.connect(cluster.dsn(user=READER))
        assert await connection.fetchval("SELECT count(*) FROM messages") == 8000
        await connection.close()
        folder, pid = cluster.folder, cluster.pid
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_server_killed_keeps_what_was_committed():
    with Cluster.start() as cluster:
        for how in (signal.SIGINT, signal.SIGQUIT):
            cluster.psql("postgres", "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)")
            cluster.stop(how)
            cluster.resume()
        assert cluster.psql("postgres", "SELECT count(*) FROM t").strip() == "2"


def test_the_server_ends_when_its_owner_is_killed():
    owner = subprocess.Popen([sys.executable, "-c", OWNER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    folder, pid = owner.stdout.readline().split()
    owner.kill()
    owner.communicate()
    deadline = time.monotonic() + 10
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_copied_programs_run(tmp_path):
    programs = find_programs(tmp_path)
    copied = PostgresPrograms(copy_programs(programs.folder.parent, tmp_path / "again"), None)
    for name in ("postgres", "initdb", "psql"):
        assert "18" in copied.run(name, "--version", cwd=tmp_path)


def test_a_mistake_in_a_script_is_an_error_with_its_text():
    with Cluster.start() as cluster, pytest.raises(ClusterError, match="no_such_table"):
        cluster.psql("postgres", "SELECT * FROM no_such_table")


def test_the_banner_has_everything_to_paste():
    text = banner.banner_text(3001)
    assert f"http://localhost:3001/v1.0/odata/Conversation?apikey={tokens.ADMIN}" in text
    assert "curl -H 'Authorization: Bearer " in text and all(t in text for t in (tokens.ADMIN, tokens.OTHER_ADMIN, tokens.AGENT))
