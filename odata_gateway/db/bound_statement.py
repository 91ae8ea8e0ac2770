"""A statement that can be sent: its text, and a value for each of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class BoundStatement(NamedTuple):
    """A statement with its arguments, as `Session.fetch` runs it.

    text       SQL with $1, $2, ... in place of the arguments
    arguments  values in the order of the parameters
    replan     Postgres must plan the statement for these arguments. A prepared statement gets a
               plan for any arguments after five executions, and a range has no typical width.
               Replanning costs a round trip and the planning.
    """

    text: str
    arguments: Sequence[object] = ()
    replan: bool = False
