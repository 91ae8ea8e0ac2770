"""Arrow (IPC stream) and Parquet: columns typed by the model, a record batch a chunk.

Postgres writes the rows as CSV, and Arrow's own reader makes columns of them (1.05 us a row of 16
columns). Times travel as whole numbers of microseconds, which any year has.

pyarrow is imported when it is first needed: it takes 0.3 s and 30 MB.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from io import RawIOBase
from typing import Any

from odata_gateway.formats.encoding import BodyPieces, ExportedRows, cannot_show
from odata_gateway.formats.tables.arrow_types import (
    PLAIN_TYPES,
    arrow_kind,
    column_type,
    decimal_digits,
    has_any_length,
    nested_value,
    octets,
)
from odata_gateway.formats.tables.columns import FieldCell
from odata_gateway.formats.tables.encoding import FileMaker, TableEncoding
from odata_gateway.plan.tree.projection import Field
from odata_gateway.plan.tree.relation import ItemsValue, ObjectValue
from odata_gateway.protocol.headers.format import Parameters
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.sql.chunk_record import MOST_BYTES
from odata_gateway.sql.fragment import Sql, build, fill
from odata_gateway.sql.pg_types import plain_text
from odata_gateway.types.forms.cell import ArrowKind
from odata_gateway.types.primitive import PrimitiveType

ROW_GROUP_BYTES = 5 * 512 * 1024
"""A row group of Parquet has the rows of so many bytes of CSV: some ten chunks, 11,000 messages.
More make the file no smaller, and each further megabyte takes 2 MB of memory."""
PAGE_BYTES = 64 * 1024
"""Of a column in a row group, before it is compressed. Pages of Arrow's own size (1 MB) take 4 MB
more and make the file 2 percent smaller."""
_READ_AS: dict[ArrowKind, ArrowKind] = {
    "date": "int32",
    "time": "int64",
    "timestamp": "int64",
    "duration": "int64",
    "binary": "string",
}
"""What the reader of CSV makes of a column, where it is not the column's own type."""


class ArrowCells:
    """Cells of CSV for Arrow's reader."""

    nests = True
    separator = ","
    blank = lone_blank = ""
    row_start = ""
    row_end = "\n"
    row_separator = ""

    def __init__(self, format_name: str) -> None:
        self.format_name = format_name

    def cell(self, value: Sql, type_: PrimitiveType, *, zoned: bool) -> Sql:
        """The text of a cell; never NULL."""
        form, kind = type_.family.cell, arrow_kind(type_)
        if _READ_AS.get(kind, kind) == "string" and not form.is_plain:
            text = plain_text(value, type_)
            return build("""coalesce('"' || replace({0}, '"', '""') || '"', '')""", text)
        if kind != "string" and form.arrow_text is not None:
            return build("coalesce({0}, '')", fill(form.arrow_text, (value,)))
        return build("coalesce({0}, '')", plain_text(value, type_))


class ByteSink(RawIOBase):
    """What Arrow writes to: `taken` gives what has come since it was last called. The memory of a
    giant value is Arrow's own, and not copied."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes | memoryview] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        found = memoryview(piece)
        size = found.nbytes
        if size:
            self._pieces.append(found if size > MOST_BYTES else bytes(found))
        self._at += size
        return size

    def tell(self) -> int:
        return self._at

    def taken(self, *, keeps: int = 0) -> BodyPieces:
        """The bytes that nobody has had yet; without giant ones they are one piece.

        keeps  so many bytes at the end wait for those that come next
        """
        found = self._pieces
        if not any(isinstance(each, memoryview) for each in found):
            found = [b"".join(found)]
        *found, last = found
        end = max(0, len(last) - keeps)
        self._pieces = [bytes(last[end:])]
        return *found, last[:end]


class ChunkTables:
    """Makes Arrow tables of chunks of CSV."""

    def __init__(self, format_name: str, columns: tuple[FieldCell, ...], zone: str) -> None:
        self._format_name = format_name
        self._arrow, self._csv = imported("pyarrow"), imported("pyarrow.csv")
        fields = [column.field for column in columns]
        self._names = [column.name for column in columns]
        self._values = [field.value for field in fields]
        self._kinds = [arrow_kind(field.type) for field in fields]
        read = [_read_type(field, self._arrow) for field in fields]
        # `schema.types` makes a new list each time
        self._types = [column_type(field, zone, self._arrow) for field in fields]
        self.schema = self._arrow.schema(list(zip(self._names, self._types, strict=True)))
        self._parsing = self._csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
        self._conversion = self._csv.ConvertOptions(
            column_types=dict(zip(self._names, read, strict=True)),
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )

    def table(self, text: bytes) -> Any:
        """The rows of a chunk as one table.

        raises  UrlFormat for a value that no column can have
        """
        reading = self._csv.ReadOptions(
            column_names=self._names, block_size=len(text) + 1, use_threads=False
        )
        try:
            found = self._csv.read_csv(
                self._arrow.BufferReader(text),
                read_options=reading,
                parse_options=self._parsing,
                convert_options=self._conversion,
            )
            columns = [self._typed(i, column) for i, column in enumerate(found.columns)]
        except (ValueError, OverflowError) as error:
            raise cannot_show(self._format_name, "a value that is beyond its types") from error
        return self._arrow.Table.from_arrays(columns, schema=self.schema)

    def _typed(self, index: int, column: Any) -> Any:
        """A column of the type that it has in the schema."""
        value, kind, type_ = self._values[index], self._kinds[index], self._types[index]
        if isinstance(value, ObjectValue | ItemsValue):
            made = [nested_value(value, text) for text in column.to_pylist()]
            return self._arrow.array(made, type_)
        if kind == "binary":
            return self._arrow.array([octets(text) for text in column.to_pylist()], type_)
        if kind not in _READ_AS:
            return column
        chunks = [chunk.view(type_) for chunk in column.chunks]
        return self._arrow.chunked_array(chunks, type_)


def _read_type(field: Field, pa: Any) -> Any:
    """The type that the reader of CSV makes of a column."""
    if decimal_digits(field) is not None:
        return column_type(field, "", pa)
    kind = arrow_kind(field.type)
    return PLAIN_TYPES[_READ_AS.get(kind, kind)](pa)


HELD_BYTES = 8
"""Arrow aligns each message to so many bytes."""


class StreamBody:
    """An Arrow stream. No part that is sent ends where a message ends.

    A reader takes the end of the bytes for the end of the stream where it stands between two
    messages: the marker of the end is optional (Arrow's "IPC Streaming Format"). So the last bytes
    of each message wait for the next one, and a stream that breaks off breaks in a message.
    """

    is_costly = True

    def __init__(self, rows: ExportedRows, columns: tuple[FieldCell, ...]) -> None:
        self._columns, self._zone = columns, rows.zone
        self._sink = ByteSink()

    def head(self) -> bytes:
        self._tables = ChunkTables("arrow", self._columns, self._zone)
        ipc = imported("pyarrow").ipc
        self._writer = ipc.new_stream(self._sink, self._tables.schema)
        return b"".join(self._sink.taken(keeps=HELD_BYTES))

    def rows(self, text: bytes, number: int) -> BodyPieces:
        self._writer.write_table(self._tables.table(text).combine_chunks())
        if len(text) > MOST_BYTES:
            release_memory()
        return self._sink.taken(keeps=HELD_BYTES)

    def tail(self, *, more: bool) -> bytes:
        self._writer.close()
        release_memory()
        return b"".join(self._sink.taken())


class ParquetBody:
    """A Parquet file, compressed with zstd. It cannot be read without its end.

    It has the least and the greatest value of a column in each row group, by which readers pass
    over groups, but not those of texts and octets: of a giant one they would be four copies. It has
    no dictionaries: in groups of this size they make the file larger (by 6 percent), and take 3 MB.
    """

    is_costly = True

    def __init__(self, rows: ExportedRows, columns: tuple[FieldCell, ...]) -> None:
        self._columns, self._zone = columns, rows.zone
        self._sink = ByteSink()
        self._waiting: list[Any] = []
        self._size = 0

    def head(self) -> bytes:
        self._arrow, parquet = imported("pyarrow"), imported("pyarrow.parquet")
        self._tables = ChunkTables("parquet", self._columns, self._zone)
        schema = self._tables.schema
        sized = [field.name for field in schema if not has_any_length(field.type, self._arrow)]
        self._writer = parquet.ParquetWriter(
            self._sink,
            schema,
            compression="zstd",
            write_statistics=sized,
            use_dictionary=False,
            data_page_size=PAGE_BYTES,
        )
        return b"".join(self._sink.taken())

    def rows(self, text: bytes, number: int) -> BodyPieces:
        self._waiting.append(self._tables.table(text))
        self._size += len(text)
        if self._size >= ROW_GROUP_BYTES:
            self._write_group()
        return self._sink.taken()

    def tail(self, *, more: bool) -> bytes:
        self._write_group()
        self._writer.close()
        release_memory()
        return b"".join(self._sink.taken())

    def _write_group(self) -> None:
        if self._waiting:
            group = self._arrow.concat_tables(self._waiting)
            self._waiting, self._size = [], 0
            self._writer.write_table(group, row_group_size=group.num_rows)
            del group
            release_memory()


def release_memory() -> None:
    """Let the system have the memory that Arrow keeps for later."""
    imported("pyarrow").default_memory_pool().release_unused()


@cache
def imported(name: str) -> Any:
    """A module of pyarrow. Its memory is mapped as it is used, not beforehand, which would take
    16 MB more."""
    os.environ.setdefault("MIMALLOC_ARENA_EAGER_COMMIT", "0")
    return import_module(name)


@cache
def has_pyarrow() -> bool:
    """Whether the extra `arrow` is installed."""
    return find_spec("pyarrow") is not None


class ArrowOffer:
    """One of Arrow's formats in negotiation. It is not available without pyarrow."""

    def __init__(self, name: str, media_type: str, make_file: FileMaker) -> None:
        self.media_types = (media_type,)
        self.abbreviations = (name,)
        self._make_file = make_file
        self._encodings: dict[ODataVersion, TableEncoding] = {}

    @property
    def hint(self) -> str:
        """How to ask for it, and what the operator must install before."""
        needs = "" if has_pyarrow() else " (after: pip install 'odata-gateway[arrow]')"
        return self.media_types[0] + needs

    def encoding(self, parameters: Parameters, version: ODataVersion) -> TableEncoding | None:
        if parameters or not has_pyarrow():
            return None
        if version not in self._encodings:
            self._encodings[version] = TableEncoding(
                ArrowCells(self.abbreviations[0]),
                self._make_file,
                version,
                self.media_types[0],
                self.abbreviations[0],
            )
        return self._encodings[version]


ARROW = ArrowOffer("arrow", "application/vnd.apache.arrow.stream", StreamBody)
PARQUET = ArrowOffer("parquet", "application/vnd.apache.parquet", ParquetBody)
