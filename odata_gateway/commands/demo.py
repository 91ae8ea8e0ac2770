"""`odata-gateway demo`: answer OData requests from a temporary Postgres with sample data."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from odata_gateway.config.readers import AUTO
from odata_gateway.config.settings import Settings
from odata_gateway.demo.banner import banner_text, shop_banner_text
from odata_gateway.demo.cluster import (
    READER,
    SHOP_CALLER,
    SHOP_DATABASE,
    SHOP_FILES,
    SHOP_FOLDER,
    SHOP_USER,
    Cluster,
)
from odata_gateway.demo.programs import ClusterError
from odata_gateway.server.composition import model_of
from odata_gateway.server.runtime import run_loop
from odata_gateway.server.worker import serve


class SampleDatabase(NamedTuple):
    """What the demo does for one of its databases: load it, serve it, say where it is."""

    load: Callable[[Cluster], None]
    settings: Callable[[Settings, Cluster], Settings]
    banner: Callable[[int], str]


def add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    """Which of the sample databases."""
    parser.add_argument(
        "--database",
        choices=sorted(DATABASES),
        default="live_agent",
        help="the sample database (live_agent); shop has no model: it is made from the catalog",
    )


def run_demo(settings: Settings, options: argparse.Namespace) -> int:
    """0 after Ctrl-C or SIGTERM; 1 when Postgres cannot be started.

    raises  ModelError, OSError when a port is taken
    """
    sample = DATABASES[options.database]

    def started(port: int) -> None:
        print(sample.banner(port), flush=True)

    try:
        with Cluster.start() as cluster:
            sample.load(cluster)
            own = sample.settings(settings, cluster)
            return run_loop(serve(own, model_of(own), started=started, reloads=False))
    except ClusterError as error:
        print(f"odata-gateway: {error}", file=sys.stderr)
        return 1


def _live_agent_settings(settings: Settings, cluster: Cluster) -> Settings:
    return replace(settings, dsn=cluster.dsn(user=READER))


def _load_shop(cluster: Cluster) -> None:
    cluster.load(SHOP_DATABASE, SHOP_FILES, folder=SHOP_FOLDER)


def _shop_settings(settings: Settings, cluster: Cluster) -> Settings:
    return replace(
        settings,
        dsn=cluster.dsn(user=SHOP_USER, database=SHOP_DATABASE),
        model=AUTO,
        schemas=(SHOP_DATABASE,),
        anon_role=SHOP_CALLER,
    )


DATABASES = {
    "live_agent": SampleDatabase(Cluster.load, _live_agent_settings, banner_text),
    "shop": SampleDatabase(_load_shop, _shop_settings, shop_banner_text),
}
