"""What a request and a reply are to the service, and a request for data on its way between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

from odata_gateway.compile import Lifted
from odata_gateway.errors import BindNoEntity
from odata_gateway.plan.policy import Caller
from odata_gateway.plan.query import Query
from odata_gateway.protocol import context, envelope, links
from odata_gateway.protocol.negotiate import Format, Preferences
from odata_gateway.sql.statement import Shape

Headers = tuple[tuple[str, str], ...]


class Request(NamedTuple):
    """One request for the service.

    target   text after the service root as on the wire
    headers  by lower-case name
    root     absolute service root as the client used it, ends in a slash
    token    the access token, from wherever the client put it
    """

    method: str
    target: str
    headers: Mapping[str, str]
    root: str
    token: str | None
    body: bytes = b""


class Reply(NamedTuple):
    """An answer; a body of unknown length is an iterator, which must be closed."""

    status: int
    headers: Headers
    body: bytes | AsyncIterator[bytes] = b""


class Call(NamedTuple):
    """A request for data on its way: compiled, negotiated, and with its caller."""

    request: Request
    lifted: Lifted
    query: Query
    caller: Caller
    format: Format
    preferences: Preferences
    continuation: links.Continuation | None
    shape: Shape
    bound: Callable[[], links.Bound]
    metadata_etag: str

    @property
    def is_counted(self) -> bool:
        """Whether this page carries @odata.count: the first one does."""
        return self.query.counted is not None and self.continuation is None

    @property
    def applied(self) -> str | None:
        """The preferences that the reply follows, as the client wrote them (Protocol 8.2.8); None without any."""
        sized = ("maxpagesize",) if self.query.form in ("collection", "references") else ()
        return self.preferences.applied(*sized, *(("omit-values",) if self.shape.row_format.omits_nulls else ()))

    @property
    def origin(self) -> envelope.Origin:
        """The context URL and the entity tag of $metadata."""
        url = f"{self.request.root}$metadata{context.fragment(self.query, self.format.version, self.lifted.key_text)}"
        return envelope.Origin(url, self.metadata_etag)


def reply_headers(call: Call, media_type: str | None, applied: str | None = None) -> Headers:
    """The headers of a reply with data; `media_type` None where it has no body, `applied` the preferences that were."""
    headers: Headers = (("OData-Version", call.format.version),)
    if media_type is not None:
        headers = (("Content-Type", media_type), *headers)
    return headers if applied is None else (*headers, ("Preference-Applied", applied))


def no_entity(call: Call) -> BindNoEntity:
    """The same answer for what does not exist and for what belongs to another account."""
    return BindNoEntity("no such entity", target="path")
