"""`/health`: whether the process lives, has started, and is ready for requests."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from odata_gateway.errors import DbTokens, ODataError
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
    """Answers health checks; `ping` raises where the database does not answer, or nobody can get
    in, and else returns what is to be told, if anything. A gateway that is `draining` is not
    ready."""

    def __init__(self, ping: Callable[[], Awaitable[str | None]]) -> None:
        self.draining = False
        self._ping = ping
        self._note: str | None = None
        self._told: str | None = None

    async def reply(self, check: str) -> Reply:
        """200 or 503 for a check: liveness, readiness or startup."""
        if check == "readiness" and self.draining:
            return _status(503, "draining")
        if check == "readiness" and (fault := await self._fault()) is not None:
            return _status(503, fault)
        return _status(200, "up", self._note if check == "readiness" else None)

    async def _fault(self) -> str | None:
        """Why no request can be answered, or None. What is new is logged."""
        fault = text = None
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                self._note = await self._ping()
        except DbTokens as error:
            fault, text = "nobody can be served", str(error)
        except (ODataError, TimeoutError, OSError) as error:
            fault = "database does not answer"
            text = str(error) or f"the {fault}"
        if fault is not None and fault != self._told:
            LOG.warning("not ready: %s", text)
        self._told = fault
        return fault


def _status(status: int, text: str, note: str | None = None) -> Reply:
    told = {"status": text} | ({"note": note} if note else {})
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Reply(status, headers, json.dumps(told).encode())
