"""`odata-gateway serve`: answer OData requests until SIGTERM."""

from __future__ import annotations

import argparse
import logging

from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import require_dsn
from odata_gateway.server.composition import check_listening, model_of
from odata_gateway.server.reload import block_sighup
from odata_gateway.server.runtime import run_loop
from odata_gateway.server.supervisor import supervise
from odata_gateway.server.worker import serve

_LOG = logging.getLogger("odata_gateway")


def run_serve(settings: Settings, _: argparse.Namespace) -> int:
    """0 after SIGTERM; 1 after a second one, or when no server process can be started.

    raises  SettingsError without a DSN, or without anything that says who may ask; ModelError,
            OSError when a port is taken
    """
    require_dsn(settings)
    block_sighup()
    model = model_of(settings)
    if check_listening(settings, model):
        _LOG.warning(
            "nothing says who may ask: every program of this machine can read what the database "
            "user may read"
        )
    return supervise(settings) if settings.workers > 1 else run_loop(serve(settings, model))
