"""A Postgres with the benchmark's data, set up as a production server would be, kept between runs.

Loading takes a minute, so the folder stays where it is until it is removed by hand; the server itself ends with the benchmark.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from odata_gateway.demo.cluster import DATABASE, READER, SQL_FOLDER, SUPERUSER
from odata_gateway.demo.programs import PostgresPrograms, find_programs

FILES = ("schema.sql", "bench.sql", "indexes.sql", "roles.sql")
SETTINGS = {
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "random_page_cost": "1.1",
    "max_connections": "200",
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
}
"""A server of a few gigabytes with a fast disk. What would work in the background beside a measurement is off; reading does not depend on it."""

INITDB = (
    "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions",
    "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
)  # fmt: skip
START_S = 60


def default_folder() -> Path:
    """Outside home folders, because as root the server runs as a user who may not enter them."""
    return Path(f"/var/tmp/odata-gateway-bench-{os.getuid()}")


@dataclass(frozen=True, slots=True)
class Server:
    """A database to measure against.

    pid   the postmaster's, where it is known, for its CPU time
    psql  the program to ask it by hand
    log   what the server writes, where it can be read
    """

    dsn: str
    owner_dsn: str
    pid: int | None
    psql: str
    log: Path | None


class KeptCluster:
    """`with KeptCluster(folder, rows) as server`: loads the data unless the folder has them already."""

    def __init__(self, folder: Path, rows: int) -> None:
        text = b"".join((SQL_FOLDER / name).read_bytes() for name in FILES) + repr((rows, INITDB)).encode()
        self._base = folder
        self._folder = folder / hashlib.sha256(text).hexdigest()[:12]
        self._rows = rows
        self._programs: PostgresPrograms | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        self._base.mkdir(mode=0o755, parents=True, exist_ok=True)
        programs = self._programs = self._find_programs()
        if not (self._folder / "loaded").exists():
            self._make(programs)
        else:
            self._start(programs)
        assert self._process is not None
        psql = str(programs.folder / "bin" / "psql")
        return Server(self._dsn(READER), self._dsn(SUPERUSER), self._process.pid, psql, self._folder / "server" / "log")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(START_S)

    def _find_programs(self) -> PostgresPrograms:
        copied = self._base / "programs"
        if copied.exists():
            shutil.rmtree(copied)
        return find_programs(self._base)

    def _make(self, programs: PostgresPrograms) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o711)
        programs.owned(self._folder / "server")
        programs.run("initdb", *INITDB, "-D", str(self._folder / "server" / "data"), cwd=self._folder / "server", server_side=True)
        self._start(programs)
        print(f"loading {self._rows:,} messages ...", file=sys.stderr, flush=True)
        self._psql("postgres", "-c", f'CREATE DATABASE "{DATABASE}"')
        for name in FILES:
            self._psql(DATABASE, "-v", f"messages={self._rows}", "-f", str(SQL_FOLDER / name))
        self._psql(DATABASE, "-c", "VACUUM (FREEZE, ANALYZE)", "-c", "CHECKPOINT")
        (self._folder / "loaded").touch()

    def _start(self, programs: PostgresPrograms) -> None:
        """Start the server and wait. One that serves the folder already is another benchmark's: its CPU time would be measured as ours."""
        options = [word for name, text in SETTINGS.items() for word in ("-c", f"{name}={text}")]
        where = self._folder / "server"
        with (where / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(programs.folder / "bin" / "postgres"), "-D", str(where / "data"), "-k", str(where), "-h", "", *options],
                cwd=where, env=os.environ | {"LC_ALL": "C"}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                **programs.identity(),
            )  # fmt: skip
        self._await_ready()

    def _await_ready(self) -> None:
        assert self._programs is not None and self._process is not None
        for _ in range(START_S * 10):
            if self._process.poll() is not None:
                raise SystemExit(f"Postgres did not start; {self._folder} may be in use by another benchmark: {self._end_of_log()}")
            ready = subprocess.run(
                [str(self._programs.folder / "bin" / "psql"), "-X", "-c", "SELECT 1", self._dsn(SUPERUSER, "postgres")], capture_output=True
            )
            if ready.returncode == 0 and self._answers_itself(self._process.pid):
                return
            time.sleep(0.1)
        raise SystemExit(f"Postgres did not start: {self._end_of_log()}")

    def _answers_itself(self, pid: int) -> bool:
        return (self._folder / "server" / "data" / "postmaster.pid").read_text().split()[0] == str(pid)

    def _end_of_log(self) -> str:
        return (self._folder / "server" / "log").read_text(errors="replace")[-2000:]

    def _dsn(self, user: str, database: str = DATABASE) -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self._folder / 'server'), safe='')}&port=5432"

    def _psql(self, database: str, *arguments: str) -> None:
        assert self._programs is not None
        options = ("-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self._dsn(SUPERUSER, database))
        self._programs.run("psql", *options, *arguments, cwd=self._folder)


class GivenServer:
    """A database that runs already, named by its DSN; the data must be loaded."""

    def __init__(self, dsn: str, psql: str | None) -> None:
        self._dsn = dsn
        self._psql = psql or shutil.which("psql") or "psql"

    def __enter__(self) -> Server:
        return Server(self._dsn, self._dsn, None, self._psql, None)

    def __exit__(self, *_: object) -> None:
        pass
