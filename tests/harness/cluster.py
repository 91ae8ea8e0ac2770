"""The demo's Postgres server with what tests need beside it: a TCP port, settings, its process and log, and a stop that is none of its owner's."""

from __future__ import annotations

import signal
from collections.abc import Mapping

from odata_gateway.demo import cluster
from odata_gateway.demo.cluster import DATABASE, READER, SQL_FILES, SQL_FOLDER, SUPERUSER
from odata_gateway.demo.programs import ClusterError
from tests.harness.ports import free_port

__all__ = ["DATABASE", "READER", "SQL_FILES", "SQL_FOLDER", "SUPERUSER", "Cluster", "ClusterError"]


class Cluster(cluster.Cluster):
    """A running server; `start` makes one, `close` ends it and removes its folder."""

    @classmethod
    def start(cls, settings: Mapping[str, str] | None = None, *, tcp: bool = False) -> Cluster:
        """A new, empty server that accepts connections, on 127.0.0.1 too if asked to."""
        listening = {"listen_addresses": "127.0.0.1", "port": str(free_port())} if tcp else {}
        return super().start({**listening, **(settings or {})})

    @property
    def port(self) -> int | None:
        """The TCP port on 127.0.0.1, or None where only the socket is served."""
        return int(self.settings["port"]) if self.settings["listen_addresses"] else None

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        if self._process is None:
            raise ClusterError("the server is stopped")
        return self._process.pid

    def dsn(self, *, user: str = SUPERUSER, database: str = DATABASE, tcp: bool = False) -> str:
        """A DSN for asyncpg and libpq alike."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}" if tcp else super().dsn(user=user, database=database)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT ends its sessions first, SIGQUIT and SIGKILL leave them to recovery."""
        self._end((how, signal.SIGQUIT, signal.SIGKILL))

    def resume(self) -> None:
        """Start the server again over the same data, and wait until it accepts connections."""
        self._launch()
