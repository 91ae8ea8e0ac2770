"""A value in a cell of a table, which is typed by the model and never by what the values look like.

SQL is kept as templates; `{0}` is a value of the family's Postgres type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, LiteralString

SheetNumber = Literal["number", "boolean", "date", "datetime", "time"]
"""How a workbook shows a number."""
ArrowKind = Literal[
    "string",
    "bool",
    "int16",
    "int32",
    "int64",
    "float32",
    "float64",
    "decimal",
    "date",
    "time",
    "timestamp",
    "duration",
    "binary",
]


@dataclass(frozen=True, slots=True)
class CellForm:
    """How the values of a family stand in cells. The default is that of texts.

    is_plain       the family's text has neither quotes, separators nor line ends
    is_long        a plain text may have thousands of characters
    beginning      a value whose text begins as that of {0} does, for {1} characters, and costs no
                   more to write; None: values are short, or have no beginning
    number         the number of a workbook's cell, as text; NULL for a value that a double does not
                   say exactly, whose text stands in the cell then. None: every value is a text
    number_format  how the workbook shows it
    arrow          the type of an Arrow column, by the Postgres type of the values
    arrow_text     what Arrow's reader of CSV makes such a value of; None: the family's text
    """

    is_plain: bool = False
    is_long: bool = False
    beginning: LiteralString | None = None
    number: LiteralString | None = None
    number_format: SheetNumber = "number"
    arrow: Mapping[str, ArrowKind] = field(default_factory=dict)
    arrow_text: LiteralString | None = None
