"""The rows behind the gateway, for tests that know the right answer."""

from __future__ import annotations

import asyncio

import pytest

from odata_gateway.demo import tokens
from tests.live.oracle import View, World

CALLERS = {tokens.ADMIN: (1,), tokens.OTHER_ADMIN: (2,), tokens.BOTH_ADMIN: (1, 2)}


@pytest.fixture(scope="session")
def world(dsn: str) -> World:
    """All rows of all accounts."""
    return asyncio.run(World.load(dsn))


@pytest.fixture(scope="session")
def views(world: World) -> dict[str, View]:
    """What each caller sees, by token."""
    return {token: world.view(*accounts) for token, accounts in CALLERS.items()}
