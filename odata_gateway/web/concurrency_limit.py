"""How many requests of one access token run at the same time.

A request counts from the moment its token has been read until its response has been sent, so that
clients who read nothing cannot pile up responses.
"""

from __future__ import annotations

from odata_gateway.errors import LimitRequests


class ConcurrencyLimit:
    """Counts the running requests of each token; at most `most` run for one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: dict[str, int] = {}
        self._tokens: dict[int, str] = {}

    def enter(self, request: int, token: str) -> None:
        """Count a request for its token; `request` is a number that no other running request has.

        raises  LimitRequests when that would be one too many
        """
        running = self._running.get(token, 0)
        if running >= self._most:
            raise LimitRequests(
                f"{running} requests with this access token are running already",
                hint="raise ODATA_MAX_TOKEN_REQUESTS to allow more",
            )
        self._running[token] = running + 1
        self._tokens[request] = token

    def leave(self, request: int) -> None:
        """Stop counting a request, if it was counted."""
        token = self._tokens.pop(request, None)
        if token is None:
            return
        if self._running[token] == 1:
            del self._running[token]
        else:
            self._running[token] -= 1
