"""A format as the rest of the service sees it: how rows are written, and what stands around them.

`BodyEncoding` is one format with the parameters of one answer. A new format is one module with a
class of this shape and an `OfferedFormat` that negotiation chooses it by, and a line in
`formats.registry`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from odata_gateway.errors import UrlFormat
from odata_gateway.plan.tree.projection import Field
from odata_gateway.plan.tree.query import Query
from odata_gateway.protocol.context import ResponseContext
from odata_gateway.protocol.headers.format import OfferedFormat
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.protocol.message import HeaderPairs
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
    def is_export(self) -> bool:
        """Whether it is an `ExportEncoding`: all rows are one answer, which is a file."""
        ...

    @property
    def null_property(self) -> bytes | None:
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

    def entity(self, context: ResponseContext, row: bytes) -> bytes:
        """The body of a single entity or reference."""
        ...

    def property_body(self, context: ResponseContext, field: Field, value: bytes) -> bytes:
        """The body of a single property that is not null."""
        ...


class ExportedRows(NamedTuple):
    """What a file is made of: the rows of a query, and what else is said about them.

    name   of the entity set
    query  that the rows are of
    total  of all rows on all pages, where it was asked for
    zone   of times, which the rows have in it already
    """

    name: str
    query: Query
    total: int | None = None
    zone: str = "UTC"


BodyPieces = Sequence[bytes | memoryview]
"""What follows each other in a body. A giant row is not joined to anything: it may have 100 MB."""


class FileBody(Protocol):
    """The body of one file, made piece by piece from rows that Postgres has finished as text."""

    @property
    def is_costly(self) -> bool:
        """Whether making a piece takes long enough for a thread of its own."""
        ...

    def head(self) -> bytes:
        """What stands before the first row."""
        ...

    def rows(self, text: bytes, number: int) -> BodyPieces:
        """What the texts of some rows become; nothing where it comes with later rows."""
        ...

    def tail(self, *, more: bool) -> bytes:
        """What stands after the last row.

        more  there are more rows than the file has
        """
        ...


class RowTexts:
    """The parts of `BodyEncoding` for a file: nothing around rows, and the only row as it is."""

    __slots__ = ()

    def head(self, context: ResponseContext, count: int | None) -> bytes:
        return b""

    def tail(self, next_link: str | None) -> bytes:
        return b""

    def entity(self, context: ResponseContext, row: bytes) -> bytes:
        return row

    def property_body(self, context: ResponseContext, field: Field, value: bytes) -> bytes:
        return value


class ExportEncoding(BodyEncoding, Protocol):
    """A format in which a collection is a file: of all rows, unless the client asks for less.

    `head` and `tail` of `BodyEncoding` are not used, and `entity` and `property_body` give the
    text of the only row.
    """

    @property
    def extension(self) -> str:
        """What the name of the file ends with; "": the body is shown and not saved."""
        ...

    @property
    def most_rows(self) -> int | None:
        """The rows that a file has room for; None: any number."""
        ...

    @property
    def is_paged(self) -> bool:
        """Whether it has a page of rows, as JSON has, and not all of them."""
        ...

    @property
    def notes(self) -> HeaderPairs:
        """Headers of its own."""
        ...

    def file(self, rows: ExportedRows) -> FileBody:
        """The body of a file."""
        ...


Format = OfferedFormat[BodyEncoding]


def cannot_show(format_name: str, what: str, hint: str | None = None) -> UrlFormat:
    """The error for what a format has no place for: `csv cannot show expanded collections`."""
    return UrlFormat(
        f"{format_name} cannot show {what}", target="$format", hint=hint or "ask for json"
    )
