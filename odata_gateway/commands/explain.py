"""`odata-gateway explain`: print every value between a URL and its rows."""

from __future__ import annotations

import argparse
import sys

from odata_gateway.compiler.explain import Explanation, explain
from odata_gateway.config.setting import SettingsError
from odata_gateway.config.settings import Settings
from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.errors import ODataError
from odata_gateway.formats.registry import DEFAULT_ENCODING
from odata_gateway.handlers.served_model import compiler_for
from odata_gateway.identity.caller import Caller
from odata_gateway.server.composition import database_settings, model_of
from odata_gateway.server.runtime import run_loop
from odata_gateway.url.resource_kind import ResourceKind, classify
from odata_gateway.web.urls import path_of, service_target

SUBJECT = "explain"
"""The caller's subject; no statement depends on it."""
_DOCUMENTS = (ResourceKind.SERVICE_DOCUMENT, ResourceKind.METADATA, ResourceKind.BATCH)


def add_explain_arguments(parser: argparse.ArgumentParser) -> None:
    """The URL, and the accounts of the caller."""
    parser.add_argument("url", help="what follows the service root, or a whole URL")
    parser.add_argument(
        "--accounts", default="1", help="ids of the caller's accounts, separated by commas (1)"
    )


def run_explain(settings: Settings, options: argparse.Namespace) -> int:
    """0 when the request has been explained; 1 when it is refused.

    raises  SettingsError for accounts that are not numbers, ModelError
    """
    try:
        accounts = tuple(sorted({int(text) for text in options.accounts.split(",")}))
    except ValueError:
        raise SettingsError(
            (f"--accounts must be ids separated by commas, not '{options.accounts}'",)
        ) from None
    return run_loop(_explain(settings, _target(options.url), Caller(SUBJECT, accounts)))


def _target(url: str) -> str:
    """What follows the service root in a URL, or the URL where it does not begin with one."""
    path = path_of(url)
    inner = service_target(path) if path.startswith("/") else None
    return path if inner is None else inner


async def _explain(settings: Settings, target: str, caller: Caller) -> int:
    """Print each value as far as the request gets, and, with a database, Postgres's plan."""
    if classify(target) in _DOCUMENTS:
        print("this is answered from the model, without a statement")
        return 0
    model = model_of(settings)
    database = await Database.open(database_settings(settings)) if settings.dsn else None
    try:
        if database is not None:
            model = (await inspect(database, model))[0]
        compiler = compiler_for(model, settings)
        explained = explain(
            compiler, target, caller, encoding=DEFAULT_ENCODING, sharded=settings.sharded
        )
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
        statement = explained.rows._replace(text="EXPLAIN " + explained.rows.text, replan=False)
        rows = await session.fetch(statement)
    return "\n".join(row[0] for row in rows)
