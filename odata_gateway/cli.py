"""The command line: serve, demo, check, explain, sql.

Exit status: 0 success, 1 something outside is wrong (a port, the database, findings of `check`), 2
the command, a setting or the model is.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from odata_gateway import __version__
from odata_gateway.compiler.explain import Explanation, explain
from odata_gateway.config import report
from odata_gateway.config.settings import SETTINGS, Settings, SettingsError, load, origins
from odata_gateway.db.pool import Database
from odata_gateway.db.schema.indexes import missing_indexes
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.db.schema.shards import shard_findings
from odata_gateway.demo import banner
from odata_gateway.demo.cluster import READER, SQL_FOLDER, Cluster, ClusterError
from odata_gateway.edm.json_reader import ModelError
from odata_gateway.edm.model import Model
from odata_gateway.errors import ODataError
from odata_gateway.handlers.service import compiler_for
from odata_gateway.identity.caller import Caller
from odata_gateway.observe import logs
from odata_gateway.server.reload import hold_back
from odata_gateway.server.supervisor import supervise
from odata_gateway.server.worker import database_settings, model_of, run_loop, serve
from odata_gateway.web.urls import path_of, service_target

EXPLAIN_USER = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = load(os.environ, _flags(options))
        logs.set_up(settings.log_level, settings.log_format)
        status: int = options.run(settings, options)
    except (SettingsError, ModelError) as error:
        print(
            *(f"odata-gateway: {mistake}" for mistake in error.mistakes), sep="\n", file=sys.stderr
        )
        return 2
    except OSError as error:
        hint = "; --port or ODATA_PORT takes another one" if error.errno == errno.EADDRINUSE else ""
        print(f"odata-gateway: {error}{hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _flags(options: argparse.Namespace) -> dict[str, str]:
    """The settings given on the command line, by field name."""
    return {
        setting.name: getattr(options, setting.name)
        for setting in SETTINGS
        if hasattr(options, setting.name)
    }


def _parser() -> argparse.ArgumentParser:
    settings = argparse.ArgumentParser(add_help=False)
    group = settings.add_argument_group(
        "settings",
        "each also as a variable: --page-rows is ODATA_PAGE_ROWS; secrets also as ..._FILE",
    )
    for setting in SETTINGS:
        group.add_argument(
            setting.flag,
            dest=setting.name,
            metavar="VALUE",
            default=argparse.SUPPRESS,
            help=f"{setting.doc} ({setting.default or 'empty'})",
        )
    parser = argparse.ArgumentParser(
        prog="odata-gateway",
        description="A read-only OData v4 gateway in front of Postgres.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, run, text in (
        ("serve", _serve, "answer OData requests"),
        ("demo", _demo, "answer them from an embedded Postgres with sample data"),
        (
            "check",
            _check,
            "show the settings, compare the model with the database, and say what is missing",
        ),
        ("explain", _explain, "show what becomes of a request, down to the SQL"),
        (
            "sql",
            _sql,
            "print one of the SQL files for Live Agent's database: indexes, roles and so on",
        ),
    ):
        command = commands.add_parser(
            name, parents=[settings], help=text, description=text, allow_abbrev=False
        )
        command.set_defaults(run=run)
        if name == "explain":
            command.add_argument("url", help="what follows the service root, or a whole URL")
            command.add_argument(
                "--accounts",
                default="1",
                help="ids of the caller's accounts, separated by commas (1)",
            )
        if name == "sql":
            command.add_argument(
                "file", nargs="?", choices=_sql_files(), help="without it, the names of the files"
            )
    return parser


def _need_dsn(settings: Settings) -> None:
    if not settings.dsn:
        raise SettingsError(
            (
                "ODATA_DSN is missing; postgresql://user:password@host:5432/database is expected (or POSTGRES_HOST and its kin)",
            )
        )


# --- Commands -------------------------------------------------------------------------------------


def _serve(settings: Settings, _: argparse.Namespace) -> int:
    _need_dsn(settings)
    hold_back(True)
    model = model_of(settings)
    return supervise(settings) if settings.workers > 1 else run_loop(serve(settings, model))


def _demo(settings: Settings, _: argparse.Namespace) -> int:
    try:
        with Cluster.start() as cluster:
            cluster.load()
            own = replace(settings, dsn=cluster.dsn(user=READER))
            return run_loop(
                serve(
                    own,
                    model_of(own),
                    started=lambda port: print(banner.banner_text(port), flush=True),
                    reloads=False,
                )
            )
    except ClusterError as error:
        print(f"odata-gateway: {error}", file=sys.stderr)
        return 1


def _check(settings: Settings, options: argparse.Namespace) -> int:
    print(
        *report.lines(settings, origins(os.environ, _flags(options)), os.environ, Path.home()),
        "",
        sep="\n",
        flush=True,
    )
    _need_dsn(settings)
    return run_loop(_checked(settings, model_of(settings)))


def _sql_files() -> list[str]:
    return sorted(path.stem for path in SQL_FOLDER.glob("*.sql"))


def _sql(_: Settings, options: argparse.Namespace) -> int:
    if options.file is None:
        print(*_sql_files(), sep="\n")
    else:
        print((SQL_FOLDER / f"{options.file}.sql").read_text(encoding="utf-8"), end="")
    return 0


async def _checked(settings: Settings, model: Model) -> int:
    database = await Database.open(database_settings(settings))
    try:
        _, findings = await inspect(database, model)
        findings += await shard_findings(database, sharded=settings.sharded)
        if settings.model is None:
            findings += await missing_indexes(
                database, (SQL_FOLDER / "indexes.sql").read_text(encoding="utf-8")
            )
    except ODataError as error:
        print(f"odata-gateway: {error}", file=sys.stderr)
        return 1
    finally:
        await database.close()
    for finding in findings:
        print(finding)
    errors = sum(finding.level == "error" for finding in findings)
    print(
        f"{len(findings)} findings, {errors} of them errors"
        if findings
        else "the database has everything the model names"
    )
    return 1 if errors else 0


def _explain(settings: Settings, options: argparse.Namespace) -> int:
    try:
        accounts = tuple(sorted({int(text) for text in options.accounts.split(",")}))
    except ValueError:
        raise SettingsError(
            (f"--accounts must be ids separated by commas, not '{options.accounts}'",)
        ) from None
    return run_loop(_explained(settings, options.url, Caller(EXPLAIN_USER, accounts)))


async def _explained(settings: Settings, url: str, caller: Caller) -> int:
    """Print every value on the way from the URL to the SQL, and, with a database, Postgres's plan;
    each as far as the request gets."""
    path = path_of(url)
    inner = service_target(path) if path.startswith("/") else None
    target, model = path if inner is None else inner, model_of(settings)
    if target.lstrip("/").partition("?")[0].partition("/")[0] in ("", "$metadata", "$batch"):
        print("this is answered from the model, without a statement")
        return 0
    database = await Database.open(database_settings(settings)) if settings.dsn else None
    try:
        if database is not None:
            model = (await inspect(database, model))[0]
        explained = explain(compiler_for(model, settings), target, caller, sharded=settings.sharded)
        for title, text in explained.steps:
            print(f"== {title}\n{text}\n")
        if database is not None:
            print(f"== plan\n{await _plan(database, explained)}")
    except ODataError as error:
        print(f"== {error.status} {error.code}\n{error}", file=sys.stderr)
        return 1
    finally:
        if database is not None:
            await database.close()
    return 0


async def _plan(database: Database, explained: Explanation) -> str:
    """How Postgres would run the statement that reads the rows."""
    async with database.session() as session:
        return "\n".join(
            row[0]
            for row in await session.fetch(
                explained.rows._replace(text="EXPLAIN " + explained.rows.text, replan=False)
            )
        )
