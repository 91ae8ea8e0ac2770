"""A format as the rest of the service sees it: how rows are written, and what stands around them.

`BodyEncoding` is one format with the parameters of one answer. A new format is one module with a
class of this shape and an `OfferedFormat` that negotiation chooses it by, and a line in
`formats.registry`.
"""

from __future__ import annotations

from typing import Protocol

from odata_gateway.errors import UrlFormat
from odata_gateway.plan.tree.projection import Field
from odata_gateway.protocol.context import ResponseContext
from odata_gateway.protocol.headers.format import OfferedFormat
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.sql.row_encoding import RowEncoding


class BodyEncoding(RowEncoding, Protocol):
    """Writes bodies in one format. What Postgres made of rows comes as finished text."""

    @property
    def version(self) -> ODataVersion:
        """The version of OData that the body is written in."""
        ...

    @property
    def content_type(self) -> str:
        """The media type with the parameters that were applied."""
        ...

    @property
    def omits_nulls(self) -> bool:
        """Whether members that are null are left out, so that the reply says so."""
        ...

    @property
    def null_property(self) -> str | None:
        """What `property` gives for null; the reply is then 204."""
        ...

    def without_nulls(self) -> BodyEncoding:
        """The encoding that leaves nulls out, or the same where the format has no such form."""
        ...

    def of_several_sets(self) -> BodyEncoding:
        """The encoding of rows that each say which entity set they are of ($all)."""
        ...

    def head(self, context: ResponseContext, count: int | None) -> bytes:
        """What stands before the first row of a collection.

        count  of all rows on all pages, where it was asked for
        """
        ...

    def tail(self, next_link: str | None) -> bytes:
        """What stands after the last row of a collection, with the link to the next page."""
        ...

    def entity(self, context: ResponseContext, row: str) -> bytes:
        """The body of a single entity or reference."""
        ...

    def property_body(self, context: ResponseContext, field: Field, value: str) -> bytes:
        """The body of a single property that is not null."""
        ...


Format = OfferedFormat[BodyEncoding]


def cannot_show(format_name: str, what: str, hint: str | None = None) -> UrlFormat:
    """The error for what a format has no place for: `csv cannot show expanded collections`."""
    return UrlFormat(
        f"{format_name} cannot show {what}", target="$format", hint=hint or "ask for json"
    )
