"""`odata-gateway check`: show the settings, compare the model with the database, and say what is
missing."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from odata_gateway.config import report
from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import flags_of, origins, require_dsn
from odata_gateway.db.database import Database
from odata_gateway.db.schema.findings import Finding
from odata_gateway.db.schema.indexes import missing_indexes
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.db.schema.server_check import LOOKUP, citus_findings
from odata_gateway.demo.cluster import SQL_FOLDER
from odata_gateway.edm.model import Model
from odata_gateway.errors import ODataError
from odata_gateway.identity.live_agent import TokenDirectory
from odata_gateway.server.composition import database_settings, model_of
from odata_gateway.server.runtime import run_loop


def run_check(settings: Settings, options: argparse.Namespace) -> int:
    """0 when nothing is missing; 1 when the database does not answer, or with a finding that is an
    error.

    raises  SettingsError without a DSN, ModelError
    """
    found_in = origins(os.environ, flags_of(vars(options)))
    lines = report.settings_lines(settings, found_in, os.environ, Path.home())
    print(*lines, "", sep="\n", flush=True)
    require_dsn(settings)
    return run_loop(_check(settings, model_of(settings)))


async def _check(settings: Settings, model: Model) -> int:
    try:
        findings = await _findings(settings, model)
    except ODataError as error:
        print(f"odata-gateway: {error}", file=sys.stderr)
        return 1
    for finding in findings:
        print(finding)
    errors = sum(finding.level == "error" for finding in findings)
    print(
        f"{len(findings)} findings, {errors} of them errors"
        if findings
        else "the database has everything the model names"
    )
    return 1 if errors else 0


async def _findings(settings: Settings, model: Model) -> list[Finding]:
    """What the database lacks. Indexes are compared for the built-in model only."""
    database = await Database.open(database_settings(settings))
    try:
        _, found = await inspect(database, model)
        findings = [*found, *await citus_findings(database, sharded=settings.sharded)]
        tokens = TokenDirectory(database, settings.admin_roles)
        told = any(LOOKUP in finding.text for finding in found)
        if not told and (fault := await tokens.fault()) is not None:
            findings.append(Finding("error", "access tokens", fault))
        if settings.model is None:
            indexes = (SQL_FOLDER / "indexes.sql").read_text(encoding="utf-8")
            findings += await missing_indexes(database, indexes)
        return findings
    finally:
        await database.close()
