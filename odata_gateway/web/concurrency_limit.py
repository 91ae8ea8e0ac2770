"""How many requests of one token run at the same time.

A request counts from its token being read until its answer is sent, so that clients who read
nothing cannot pile up answers without end.
"""

from __future__ import annotations

from odata_gateway.errors import LimitRequests


class ConcurrencyLimit:
    """Counts by token; at most `most` run for one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: dict[str, int] = {}
        self._tokens: dict[int, str] = {}

    def enter(self, request: int, token: str) -> None:
        """Count a request, known by a number of its own, to its token.

        raises  LimitRequests when that would be one too many
        """
        running = self._running.get(token, 0)
        if running >= self._most:
            raise LimitRequests(
                f"{running} requests with this access token are running already",
                hint="ODATA_MAX_TOKEN_REQUESTS moves this limit",
            )
        self._running[token] = running + 1
        self._tokens[request] = token

    def leave(self, request: int) -> None:
        """Count a request no more, if it was."""
        token = self._tokens.pop(request, None)
        if token is None:
            return
        if self._running[token] == 1:
            del self._running[token]
        else:
            self._running[token] -= 1
