"""`odata-gateway mcp`: answer one agent on standard input and output."""

from __future__ import annotations

import argparse

from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import require_dsn
from odata_gateway.server.composition import model_of
from odata_gateway.server.runtime import run_loop
from odata_gateway.server.stdio import serve_stdio


def run_mcp(settings: Settings, _: argparse.Namespace) -> int:
    """0 when standard input has ended; 1 for a caller who may not ask.

    raises  SettingsError without a DSN; ModelError
    """
    require_dsn(settings)
    return run_loop(serve_stdio(settings, model_of(settings)))
