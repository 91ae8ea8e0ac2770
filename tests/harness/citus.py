"""A real Citus: a coordinator and two workers on this machine, from the programs that ODATA_TEST_CITUS names, loaded as docs/operate.md says."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.harness.cluster import DATABASE, READER, SQL_FOLDER, Cluster, ClusterError
from tests.harness.ports import free_port

PREFIX = os.environ.get("ODATA_TEST_CITUS", "")
SAMPLE = (SQL_FOLDER / "sample.sql").read_text(encoding="utf-8")
PASSWORD = "secret"
_HBA = """
local all all trust
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
host replication postgres 127.0.0.1/32 trust
"""
_SETTINGS = {
    "shared_preload_libraries": "citus",
    "wal_level": "logical",
    "max_wal_senders": "8",
    "max_connections": "300",
    "listen_addresses": "127.0.0.1",
    "citus.enable_statistics_collection": "off",
    "citus.node_conninfo": "sslmode=disable",
    "citus.enable_stat_counters": "on",
}

_MOVE = """
SELECT citus_move_shard_placement(get_shard_id_for_distribution_column('public.messages', {0}), '127.0.0.1', {1}, '127.0.0.1', {2}, 'block_writes')
"""


class CitusNode(Cluster):
    """A server with Citus in its libraries; the superuser needs no password, the reader does."""

    @classmethod
    def started(cls, settings: Mapping[str, str] | None = None) -> CitusNode:
        wanted = {**_SETTINGS, "port": str(free_port()), **(settings or {})}
        return cls.of_prefix(Path(PREFIX), "citus", wanted, _HBA)


class CitusCluster:
    """A coordinator and its workers, with data that is distributed by account: a script, in place of the sample data."""

    def __init__(self, nodes: tuple[CitusNode, ...], data: str) -> None:
        self.coordinator, *self.workers = nodes
        for node in nodes:
            node.psql("postgres", f'CREATE DATABASE "{DATABASE}"')
        self.run("schema.sql")
        self.psql(data)
        for node in nodes:
            node.psql(DATABASE, "CREATE EXTENSION citus")
        self.psql(f"SELECT citus_set_coordinator_host('127.0.0.1', {self.coordinator.port})")
        for worker in self.workers:
            self.psql(f"SELECT citus_add_node('127.0.0.1', {worker.port})")
        self.run("roles.sql")
        self.psql(f"ALTER ROLE {READER} PASSWORD '{PASSWORD}'")
        self.psql(f"INSERT INTO pg_dist_authinfo VALUES (0, '{READER}', 'password={PASSWORD}')")
        self.run("citus.sql", "indexes.sql")
        self.psql("ANALYZE")

    def run(self, *files: str) -> None:
        for name in files:
            self.psql((SQL_FOLDER / name).read_text(encoding="utf-8"))

    def psql(self, script: str) -> str:
        return self.coordinator.psql(DATABASE, script)

    @property
    def version(self) -> str:
        return self.psql("SELECT extversion FROM pg_extension WHERE extname = 'citus'").strip()

    def dsn(self, node: CitusNode | None = None) -> str:
        """The DSN of the gateway."""
        return f"postgresql://{READER}:{PASSWORD}@127.0.0.1:{(node or self.coordinator).port}/{DATABASE}"

    def worker_of(self, account: int) -> CitusNode:
        """The worker with the shard of an account."""
        found = self.psql(
            "SELECT nodeport FROM pg_dist_placement JOIN pg_dist_node USING (groupid)"
            f" WHERE shardid = get_shard_id_for_distribution_column('public.messages', {account}) AND noderole = 'primary'"
        )
        return next(w for w in self.workers if w.port == int(found))

    def move(self, account: int, there: CitusNode) -> None:
        """Give the shard of an account to another worker, once what an earlier move left is no longer in use."""
        here = self.worker_of(account)
        for tries_left in range(20, -1, -1):
            try:
                self.psql(_MOVE.format(account, here.port, there.port))
                return
            except ClusterError as error:
                if not tries_left or "could not be cleaned up" not in str(error):
                    raise
                time.sleep(1)


@contextmanager
def citus_cluster(*, workers: int = 2, data: str = SAMPLE) -> Iterator[CitusCluster]:
    with ExitStack() as stack:
        nodes = tuple(stack.enter_context(CitusNode.started()) for _ in range(workers + 1))
        yield CitusCluster(nodes, data)
