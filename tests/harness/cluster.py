"""The demo's Postgres server with what tests need beside it: a TCP port, settings, its process and log, and a stop that is none of its owner's."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from odata_gateway.demo import cluster
from odata_gateway.demo.cluster import DATABASE, READER, SQL_FILES, SQL_FOLDER, SUPERUSER
from odata_gateway.demo.programs import ClusterError, PostgresPrograms
from tests.harness.ports import free_port

__all__ = ["DATABASE", "READER", "SQL_FILES", "SQL_FOLDER", "SUPERUSER", "Cluster", "ClusterError"]


class Cluster(cluster.Cluster):
    """A running server; `start` makes one, `close` ends it and removes its folder."""

    @classmethod
    def start(cls, settings: Mapping[str, str] | None = None, *, tcp: bool = False) -> Cluster:
        """A new, empty server that accepts connections, on 127.0.0.1 too if asked to."""
        listening = {"listen_addresses": "127.0.0.1", "port": str(free_port())} if tcp else {}
        return super().start({**listening, **(settings or {})})

    @classmethod
    def of_prefix(cls, prefix: Path, name: str, settings: Mapping[str, str], hba: str | None = None) -> Self:
        """A new, running server from the programs of another Postgres, which may refuse to run as root; its texts are ordered as C.UTF-8 has them.

        name  ends the name of its folder
        hba   its pg_hba.conf; None: it trusts everybody
        """
        folder = Path(tempfile.mkdtemp(prefix=f"odata-{name}-"))
        folder.chmod(0o711)
        programs = PostgresPrograms(prefix, "nobody" if os.geteuid() == 0 else None)
        try:
            server = programs.owned(folder / "server")
            version = programs.run("postgres", "--version", cwd=server, server_side=True)
            is_old = int(version.split()[2].split(".")[0]) < 17
            locale = ("--locale=C.UTF-8",) if is_old else ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
            options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions")
            programs.run("initdb", *options, *locale, "-D", str(server / "data"), cwd=server, server_side=True)
            if hba is not None:
                (server / "data" / "pg_hba.conf").write_text(hba)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(folder, programs, settings).launched()

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
