"""A row of cells as one text, made by Postgres.

The cells of an expanded entity are one scalar subquery, whose text has the separators between them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, assert_never

from odata_gateway.formats.json_text import Piece, Pieces, concat
from odata_gateway.formats.tables.columns import (
    ExpandedCells,
    FieldCell,
    FlatRow,
    TableCell,
    column_names,
    field_cells,
    flat_columns,
    flat_row,
)
from odata_gateway.plan.tree.projection import Field, MixedProjection, Projection
from odata_gateway.plan.tree.relation import Column
from odata_gateway.sql.fragment import Sql, build, fill, join, quoted, raw
from odata_gateway.sql.pg_types import has_zone, plain_text, reads_as_it_is, text_in_zone
from odata_gateway.sql.renderer import BlockRenderer, ExpressionRenderer
from odata_gateway.sql.structured.json_values import of_model_type
from odata_gateway.types.primitive import PrimitiveType


class CellWriter(Protocol):
    """How a format writes cells.

    format_name  and `nests`: see `TableForm`
    separator    between two cells
    blank        an empty cell
    lone_blank   an empty cell that is the only one of its row
    row_start    and `row_end`: what stands around the cells of a row
    row_separator  what stands between two rows besides
    """

    format_name: str
    nests: bool
    separator: str
    blank: str
    lone_blank: str
    row_start: str
    row_end: str
    row_separator: str

    def cell(self, value: Sql, type_: PrimitiveType, *, zoned: bool) -> Sql:
        """The text of a cell; never NULL.

        zoned  times are those of the caller's zone
        """
        ...


class CellRowRenderer:
    """Renders projections as rows of cells."""

    def __init__(self, blocks: BlockRenderer, writer: CellWriter) -> None:
        self._blocks = blocks
        self._writer = writer

    def row(self, projection: Projection) -> Sql:
        """The text of one row.

        raises  UrlFormat for what has no columns
        """
        flat = flat_row(projection, self._writer)
        if isinstance(projection, MixedProjection):
            return self._of_its_kind(flat, projection)
        return self._around(flat.cells)

    def value(self, field: Field) -> Sql:
        """A row with one value; NULL for null."""
        value = shown_value(field, self._blocks.expressions)
        if value is None:
            return raw("NULL::text")
        row = self._around(tuple(field_cells(field, "", self._writer)))
        text = text_beginning(value, field.type, 1, zoned=False)
        return build("CASE WHEN ({0}) IS NOT NULL THEN {1} END", text, row)

    def _around(self, cells: tuple[TableCell, ...]) -> Sql:
        line = concat([self._writer.row_start, *self._line(cells), self._writer.row_end])
        is_lone = len(tuple(flat_columns(cells))) == 1
        if not is_lone or self._writer.lone_blank == self._writer.blank:
            return line
        blank = f"{self._writer.row_start}{self._writer.blank}{self._writer.row_end}"
        lone = f"{self._writer.row_start}{self._writer.lone_blank}{self._writer.row_end}"
        return build("coalesce(nullif({0}, {1}), {2})", line, quoted(blank), quoted(lone))

    def _of_its_kind(self, flat: FlatRow, mixed: MixedProjection) -> Sql:
        """A row of one of several kinds; what its kind has not is empty."""
        texts = []
        for number, kind in enumerate(flat.kinds):
            own = {column_names(cell): cell for cell in kind}
            cells: list[TableCell] = []
            for cell in flat.cells:
                found = own.get(column_names(cell))
                cells += _blanks(cell) if found is None else [found]
            line = self._around(tuple(cells))
            texts.append(build("WHEN {0} THEN {1}", Sql((f"{number:d}",)), line))
        kind_number = self._blocks.expressions.value(mixed.kind)
        return build("CASE {0} {1} END", kind_number, join(" ", texts))

    def _line(self, cells: tuple[TableCell, ...]) -> Pieces:
        """The cells with separators between them."""
        pieces: Pieces = []
        for i, cell in enumerate(cells):
            pieces += [self._writer.separator, self._cell(cell)] if i else [self._cell(cell)]
        return pieces

    def _cell(self, cell: TableCell) -> Piece:
        match cell:
            case FieldCell(field=field):
                value = shown_value(field, self._blocks.expressions)
                if value is None:
                    return self._writer.blank
                return self._of_value(field, value)
            case ExpandedCells(expand=expand, cells=inner):
                self._blocks.enter(expand.block)
                text = self._blocks.select(concat(self._line(inner)), expand.block)
                blanks = self._writer.separator.join([self._writer.blank] * len(column_names(cell)))
                return build("coalesce(({0}), {1})", text, quoted(blanks))
            case _:
                assert_never(cell)

    def _of_value(self, field: Field, value: Sql) -> Sql:
        """The cell of a value, which is computed once where that is worth it."""
        zoned = self._blocks.expressions.zoned
        if not _is_cheap(field):
            cell = self._writer.cell(COMPUTED, field.type, zoned=zoned)
            if cell.parts.count(COMPUTED.parts[0]) > 1:
                return once(cell, value)
        return self._writer.cell(value, field.type, zoned=zoned)


def _is_cheap(field: Field) -> bool:
    """Whether a value is a column that is read as often as it is named: to have it once costs
    0.1 us, which is less only than what is computed or made a text (measured)."""
    match field.value:
        case Column(steps=(), function=None, pg_type=pg_type):
            return field.type.family.cell.is_plain or reads_as_it_is(pg_type, field.type)
    return False


def _blanks(cell: TableCell) -> list[TableCell]:
    """Empty cells in place of a cell, or of those of an entity."""
    columns = flat_columns((cell,))
    return [FieldCell(each.name, replace(each.field, value=None)) for each in columns]


COMPUTED = raw("computed.v")
"""The value that `once` computes."""


def once(made: Sql, value: Sql) -> Sql:
    """What was made of `COMPUTED`, however often that occurs in it, with the value in its place."""
    return build("(SELECT {0} FROM (SELECT {1} AS v OFFSET 0) AS computed)", made, value)


def cell_text(value: Sql, type_: PrimitiveType, *, zoned: bool) -> Sql:
    """The text of a value; SQL NULL for null."""
    return text_in_zone(value) if zoned and has_zone(type_) else plain_text(value, type_)


def text_beginning(value: Sql, type_: PrimitiveType, characters: int, *, zoned: bool) -> Sql:
    """The text of a value, of which some characters are needed, and of which more may be there. A
    giant value is cut before it is made a text."""
    template, number = type_.family.cell.beginning, Sql((f"{characters:d}",))
    if template is None:
        return build("left({0}, {1})", cell_text(value, type_, zoned=zoned), number)
    return cell_text(fill(template, (value, number)), type_, zoned=zoned)


def shown_value(field: Field, expressions: ExpressionRenderer) -> Sql | None:
    """A value as the Postgres type of its type; None where it always reads as null. It may be one
    that OData has not, which the texts of its family make null. An object or a collection is its
    JSON text."""
    if field.value is None:
        return None
    if isinstance(field.value, Column):
        return of_model_type(field.value)
    return expressions.value(field.value)
