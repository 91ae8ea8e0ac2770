"""`odata-gateway sql`: print one of the SQL files for Live Agent's database."""

from __future__ import annotations

import argparse

from odata_gateway.config.settings import Settings
from odata_gateway.demo.cluster import SQL_FOLDER


def add_sql_arguments(parser: argparse.ArgumentParser) -> None:
    """The argument that names a file."""
    parser.add_argument(
        "file", nargs="?", choices=_file_names(), help="without it, the names of the files"
    )


def run_sql(_: Settings, options: argparse.Namespace) -> int:
    """0, always; argparse refuses names of files that do not exist."""
    if options.file is None:
        print(*_file_names(), sep="\n")
    else:
        print((SQL_FOLDER / f"{options.file}.sql").read_text(encoding="utf-8"), end="")
    return 0


def _file_names() -> list[str]:
    return sorted(path.stem for path in SQL_FOLDER.glob("*.sql"))
