"""The smallest expressions, which contain no others: columns, parameters and constants; and rows
that are made of a column."""

from __future__ import annotations

from dataclasses import dataclass

from odata_gateway.edm.functions import FunctionParameter, ModelFunction
from odata_gateway.edm.tables import Table
from odata_gateway.plan.tree.slots import Slot
from odata_gateway.types.catalog_type import UNKNOWN, CatalogType
from odata_gateway.types.primitive import PrimitiveType


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a source, as the database has it; sql.pg_types says how it is read as its edm
    type.

    pg_type   Postgres's name of the column's type; empty for a column that a statement made, which
              already reads as its edm type
    nullable  its value can be null: NULL, or one that OData has not
    catalog   what the database says besides about the type
    steps     how the value is read from the column, where it is a member of an object in it:
              templates of SQL, each with the name that it needs
    function  that computes it of the column, or of the whole row where that has no name
    """

    source: int
    name: str
    pg_type: str
    type: PrimitiveType
    nullable: bool
    catalog: CatalogType = UNKNOWN
    steps: tuple[tuple[str, str], ...] = ()
    function: Table | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that is sent beside the statement."""

    slot: Slot
    type: PrimitiveType
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class ConstantValue:
    """null, true, false, a number that the service gives to a kind of rows, or a value of the
    model; `type` is None for an untyped null."""

    value: bool | int | str | None
    type: PrimitiveType | None

    @property
    def nullable(self) -> bool:
        return self.value is None


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a collection as rows of one column, `value`.

    column  the collection
    rows    a template of SQL that makes them of it
    """

    column: Column
    rows: str


@dataclass(frozen=True, slots=True)
class ListArgument:
    """A collection that a function is given."""

    items: tuple[CallArgument, ...]


@dataclass(frozen=True, slots=True)
class ObjectArgument:
    """An object that a function is given: its members by their names in Postgres."""

    members: tuple[tuple[str, CallArgument], ...]


CallArgument = Column | Parameter | ConstantValue | ListArgument | ObjectArgument
"""What a function is given. A column is one of what it is bound to."""


@dataclass(frozen=True, slots=True)
class CalledFunction:
    """A call of a function of the model, with an argument for each parameter that is given, in the
    order of the function."""

    function: ModelFunction
    args: tuple[tuple[FunctionParameter, CallArgument], ...]
