"""`odata-gateway check`: show the settings, compare the model with the database, and say what is
missing."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from odata_gateway.config import report
from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import flags_of, origins, require_dsn
from odata_gateway.db.database import Database
from odata_gateway.db.schema.citus.shard_check import citus_findings
from odata_gateway.db.schema.findings import Finding
from odata_gateway.db.schema.indexes import missing_indexes
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.db.schema.role_check import policy_findings, role_findings, view_findings
from odata_gateway.demo.cluster import SQL_FOLDER
from odata_gateway.edm.model import Model
from odata_gateway.errors import ODataError
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.identity.token_file import TokenFile
from odata_gateway.introspection.not_served import NotServed
from odata_gateway.server.composition import (
    caller_directory,
    check_listening,
    database_settings,
    model_of,
    read_model,
)
from odata_gateway.server.runtime import run_loop
from odata_gateway.server.tokens import check_tokens


def run_check(settings: Settings, options: argparse.Namespace) -> int:
    """0 when nothing is missing; 1 when the database does not answer, or with a finding that is an
    error.

    raises  SettingsError without a DSN, ModelError
    """
    found_in = origins(os.environ, flags_of(vars(options)))
    lines = report.settings_lines(settings, found_in, os.environ, Path.home())
    print(*lines, "", sep="\n", flush=True)
    require_dsn(settings)
    model_of(settings)  # a mistake in its file is told before one of the database
    return run_loop(_check(settings))


async def _check(settings: Settings) -> int:
    try:
        findings, not_served = await _findings(settings)
    except ODataError as error:
        print(f"odata-gateway: {error}", file=sys.stderr)
        return 1
    for finding in findings:
        print(finding)
    if not_served:
        print("not served:", *(f"  {item}" for item in not_served), sep="\n")
    errors = sum(finding.level == "error" for finding in findings)
    print(
        f"{len(findings)} findings, {errors} of them errors"
        if findings
        else "the database has everything the model names"
    )
    return 1 if errors else 0


async def _findings(settings: Settings) -> tuple[list[Finding], Sequence[NotServed]]:
    """What the database lacks, and what a model that is made from it leaves out. Indexes are
    compared for the built-in model only."""
    checked = await check_tokens(settings)
    print(*checked.lines, sep="\n", end="")
    database = await Database.open(database_settings(settings))
    try:
        model, not_served, left_aside = await read_model(settings, database)
        callers = caller_directory(settings, model, database, checked.keys)
        findings = [*checked.findings]
        findings += [Finding("error", "ODATA_OVERLAY", str(each)) for each in left_aside]
        findings += await _caller_findings(settings, database, model, callers)
        findings += await citus_findings(database, model, settings.sharded)
        findings += await view_findings(database, model)
        if settings.model is None:
            indexes = (SQL_FOLDER / "indexes.sql").read_text(encoding="utf-8")
            findings += await missing_indexes(database, indexes)
        return findings, not_served
    finally:
        await database.close()


async def _caller_findings(
    settings: Settings, database: Database, model: Model, callers: CallerDirectory
) -> dict[Finding, None]:
    """What is wrong for those who may ask: each way in, and the roles of all callers."""
    findings: list[Finding] = []
    if check_listening(settings, model):
        text = "nothing says who may ask: every program of this machine can read what is served"
        findings.append(Finding("warning", "callers", text))
    if callers.is_metadata_public:
        findings += (await inspect(database, model))[1]
        findings += await policy_findings(database, model, None, callers.roles)
    for role in callers.named_roles:
        findings += await role_findings(database, model, role, callers.roles)
    for way in callers.ways:
        if isinstance(way, TokenFile):
            faults = [fault async for fault in way.token_faults()]
            findings += [Finding("warning", f"token {t.caller.subject}", f) for t, f in faults]
    fault = await callers.fault()
    if fault is not None:
        findings.append(Finding("error", "callers", f"nobody can be served: {fault}"))
    return dict.fromkeys(findings)
