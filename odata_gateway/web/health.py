"""`/health`: whether the process lives, has started, and is ready for requests."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from odata_gateway.errors import ODataError
from odata_gateway.protocol.message import Reply

LOG = logging.getLogger("odata_gateway.web")

HEALTH_PATHS = {
    "/health": "liveness",
    "/health/liveness": "liveness",
    "/health/readiness": "readiness",
    "/health/startup": "startup",
}
READY_TIMEOUT_S = 2.0


class Health:
    """Answers health checks; `ping` raises where the database does not answer. A gateway that is
    `draining` is not ready."""

    def __init__(self, ping: Callable[[], Awaitable[object]]) -> None:
        self.draining = False
        self._ping = ping
        self._answered = True

    async def reply(self, check: str) -> Reply:
        """200 or 503 for a check: liveness, readiness or startup."""
        if check == "readiness" and self.draining:
            return _status(503, "draining")
        if check == "readiness" and not await self._database_answers():
            return _status(503, "database does not answer")
        return _status(200, "up")

    async def _database_answers(self) -> bool:
        """Whether the database answers in time; the first time that it does not is logged."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self._ping()
        except (ODataError, TimeoutError, OSError) as error:
            if self._answered:
                LOG.warning("not ready: %s", str(error) or "the database does not answer")
            self._answered = False
        else:
            self._answered = True
        return self._answered


def _status(status: int, text: str) -> Reply:
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Reply(status, headers, json.dumps({"status": text}).encode())
