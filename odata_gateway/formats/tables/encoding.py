"""A file of cells, as negotiation and statements see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from odata_gateway.edm.model import EntitySet
from odata_gateway.formats.encoding import BodyPieces, ExportedRows, FileBody, RowTexts, cannot_show
from odata_gateway.formats.tables.cell_rows import CellRowRenderer, CellWriter
from odata_gateway.formats.tables.columns import FieldCell, field_cells, flat_row
from odata_gateway.plan.tree.projection import Field, Projection
from odata_gateway.plan.tree.query import Query
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.protocol.message import HeaderPairs
from odata_gateway.sql.chunk_record import MOST_BYTES
from odata_gateway.sql.fragment import Sql
from odata_gateway.sql.renderer import BlockRenderer

FileMaker = Callable[[ExportedRows, tuple[FieldCell, ...]], FileBody]


@dataclass(frozen=True, slots=True)
class TableEncoding(RowTexts):
    """Rows as cells, and a file of them. Encodings are compared by their values.

    writer     of cells
    make_file  the file's body from its rows and its columns
    """

    writer: CellWriter
    make_file: FileMaker
    version: ODataVersion
    content_type: str
    extension: str
    most_rows: int | None = None
    is_paged: bool = False
    notes: HeaderPairs = ()

    @property
    def separator(self) -> str:
        return self.writer.row_separator

    @property
    def is_export(self) -> bool:
        return True

    @property
    def omits_nulls(self) -> bool:
        return False

    @property
    def null_property(self) -> bytes | None:
        return None

    def without_nulls(self) -> TableEncoding:
        return self

    def of_several_sets(self) -> TableEncoding:
        raise self._cannot("entities of several sets")

    def row(self, projection: Projection, blocks: BlockRenderer) -> Sql:
        return CellRowRenderer(blocks, self.writer).row(projection)

    def reference(self, entity_set: EntitySet, source: int, blocks: BlockRenderer) -> Sql:
        raise self._cannot("references")

    def property(self, field: Field, blocks: BlockRenderer) -> Sql:
        return CellRowRenderer(blocks, self.writer).value(field)

    def file(self, rows: ExportedRows) -> FileBody:
        """The body of a file.

        raises  UrlFormat for rows without columns
        """
        return self.make_file(rows, self._columns(rows.query))

    def _columns(self, query: Query) -> tuple[FieldCell, ...]:
        if query.field is not None:
            return tuple(field_cells(query.field, "", self.writer))
        if query.projection is None:
            raise self._cannot("references")
        return flat_row(query.projection, self.writer).columns

    def _cannot(self, what: str) -> Exception:
        return cannot_show(self.writer.format_name, what)


class PlainBody:
    """A file in which the texts of rows are lines. Postgres writes the ends of lines between rows
    only: one behind each row would copy the row's text once more."""

    is_costly = False

    def __init__(self, line_end: bytes, first: bytes = b"") -> None:
        self._line_end = line_end
        self._first = first

    def head(self) -> bytes:
        return self._first

    def rows(self, text: bytes, number: int) -> BodyPieces:
        if len(text) > MOST_BYTES:
            return text, self._line_end
        return (text + self._line_end,)

    def tail(self, *, more: bool) -> bytes:
        return b""
