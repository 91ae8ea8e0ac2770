"""What an overlay says. Names of tables and columns are those of SQL; places are for mistakes."""

from __future__ import annotations

from dataclasses import dataclass, field

from odata_gateway.edm.json_reader import Mistake

JsonMembers = tuple[tuple[str, "str | JsonMembers"], ...]
"""The members of objects in JSON: the type of each, or its own members."""


class MissingName(Mistake):
    """An entry that names what the database does not have, or no longer has, and that hides
    nothing: without it, all the rest is served as wished."""


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """What is said of a column; what is empty is as the catalog has it.

    secret  None: its name decides
    form    how its values are served, one of introspection.columns.FORMS
    members  of the objects in a column of JSON
    """

    place: str
    name: str = ""
    secret: bool | None = None
    form: str = ""
    members: JsonMembers = ()


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """A link that is no foreign key.

    to  the table
    on  pairs of a column here and one there
    """

    place: str
    name: str
    to: str
    on: tuple[tuple[str, str], ...]
    back: str = ""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """What is said of a relation.

    served  False: it is left out; True: it is served, even if its name is that of a migration table
    search  columns that $search looks at
    """

    place: str
    table: str
    name: str = ""
    served: bool | None = None
    key: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    links: tuple[LinkEntry, ...] = ()
    columns: tuple[tuple[str, ColumnEntry], ...] = ()

    @property
    def hides(self) -> bool:
        """Whether it keeps something from callers."""
        return self.served is False or any(column.secret for _, column in self.columns)


@dataclass(frozen=True, slots=True)
class ConstraintEntry:
    """The names of the links of a foreign key.

    constraint  its name behind that of its table
    through     the link, from the table that it refers to, over its own table to the other one
    """

    place: str
    constraint: str
    name: str = ""
    back: str = ""
    through: str = ""


@dataclass(frozen=True, slots=True)
class RowsEntry:
    """The rows that a caller sees: those whose column is one of the values of a claim.

    everyone  tables without the column, of which every caller sees all rows
    """

    place: str
    column: str
    claim: str
    everyone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a file says; None: nothing of that.

    secrets  patterns for the names of columns that are not served, in place of the usual ones
    """

    schemas: tuple[str, ...] | None = None
    search_path: tuple[str, ...] | None = None
    leave_out: tuple[str, ...] = ()
    secrets: tuple[str, ...] | None = None
    tables: tuple[TableEntry, ...] = ()
    constraints: tuple[ConstraintEntry, ...] = field(default=())
    rows: RowsEntry | None = None


NO_OVERLAY = Overlay()
