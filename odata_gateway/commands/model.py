"""`odata-gateway model`: print the model of a database, made from its catalog.

The document is CSDL JSON, the format of ODATA_MODEL: to be served as it is, edited, or compared
with one that was kept. What is not in it is told on stderr, one line each.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path

from odata_gateway.config.readers import AUTO
from odata_gateway.config.setting import SettingsError
from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import require_dsn
from odata_gateway.db.database import Database
from odata_gateway.edm.json_reader import Mistake
from odata_gateway.errors import ODataError
from odata_gateway.introspection.document import CatalogModel
from odata_gateway.introspection.overlay.pins import pinned
from odata_gateway.introspection.overlay.writer import overlay_text
from odata_gateway.server.composition import database_settings, overlay_of, source_of
from odata_gateway.server.runtime import run_loop


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """The file to compare with, or the wish for an overlay."""
    parser.add_argument(
        "--diff",
        metavar="FILE",
        type=Path,
        help="print how the database's model differs from this one, and nothing else",
    )
    parser.add_argument(
        "--pin",
        action="store_true",
        help="print the overlay that fixes the names of today, with all that ODATA_OVERLAY says",
    )


def run_model(settings: Settings, options: argparse.Namespace) -> int:
    """0; 1 when the database does not answer, or differs from the file of --diff.

    raises  SettingsError without a DSN, or for a file that cannot be compared
    """
    require_dsn(settings)
    settings = replace(settings, model=AUTO)
    kept = None if options.diff is None else _kept(options.diff)
    try:
        found, left_aside = run_loop(_model(settings))
    except ODataError as error:
        print(f"odata-gateway: {error}", file=sys.stderr)
        return 1
    for item in found.not_served:
        print(f"not served: {item}", file=sys.stderr)
    for mistake in left_aside:
        print(f"left aside: {mistake}", file=sys.stderr)
    if options.pin:
        served = found.served
        names = served.type_names, served.property_names, found.links
        print(overlay_text(pinned(overlay_of(settings), *names)), end="")
        return 0
    text = _text(found.document)
    if kept is None:
        print(text)
        return 0
    lines = list(
        unified_diff(
            kept.splitlines(), text.splitlines(), str(options.diff), "the database", lineterm=""
        )
    )
    print(*lines, sep="\n", end="\n" if lines else "")
    return 1 if lines else 0


async def _model(settings: Settings) -> tuple[CatalogModel, tuple[Mistake, ...]]:
    """The model, and what the overlay says of what is not there."""
    database = await Database.open(database_settings(settings))
    try:
        source = source_of(settings, database)
        return await source.found(), source.left_aside
    finally:
        await database.close()


def _kept(path: Path) -> str:
    """The document of a file, in the form in which this command prints one."""
    try:
        return _text(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise SettingsError((f"{path} cannot be read: {error.strerror}",)) from error
    except ValueError as error:
        raise SettingsError((f"{path} is not JSON: {error}",)) from error


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
