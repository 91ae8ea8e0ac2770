"""The primitive types of the Entity Data Model as a table (CSDL 4.01, section 3.3).

`PrimitiveType` is compared by identity: there is one object per type. Numeric promotion follows URL
Conventions 5.1.1.18 and is expressed by `rank`: the wider of two numeric operands wins, and
integers meet decimals before they meet doubles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TypeFamily = Literal[
    "boolean",
    "string",
    "integer",
    "decimal",
    "double",
    "datetime",
    "date",
    "time",
    "duration",
    "guid",
    "binary",
]


@dataclass(frozen=True, slots=True, eq=False)
class PrimitiveType:
    """One primitive type: `name` as in CSDL, `family` for operator rules, `rank` for numeric
    promotion (0 where not numeric)."""

    name: str
    family: TypeFamily
    rank: int = 0
    low: int | None = None
    high: int | None = None

    @property
    def is_numeric(self) -> bool:
        return self.rank > 0

    @property
    def is_integer(self) -> bool:
        return self.family == "integer"

    def __repr__(self) -> str:
        return self.name


BOOLEAN = PrimitiveType("Edm.Boolean", "boolean")
STRING = PrimitiveType("Edm.String", "string")
SBYTE = PrimitiveType("Edm.SByte", "integer", 1, -(2**7), 2**7 - 1)
BYTE = PrimitiveType("Edm.Byte", "integer", 2, 0, 2**8 - 1)
INT16 = PrimitiveType("Edm.Int16", "integer", 3, -(2**15), 2**15 - 1)
INT32 = PrimitiveType("Edm.Int32", "integer", 4, -(2**31), 2**31 - 1)
INT64 = PrimitiveType("Edm.Int64", "integer", 5, -(2**63), 2**63 - 1)
DECIMAL = PrimitiveType("Edm.Decimal", "decimal", 6)
SINGLE = PrimitiveType("Edm.Single", "double", 7)
DOUBLE = PrimitiveType("Edm.Double", "double", 8)
DATETIME = PrimitiveType("Edm.DateTimeOffset", "datetime")
DATE = PrimitiveType("Edm.Date", "date")
TIME = PrimitiveType("Edm.TimeOfDay", "time")
DURATION = PrimitiveType("Edm.Duration", "duration")
GUID = PrimitiveType("Edm.Guid", "guid")
BINARY = PrimitiveType("Edm.Binary", "binary")

PRIMITIVE_TYPES: dict[str, PrimitiveType] = {
    t.name: t
    for t in (
        BOOLEAN,
        STRING,
        SBYTE,
        BYTE,
        INT16,
        INT32,
        INT64,
        DECIMAL,
        SINGLE,
        DOUBLE,
        DATETIME,
        DATE,
        TIME,
        DURATION,
        GUID,
        BINARY,
    )
}


def promote(left: PrimitiveType, right: PrimitiveType) -> PrimitiveType:
    """The common type of two numeric operands (URL Conventions 5.1.1.18)."""
    return left if left.rank >= right.rank else right
