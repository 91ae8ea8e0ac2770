"""JSON bodies (JSON Format 4.01): the first format, and the one that every client reads.

What stands around the rows is the JSON object of a collection, an entity or a property (sections 6,
11 and 13).
"""

from __future__ import annotations

from functools import cache

import orjson

from odata_gateway.edm.model import EntitySet
from odata_gateway.formats.json_rows import JsonRowRenderer
from odata_gateway.formats.json_text import type_fragment
from odata_gateway.plan.tree.projection import Field, Projection
from odata_gateway.protocol.context import ResponseContext
from odata_gateway.protocol.headers.format import Parameters
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.protocol.json_format import JsonFormat, json_format
from odata_gateway.sql.fragment import Sql
from odata_gateway.sql.renderer import BlockRenderer
from odata_gateway.types.families.structured import OBJECTS


class JsonEncoding:
    """JSON with its parameters. There is one instance for each form (`json_encoding`), so that
    encodings are compared by identity, which is cheap in a cache's key."""

    separator = ","
    is_export = False
    null_property = b"null"

    def __init__(self, form: JsonFormat) -> None:
        self.form = form
        self.version = form.version
        self.content_type = form.content_type
        self.omits_nulls = form.omits_nulls

    def without_nulls(self) -> JsonEncoding:
        return json_encoding(self.form._replace(omits_nulls=True))

    def of_several_sets(self) -> JsonEncoding:
        return json_encoding(self.form._replace(names_sets=True))

    # --- rows -------------------------------------------------------------------------------------

    def row(self, projection: Projection, blocks: BlockRenderer) -> Sql:
        return JsonRowRenderer(blocks, self.form).row(projection)

    def reference(self, entity_set: EntitySet, source: int, blocks: BlockRenderer) -> Sql:
        return JsonRowRenderer(blocks, self.form).reference(entity_set, source)

    def property(self, field: Field, blocks: BlockRenderer) -> Sql:
        return JsonRowRenderer(blocks, self.form).value(field)

    # --- around rows ------------------------------------------------------------------------------

    def head(self, context: ResponseContext, count: int | None) -> bytes:
        members = self._context(context)
        if count is not None:
            number = f'"{count}"' if self.form.ieee754 else str(count)
            members.append(f'"{self.form.prefix}count":{number}'.encode())
        return b"{" + b",".join([*members, b'"value":['])

    def tail(self, next_link: str | None) -> bytes:
        if next_link is None:
            return b"]}"
        return b"]," + self._member("nextLink", next_link) + b"}"

    def entity(self, context: ResponseContext, row: bytes) -> bytes:
        """The row with the context as its first member."""
        if self.form.level == "none":
            return row
        head = b"{" + b",".join(self._context(context))
        return head + b"}" if row == b"{}" else b"".join((head, b",", memoryview(row)[1:]))

    def property_body(self, context: ResponseContext, field: Field, value: bytes) -> bytes:
        """The value, and with full metadata its type where a reader must be told."""
        members = self._context(context)
        if field.type.family is OBJECTS:
            return self.entity(context, value)
        is_evident = field.type.is_evident and not (
            field.type.family.has_nan and value.startswith(b'"')
        )
        if self.form.level == "full" and not is_evident:
            members.append(self._member("type", type_fragment(field.type, self.version)))
        head = b"{" + b",".join([*members, b'"value":'])
        return b"".join((head, value, b"}"))

    def _context(self, context: ResponseContext) -> list[bytes]:
        """The context URL first. The entity tag of $metadata stands only at level full: strict
        readers of the other levels know only what they need (JSON Format 4.5.2)."""
        if self.form.level == "none":
            return []
        members = [self._member("context", context.url)]
        if self.form.level == "full":
            members.append(self._member("metadataEtag", context.metadata_etag))
        return members

    def _member(self, name: str, value: str) -> bytes:
        """Control information: `"@odata.count":...`."""
        return b'"%s%s":%s' % (self.form.prefix.encode(), name.encode(), orjson.dumps(value))


@cache
def json_encoding(form: JsonFormat) -> JsonEncoding:
    """The encoding of a form: the same one each time. There are fewer than two hundred forms."""
    return JsonEncoding(form)


class JsonOffer:
    """JSON in negotiation."""

    media_types = ("application/json",)
    abbreviations = ("json",)
    hint = "application/json with odata.metadata=none, minimal or full"

    def encoding(self, parameters: Parameters, version: ODataVersion) -> JsonEncoding | None:
        form = json_format(parameters, version)
        return None if form is None else json_encoding(form)


JSON = JsonOffer()
