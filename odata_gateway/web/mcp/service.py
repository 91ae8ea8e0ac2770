"""What the tools need of the service."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import NamedTuple, Protocol

from odata_gateway.protocol.message import Reply, Request
from odata_gateway.url.resource_kind import ResourceKind


class AgentCaller(NamedTuple):
    """Who sent a message: the access token, and the service root as the client would use it."""

    token: str | None
    root: str

    def request(self, target: str, kind: ResourceKind, **headers: str) -> Request:
        """A GET request of this caller."""
        return Request("GET", target, kind, headers, self.root, self.token)


class AgentLimits(NamedTuple):
    """The most rows of one answer, and the most bytes of their JSON."""

    rows: int
    size_bytes: int


class AgentService(Protocol):
    """The service, and what it says of a request without answering it."""

    def answer(self, request: Request) -> Awaitable[Reply]:
        """The reply to a request; raises ODataError, before the reply or from its body."""
        ...

    def admit(self, token: str | None) -> Awaitable[object]:
        """Return for a caller who may ask; raises AuthMissing, AuthInvalid, AuthForbidden."""
        ...

    def outline(self, token: str | None, target: str) -> Awaitable[Mapping[str, object]]:
        """How a request would be answered, as far as that is known without asking the database for
        rows; raises ODataError for a request that would be refused."""
        ...
