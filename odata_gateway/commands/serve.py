"""`odata-gateway serve`: answer OData requests until SIGTERM."""

from __future__ import annotations

import argparse

from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import require_dsn
from odata_gateway.server.composition import model_of
from odata_gateway.server.reload import block_sighup
from odata_gateway.server.runtime import run_loop
from odata_gateway.server.supervisor import supervise
from odata_gateway.server.worker import serve


def run_serve(settings: Settings, _: argparse.Namespace) -> int:
    """0 after SIGTERM; 1 after a second one, or when no server process can be started.

    raises  SettingsError without a DSN, ModelError, OSError when a port is taken
    """
    require_dsn(settings)
    block_sighup()
    model = model_of(settings)
    return supervise(settings) if settings.workers > 1 else run_loop(serve(settings, model))
