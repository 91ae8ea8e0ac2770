"""Newline-delimited JSON: each line is the object that JSON has as a row.

Lines have no control information unless the client asks for it, but for next links and counts of
expanded collections.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from odata_gateway.edm.model import EntitySet
from odata_gateway.formats.encoding import ExportedRows, FileBody, RowTexts, cannot_show
from odata_gateway.formats.json_rows import JsonRowRenderer
from odata_gateway.formats.tables.encoding import PlainBody
from odata_gateway.plan.tree.projection import Field, Projection
from odata_gateway.protocol.headers.format import Parameters
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.protocol.json_format import JsonFormat, json_format
from odata_gateway.protocol.message import HeaderPairs
from odata_gateway.sql.fragment import Sql
from odata_gateway.sql.renderer import BlockRenderer

_LEVEL_NAMES = ("odata.metadata", "metadata")


@dataclass(frozen=True, slots=True)
class LinesEncoding(RowTexts):
    """Rows as lines of JSON, in one of its forms."""

    form: JsonFormat
    content_type: str = "application/x-ndjson"
    extension: str = "ndjson"
    most_rows: int | None = None
    is_paged: bool = False
    notes: HeaderPairs = ()
    separator: str = "\n"
    is_export: bool = True

    @property
    def version(self) -> ODataVersion:
        return self.form.version

    @property
    def omits_nulls(self) -> bool:
        return self.form.omits_nulls

    @property
    def null_property(self) -> bytes | None:
        return b"null"

    def without_nulls(self) -> LinesEncoding:
        return _encoding(self.form._replace(omits_nulls=True))

    def of_several_sets(self) -> LinesEncoding:
        raise cannot_show("ndjson", "entities of several sets")

    def row(self, projection: Projection, blocks: BlockRenderer) -> Sql:
        return JsonRowRenderer(blocks, self.form).row(projection)

    def reference(self, entity_set: EntitySet, source: int, blocks: BlockRenderer) -> Sql:
        return JsonRowRenderer(blocks, self.form).reference(entity_set, source)

    def property(self, field: Field, blocks: BlockRenderer) -> Sql:
        return JsonRowRenderer(blocks, self.form).value(field)

    def file(self, rows: ExportedRows) -> FileBody:
        return PlainBody(b"\n")


class LinesOffer:
    """Lines of JSON in negotiation, with the parameters of JSON."""

    media_types = ("application/x-ndjson", "application/ndjson", "application/jsonl")
    abbreviations = ("ndjson", "jsonl")
    hint = "application/x-ndjson"

    def encoding(self, parameters: Parameters, version: ODataVersion) -> LinesEncoding | None:
        has_level = any(name in _LEVEL_NAMES for name, _ in parameters)
        own = parameters if has_level else (*parameters, ("odata.metadata", "none"))
        form = json_format(own, version)
        return None if form is None else _encoding(form._replace(streaming=False, charset=False))


@cache
def _encoding(form: JsonFormat) -> LinesEncoding:
    return LinesEncoding(form)


NDJSON = LinesOffer()
