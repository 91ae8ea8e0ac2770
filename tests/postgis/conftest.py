"""Databases with shapes on a real PostGIS, and a gateway that serves one without a model of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.harness.gateway import start_gateway
from tests.harness.postgis import Anonymous, PostgisServer
from tests.harness.shapes import PLACES, READER


@pytest.fixture(scope="session")
def server() -> Iterator[PostgisServer]:
    """A running server with the database `places`; PostGIS lies in a schema whose name must be quoted."""
    with PostgisServer.started() as server:
        server.psql("postgres", f"CREATE ROLE {READER} LOGIN")
        server.psql("postgres", "CREATE DATABASE places")
        server.psql("places", PLACES)
        yield server


@pytest.fixture(scope="session")
def places_dsn(server: PostgisServer) -> str:
    return server.dsn(user=READER, database="places")


@pytest.fixture(scope="session")
def places(places_dsn: str) -> Iterator[Anonymous]:
    """The gateway over `places`, with the schema `world` alone."""
    with start_gateway(ODATA_DSN=places_dsn, ODATA_MODEL="auto", ODATA_SCHEMAS="world") as running:
        yield Anonymous(running)


@pytest.fixture(scope="session")
def in_pages(places_dsn: str) -> Iterator[Anonymous]:
    """The same with pages of 7 rows."""
    with start_gateway(ODATA_DSN=places_dsn, ODATA_MODEL="auto", ODATA_SCHEMAS="world", ODATA_PAGE_ROWS="7") as running:
        yield Anonymous(running)
