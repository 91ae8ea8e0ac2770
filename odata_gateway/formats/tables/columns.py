"""The columns of a table: what rows show, flattened.

An expanded single entity gives columns `inbox/name`. What has any number of values in a row has no
column, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

from odata_gateway.formats.encoding import cannot_show
from odata_gateway.plan.tree.projection import (
    ApplyProjection,
    Content,
    CrossedEntity,
    CrossjoinProjection,
    EntityProjection,
    ExpandMany,
    ExpandOne,
    Field,
    MixedProjection,
    Nested,
    Projection,
    RowMembers,
    ValueProjection,
)
from odata_gateway.plan.tree.relation import ObjectValue
from odata_gateway.types.primitive import STRING


class TableForm(Protocol):
    """What a format that has tables says of them.

    format_name  in messages
    nests        an object is one cell; else each of its members is one
    """

    format_name: str
    nests: bool


@dataclass(frozen=True, slots=True)
class FieldCell:
    """The cell of a value, under the name of its column."""

    name: str
    field: Field


@dataclass(frozen=True, slots=True)
class ExpandedCells:
    """The cells of an expanded single entity; all of them are empty where there is none."""

    expand: ExpandOne
    cells: tuple[TableCell, ...]


TableCell = FieldCell | ExpandedCells


@dataclass(frozen=True, slots=True)
class FlatRow:
    """The cells of a row in order.

    kinds  of rows of several kinds, the cells of each; `cells` has then those of all kinds
    """

    cells: tuple[TableCell, ...]
    kinds: tuple[tuple[TableCell, ...], ...] = ()

    @property
    def columns(self) -> tuple[FieldCell, ...]:
        """One cell for each column, which has its name and its type."""
        return tuple(flat_columns(self.cells))


def flat_columns(cells: Iterable[TableCell]) -> Iterator[FieldCell]:
    """The cells with those of expanded entities among them."""
    for cell in cells:
        match cell:
            case FieldCell():
                yield cell
            case ExpandedCells(cells=inner):
                yield from flat_columns(inner)
            case _:
                assert_never(cell)


def flat_row(projection: Projection, form: TableForm) -> FlatRow:
    """The cells of a row.

    raises  UrlFormat for what a table has no columns for
    """
    if isinstance(projection, MixedProjection):
        kinds = tuple(tuple(_cells(kind, "", form)) for kind in projection.kinds)
        return FlatRow(_united(kinds, form), kinds)
    return FlatRow(tuple(_cells(projection, "", form)))


def column_names(cell: TableCell) -> tuple[str, ...]:
    """The names of the columns that a cell or the cells of an entity are in."""
    return tuple(column.name for column in flat_columns((cell,)))


def _united(kinds: tuple[tuple[TableCell, ...], ...], form: TableForm) -> tuple[TableCell, ...]:
    """The cells of all kinds, in the order in which they are met. A column has one type."""
    found: dict[tuple[str, ...], TableCell] = {}
    for cell in (cell for kind in kinds for cell in kind):
        known = found.setdefault(column_names(cell), cell)
        pairs = zip(flat_columns((known,)), flat_columns((cell,)), strict=True)
        if any(one.field.type is not other.field.type for one, other in pairs):
            raise cannot_show(form.format_name, f"two types of values as '{column_names(cell)[0]}'")
    names = [name for group in found for name in group]
    if len(names) > len(set(names)):
        raise cannot_show(form.format_name, "rows that expand different properties of an entity")
    return tuple(found.values())


def _cells(projection: Projection, prefix: str, form: TableForm) -> Iterator[TableCell]:
    match projection:
        case EntityProjection():
            yield from _of_entity(projection, prefix, form)
        case ApplyProjection(members=members):
            yield from _of_members(members, prefix, form)
        case CrossjoinProjection(entities=entities, computed=computed):
            for entity in entities:
                yield from _crossed(entity, prefix, form)
            yield from _of_members(computed, prefix, form)
        case MixedProjection():
            raise cannot_show(form.format_name, "rows of several kinds inside a row")
        case ValueProjection(field=field):
            yield from field_cells(replace(field, name="value"), prefix, form)
        case _:
            assert_never(projection)


def _of_entity(projection: EntityProjection, prefix: str, form: TableForm) -> Iterator[TableCell]:
    if projection.links:
        name = projection.links[0].name
        raise cannot_show(
            form.format_name,
            f"the link '{name}'",
            f"leave {name} out of $select, or write $expand={name}",
        )
    yield from _of_members(projection.fields, prefix, form)
    for expand in projection.expands:
        if isinstance(expand, ExpandMany):
            raise _collection(expand, form)
        yield _expanded(expand, prefix, form)
    yield from _of_members(projection.related, prefix, form)


def _collection(expand: ExpandMany, form: TableForm) -> Exception:
    name = expand.navigation.name
    return cannot_show(
        form.format_name,
        f"the expanded collection '{name}'",
        f"ask for {expand.target_set.name} and expand what leads back, "
        f"or for ndjson or json, which nest {name}",
    )


def _expanded(expand: ExpandOne, prefix: str, form: TableForm) -> ExpandedCells:
    name = expand.navigation.name
    content = _shown(expand.content, name, form)
    return ExpandedCells(expand, tuple(_cells(content, f"{prefix}{name}/", form)))


def _shown(content: Content, name: str, form: TableForm) -> Projection:
    if isinstance(content, str):
        raise cannot_show(form.format_name, f"'{name}/{content}'", f"write $expand={name}")
    return content


def _of_members(members: RowMembers, prefix: str, form: TableForm) -> Iterator[TableCell]:
    for member in members:
        match member:
            case Field():
                yield from field_cells(member, prefix, form)
            case Nested(name=name, members=inner):
                yield from _of_members(inner, f"{prefix}{name}/", form)
            case ExpandOne():
                yield _expanded(member, prefix, form)
            case _:
                assert_never(member)


def field_cells(field: Field, prefix: str, form: TableForm) -> Iterator[FieldCell]:
    """The cell of a value, or those of the members of an object: `address/street`."""
    name = f"{prefix}{field.name}"
    if form.nests or not isinstance(field.value, ObjectValue):
        yield FieldCell(name, field)
        return
    for member, value in field.value.members:
        yield from field_cells(Field(member, value, value.type or STRING), f"{name}/", form)


def _crossed(crossed: CrossedEntity, prefix: str, form: TableForm) -> Iterator[TableCell]:
    name = crossed.target_set.name
    if isinstance(crossed.content, str):
        raise cannot_show(form.format_name, f"the link '{name}'", f"write $expand={name}")
    yield from _cells(crossed.content, f"{prefix}{name}/", form)
