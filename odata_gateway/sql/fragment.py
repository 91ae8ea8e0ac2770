"""SQL as a value: text with typed holes for parameters.

SQL starts from four functions, never from a plain string: `raw` takes literals of this program's
source, `ident` quotes a name of the model, `quoted` quotes text of the model as a constant, and
`param` leaves a hole for a value that is sent beside the statement. `finish` numbers the holes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import LiteralString

from odata_gateway.plan.tree.relation import Column
from odata_gateway.plan.tree.slots import LiteralSlot, Slot
from odata_gateway.types.family import RANGE_MODES


@dataclass(frozen=True, slots=True)
class Hole:
    """The place of a parameter: the slot that fills it and the Postgres type it is cast to."""

    slot: Slot
    pg_type: str


@dataclass(slots=True, unsafe_hash=True)
class Sql:
    """A piece of SQL. Nothing changes one; `frozen` would see to that, and take half of the time of
    making one (measured), of which a statement needs a hundred."""

    parts: tuple[str | Hole, ...]

    def __add__(self, other: Sql) -> Sql:
        return Sql(self.parts + other.parts)


@dataclass(frozen=True, slots=True)
class Statement:
    """Finished SQL text and, for each of $1, $2, ..., the slot it is filled from."""

    text: str
    slots: tuple[Slot, ...]

    @property
    def has_ranges(self) -> bool:
        """Whether the best plan depends on the value of a literal: it bounds a range, is a list, or
        is searched for in texts."""
        return any(
            isinstance(slot, LiteralSlot) and (slot.mode in RANGE_MODES or slot.many)
            for slot in self.slots
        )


EMPTY = Sql(())


def raw(text: LiteralString) -> Sql:
    """Text of this program's source."""
    return Sql((text,))


def ident(name: str) -> Sql:
    """A name, always quoted."""
    return Sql((_quoted_name(name),))


def alias(number: int) -> Sql:
    """The name of a source in the statement: t0, t1, ..."""
    return Sql((f"t{number:d}",))


@lru_cache(maxsize=4096)
def qualified(source: int, name: str) -> Sql:
    """A column of a source by its name: t0."id"."""
    return Sql((f"t{source:d}", ".", _quoted_name(name)))


def _quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def column_sql(column: Column) -> Sql:
    """A column as the table has it, or a member of an object in it; `sql.pg_types.read` gives its
    value as its edm type."""
    found = (
        qualified(column.source, column.name) if column.name else Sql((_whole_row(column.source),))
    )
    if column.function is not None:
        schema, function = ident(column.function.schema), ident(column.function.name)
        return build("{0}.{1}({2})", schema, function, found)
    for template, name in column.steps:
        found = fill(template, (found, ident(name), quoted(name)))
    return found


def quoted(text: str) -> Sql:
    """Text of the model as a string constant, which no setting of the session changes."""
    if "\\" in text:
        return Sql(("E'" + text.replace("\\", "\\\\").replace("'", "''") + "'",))
    return Sql(("'" + text.replace("'", "''") + "'",))


def param(slot: Slot, pg_type: LiteralString) -> Sql:
    """A parameter, always with its type: `$1::int8`."""
    return Sql((Hole(slot, pg_type),))


def build(template: LiteralString, *pieces: Sql) -> Sql:
    """`template` with each {0}, {1}, ... replaced by a piece, which is not read as a template
    itself; `{{` and `}}` stand for single braces."""
    return fill(template, pieces)


def fill(template: str, pieces: tuple[Sql, ...]) -> Sql:
    """The same as `build`, for templates from tables."""
    head, rest = _template_parts(template)
    parts: list[str | Hole] = [head] if head else []
    for number, text in rest:
        parts += pieces[number].parts
        if text:
            parts.append(text)
    return Sql(tuple(parts))


@lru_cache(maxsize=4096)
def _template_parts(template: str) -> tuple[str, tuple[tuple[int, str], ...]]:
    """The text before the first piece; then the number of each piece and the text behind it.

    Templates are constants of this program, some with the name of a type.
    """
    text = template.replace("{{", "\x01").replace("}}", "\x02")
    head, *rest = text.split("{")
    found = [each.partition("}") for each in rest]
    return _braces(head), tuple([(int(number), _braces(text)) for number, _, text in found])


def _braces(text: str) -> str:
    return text.replace("\x01", "{").replace("\x02", "}")


def join(separator: LiteralString, pieces: Iterable[Sql]) -> Sql:
    """The pieces with the separator between them."""
    parts: list[str | Hole] = []
    for i, piece in enumerate(pieces):
        if i:
            parts.append(separator)
        parts.extend(piece.parts)
    return Sql(tuple(parts))


def is_read_whole(sql: Sql, source: int) -> bool:
    """Whether SQL names a whole row of a source, as functions of rows do."""
    return _whole_row(source) in sql.parts


def _whole_row(source: int) -> str:
    """A row of a source as an argument: one piece, so that it is found."""
    return f"(t{source:d})"


def columns_in(sql: Sql, source: int) -> list[Sql]:
    """The quoted names of the columns of a source that occur in SQL, each once."""
    name, parts = f"t{source:d}", sql.parts
    found = (
        parts[i + 2] for i in range(len(parts) - 2) if parts[i] == name and parts[i + 1] == "."
    )
    return [Sql((column,)) for column in dict.fromkeys(found)]


def finish_together(sql: Sql) -> Statement:
    """A statement that does the same for several requests at once: one record for each of them, an
    array of its rows, which must have one column. The parameters are those of `finish`, but that of
    a literal is an array with a value for each request."""

    def value(hole: Hole, number: int) -> str:
        is_literal = isinstance(hole.slot, LiteralSlot)
        return f"each_of.v{number}" if is_literal else _parameter(hole, number)

    inner, holes = _numbered(sql, value)
    literals = {n: h for n, h in enumerate(holes, 1) if isinstance(h.slot, LiteralSlot)}
    arrays = ", ".join(f"${number}::{hole.pg_type}[]" for number, hole in literals.items())
    names = ", ".join(f"v{number}" for number in literals)
    text = (
        f"SELECT ARRAY({inner}) FROM unnest({arrays}) "
        f"WITH ORDINALITY AS each_of ({names}, n) ORDER BY each_of.n"
    )
    return Statement(text, tuple(hole.slot for hole in holes))


def finish(sql: Sql) -> Statement:
    """The statement with its holes numbered; equal holes become one parameter."""
    text, holes = _numbered(sql, _parameter)
    return Statement(text, tuple(hole.slot for hole in holes))


def _parameter(hole: Hole, number: int) -> str:
    return f"${number}::{hole.pg_type}"


def _numbered(sql: Sql, text_of: Callable[[Hole, int], str]) -> tuple[str, tuple[Hole, ...]]:
    """The text with each hole as `text_of` has it, and the holes in the order of their numbers,
    from 1; equal holes have one."""
    numbers: dict[Hole, int] = {}
    texts = [
        part if isinstance(part, str) else text_of(part, numbers.setdefault(part, len(numbers) + 1))
        for part in sql.parts
    ]
    return "".join(texts), tuple(numbers)
