"""What is left out of the model of a database: the reason, and the way out."""

from __future__ import annotations

from typing import NamedTuple

from odata_gateway.edm.model import LeftOut, Table


class NotServed(NamedTuple):
    """A relation, column or foreign key that the model does not have.

    table    the relation, or that of the column
    reason   such as "it has no columns"
    way_out  what its owner can do; begins with a verb
    column   "" for the relation
    """

    table: Table
    reason: str
    way_out: str
    column: str = ""

    @property
    def subject(self) -> str:
        """Its name in SQL, such as `public.orders.secret`."""
        return ".".join(filter(None, (self.table.schema, self.table.name, self.column)))

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}; {self.way_out}"

    @property
    def left_out(self) -> LeftOut:
        """The same for those who ask."""
        text = f"{self.subject} is not served: {self.reason}; {self.way_out}"
        return LeftOut(self.table, self.column, text)
