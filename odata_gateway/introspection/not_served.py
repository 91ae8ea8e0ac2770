"""What is left out of the model of a database: the reason, and the way out."""

from __future__ import annotations

from typing import NamedTuple


class NotServed(NamedTuple):
    """A relation, column or foreign key that the model does not have.

    subject  its name in SQL, such as `public.orders.secret`
    way_out  what its owner can do; begins with a verb
    """

    subject: str
    reason: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}; {self.way_out}"
