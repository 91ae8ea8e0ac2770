"""`odata-gateway explain`: print every value between a URL and its rows."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import assert_never

from odata_gateway.compiler.compiled_query import CompiledQuery
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.explain import ROOT, Explanation, explain_query
from odata_gateway.config.readers import AUTO
from odata_gateway.config.setting import SettingsError
from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import require_dsn
from odata_gateway.db.database import Database
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.errors import ODataError, UrlMethod
from odata_gateway.formats.encoding import BodyEncoding
from odata_gateway.handlers.entity.handler import path_of_id
from odata_gateway.handlers.negotiation import encoding_of_url, is_sharded
from odata_gateway.handlers.request import zone_option
from odata_gateway.handlers.service import compiler_for
from odata_gateway.handlers.zones import zone_of_url
from odata_gateway.identity.caller import Caller
from odata_gateway.server.composition import database_settings, model_of, read_model
from odata_gateway.server.runtime import run_loop
from odata_gateway.url.resource_kind import ResourceKind, classify, method_refusal
from odata_gateway.web.urls import path_of, service_target

SUBJECT = "explain"
"""The caller's subject; no statement depends on it."""


def add_explain_arguments(parser: argparse.ArgumentParser) -> None:
    """The URL, and the accounts of the caller."""
    parser.add_argument("url", help="what follows the service root, or a whole URL")
    parser.add_argument(
        "--accounts", default="1", help="ids of the caller's accounts, separated by commas (1)"
    )


def run_explain(settings: Settings, options: argparse.Namespace) -> int:
    """0 when the request has been explained; 1 when it is refused.

    raises  SettingsError for accounts that are not numbers, or without the database that the model
            is made from; ModelError
    """
    if settings.model == AUTO:
        require_dsn(settings)
    caller = Caller(SUBJECT, account_ids(options.accounts))
    return run_loop(_explain(settings, asked_target(options.url), caller))


def account_ids(text: str) -> tuple[int, ...]:
    """The accounts that the command line names.

    raises  SettingsError
    """
    try:
        return tuple(sorted({int(each) for each in text.split(",")}))
    except ValueError:
        raise SettingsError(
            (f"--accounts must be ids separated by commas, not '{text}'",)
        ) from None


def asked_target(url: str) -> str:
    """What follows the service root in a URL, or the URL where it does not begin with one."""
    path = path_of(url)
    inner = service_target(path) if path.startswith("/") else None
    return path if inner is None else inner


async def _explain(settings: Settings, target: str, caller: Caller) -> int:
    """Print each value as far as the request gets, and, with a database, Postgres's plan."""
    model = model_of(settings)
    database = await Database.open(database_settings(settings)) if settings.dsn else None
    try:
        if database is not None:
            model = (await read_model(settings, database)).model
            model, _ = await inspect(database, model)
        compiler = compiler_for(model, settings)
        queries = _queries(compiler, target)
        for title, compiled, encoding in queries:
            if title:
                print(f"== {title}\n")
            zone = await zone_of_url(compiled.url, settings.timezone, database)
            explained = explain_query(
                compiled,
                caller,
                encoding=encoding,
                sharded=is_sharded(settings, model),
                zone=zone,
                repeated=None if zone is None else zone_option(zone),
            )
            for step, text in explained.steps:
                print(f"== {step}\n{text}\n")
            if database is not None:
                print(f"== plan\n{await _plan(database, explained)}")
    except ODataError as error:
        print(f"== {error.status} {error.code}\n{error}", file=sys.stderr)
        return 1
    finally:
        if database is not None:
            await database.close()
    return 0


def _queries(compiler: Compiler, target: str) -> Iterator[tuple[str, CompiledQuery, BodyEncoding]]:
    """The queries that a target becomes, in order, with a title where there can be several. What is
    answered without a statement is said instead.

    raises  what the service answers to a target that is wrong
    """
    kind = classify(target)
    match kind:
        case ResourceKind.SERVICE_DOCUMENT | ResourceKind.METADATA | ResourceKind.OPENAPI:
            compiler.check(target if kind is not ResourceKind.OPENAPI else "$metadata")
            print(f"{kind.value} is answered from the model, without a statement")
        case ResourceKind.BATCH:
            compiler.check(target)
            print("GET is refused; POST answers each request in the body as if it came alone")
        case ResourceKind.QUERY_BODY:
            raise UrlMethod(
                method_refusal("GET", kind),
                hint="explain the resource with the options of the body behind '?'",
            )
        case ResourceKind.ENTITY_ID:
            url = compiler.check(target)
            path = path_of_id(url.template.transport.id or "", ROOT)
            compiled = compiler.compile_entity_id(url, path)
            yield "", compiled, encoding_of_url(compiled)
        case ResourceKind.ALL:
            yield from _queries_of_all(compiler, target)
        case ResourceKind.DATA:
            compiled = compiler.compile(target)
            yield "", compiled, encoding_of_url(compiled)
        case _:
            assert_never(kind)


def _queries_of_all(
    compiler: Compiler, target: str
) -> Iterator[tuple[str, CompiledQuery, BodyEncoding]]:
    """One query for each set of `$all`: the service reads them one after another, as far as the
    page goes."""
    found = compiler.compile_all(compiler.parse(target))
    if isinstance(found, CompiledQuery):
        yield "", found, encoding_of_url(found)
        return
    for number, name in enumerate(found.names, 1):
        title = f"set {number} of {len(found.names)}: {name}"
        compiled = compiler.compile_set(found, name)
        yield title, compiled, encoding_of_url(compiled).of_several_sets()


async def _plan(database: Database, explained: Explanation) -> str:
    """How Postgres would run the statement that reads the rows."""
    async with database.session() as session:
        statement = explained.rows._replace(text="EXPLAIN " + explained.rows.text, replan=False)
        rows = await session.fetch(statement)
    return "\n".join(row[0] for row in rows)
