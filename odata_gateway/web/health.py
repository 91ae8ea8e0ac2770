"""`/health`: whether the process lives, has started, and is ready for requests."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from odata_gateway.errors import AuthForbidden, ODataError
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
    """Answers health checks. A gateway that is `draining` is not ready.

    ping  raises where the database does not answer; AuthForbidden where nobody could be served
    """

    def __init__(self, ping: Callable[[], Awaitable[object]]) -> None:
        self.draining = False
        self._ping = ping
        self._answered = True

    async def reply(self, check: str) -> Reply:
        """200 or 503 for a check: liveness, readiness or startup."""
        if check == "readiness" and self.draining:
            return _status(503, "draining")
        fault = await self._fault() if check == "readiness" else None
        return _status(200, "up") if fault is None else _status(503, fault)

    async def _fault(self) -> str | None:
        """Why no request could be answered now; None where one could. The first time is logged,
        with the reason."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self._ping()
        except (ODataError, TimeoutError, OSError) as error:
            if self._answered:
                LOG.warning("not ready: %s", str(error) or "the database does not answer")
            self._answered = False
            if isinstance(error, AuthForbidden):
                return "nobody can be served"
            return "database does not answer"
        self._answered = True
        return None


def _status(status: int, text: str) -> Reply:
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Reply(status, headers, json.dumps({"status": text}).encode())
