"""A real PostGIS: a server from the programs of Debian's package, or of the Postgres with PostGIS whose prefix ODATA_TEST_POSTGIS names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from odata_gateway.demo.programs import ClusterError
from tests.harness.cluster import Cluster
from tests.harness.gateway import Gateway, Reply

_DEBIAN = "/usr/share/postgresql/*/extension/postgis.control"


def prefix() -> Path:
    """Where the programs are; raises ClusterError where there are none."""
    named = os.environ.get("ODATA_TEST_POSTGIS")
    if named:
        return Path(named)
    versions = sorted(int(path.parts[4]) for path in Path("/").glob(_DEBIAN[1:]))
    if not versions:
        raise ClusterError("no Postgres with PostGIS: install Debian's postgresql-postgis, or name its prefix in ODATA_TEST_POSTGIS")
    return Path(f"/usr/lib/postgresql/{versions[-1]}")


class PostgisServer(Cluster):
    """A running server, in whose databases CREATE EXTENSION postgis works."""

    @classmethod
    def started(cls) -> PostgisServer:
        return cls.of_prefix(prefix(), "postgis", {})


class Anonymous:
    """A gateway as somebody without a token asks it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def get(self, target: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.gateway.get(target, token=None, headers=headers)

    def pages(self, target: str) -> list[list[dict[str, Any]]]:
        return self.gateway.pages(target, token=None)
