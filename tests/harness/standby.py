"""A streaming standby of a test's server, made by pg_basebackup."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from odata_gateway.demo.programs import find_programs
from tests.harness.cluster import SUPERUSER, Cluster
from tests.harness.ports import free_port

PRIMARY_OPTIONS = {"wal_level": "replica", "max_wal_senders": "4"}


class Standby(Cluster):
    """Follows the server it was copied from, until it is promoted."""

    _ready_states = ("standby", "ready")

    @classmethod
    def of(cls, primary: Cluster, settings: Mapping[str, str]) -> Standby:
        """A new standby that accepts connections; `primary` runs with PRIMARY_OPTIONS and on TCP."""
        folder = Path(tempfile.mkdtemp(prefix="odata-gateway-"))
        folder.chmod(0o711)
        try:
            programs = find_programs(folder)
            server = programs.owned(folder / "server")
            source = f"host=127.0.0.1 port={primary.port} user={SUPERUSER}"
            arguments = ("-d", source, "-D", str(server / "data"), "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
            programs.run("pg_basebackup", *arguments, cwd=server, server_side=True)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        listening = {"listen_addresses": "127.0.0.1", "port": str(free_port())}
        return cls(folder, programs, PRIMARY_OPTIONS | listening | dict(settings)).launched()

    def promote(self) -> None:
        """Make it a primary, and wait until it is."""
        assert self.psql("postgres", "SELECT pg_promote(true, 30)").strip() == "t"
