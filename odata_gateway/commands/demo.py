"""`odata-gateway demo`: answer OData requests from a temporary Postgres with sample data."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from odata_gateway.config.settings import Settings
from odata_gateway.demo.banner import banner_text
from odata_gateway.demo.cluster import READER, Cluster
from odata_gateway.demo.programs import ClusterError
from odata_gateway.server.composition import model_of
from odata_gateway.server.runtime import run_loop
from odata_gateway.server.worker import serve


def run_demo(settings: Settings, _: argparse.Namespace) -> int:
    """0 after Ctrl-C or SIGTERM; 1 when Postgres cannot be started.

    raises  ModelError, OSError when a port is taken
    """
    try:
        with Cluster.start() as cluster:
            cluster.load()
            own = replace(settings, dsn=cluster.dsn(user=READER))
            return run_loop(serve(own, model_of(own), started=_print_banner, reloads=False))
    except ClusterError as error:
        print(f"odata-gateway: {error}", file=sys.stderr)
        return 1


def _print_banner(port: int) -> None:
    print(banner_text(port), flush=True)
