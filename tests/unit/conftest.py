"""What unit tests of several rooms ask for."""

from __future__ import annotations

import asyncpg
import pytest


@pytest.fixture
async def owner(scratch_dsn):
    """A superuser's connection to the scratch database."""
    connection = await asyncpg.connect(scratch_dsn)
    yield connection
    await connection.close()
