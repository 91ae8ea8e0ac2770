"""The primitive types by their names in this program, for whoever needs a certain one (CSDL 4.01,
section 3.3)."""

from __future__ import annotations

from odata_gateway.types.arithmetic import promote
from odata_gateway.types.families.binary import BINARY
from odata_gateway.types.families.boolean import BOOLEAN
from odata_gateway.types.families.date import DATE
from odata_gateway.types.families.datetime import DATETIME
from odata_gateway.types.families.decimal import DECIMAL
from odata_gateway.types.families.double import DOUBLE, SINGLE
from odata_gateway.types.families.duration import DURATION
from odata_gateway.types.families.guid import GUID
from odata_gateway.types.families.integer import BYTE, INT16, INT32, INT64, SBYTE
from odata_gateway.types.families.string import STRING
from odata_gateway.types.families.time import TIME
from odata_gateway.types.family import PrimitiveType
from odata_gateway.types.registry import PRIMITIVE_TYPES

__all__ = (
    "BINARY",
    "BOOLEAN",
    "BYTE",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DOUBLE",
    "DURATION",
    "GUID",
    "INT16",
    "INT32",
    "INT64",
    "PRIMITIVE_TYPES",
    "SBYTE",
    "SINGLE",
    "STRING",
    "TIME",
    "PrimitiveType",
    "promote",
)
