"""Edm.Guid, Postgres's uuid."""

from __future__ import annotations

from uuid import UUID

from odata_gateway.types.aggregates import AggregateRule
from odata_gateway.types.family import (
    ArgumentType,
    ColumnReading,
    DecodeMode,
    LiteralForm,
    PrimitiveType,
    TypeFamily,
    refuse,
)
from odata_gateway.types.forms.cell import CellForm
from odata_gateway.types.forms.schema import SchemaForm


def _from_text(text: str, type_: PrimitiveType) -> object:
    return str(UUID(text)) if len(text) == 36 else refuse(text)


def _argument(value: object, mode: DecodeMode) -> object:
    return UUID(str(value))


GUIDS = TypeFamily(
    name="guid",
    label="Guid",
    noun="a Guid",
    schema=SchemaForm("string", example="01234567-89ab-cdef-0123-456789abcdef"),
    literal=LiteralForm(read=str.lower, from_text=_from_text, token="GUID"),
    argument=_argument,
    argument_type=ArgumentType("uuid"),
    columns={"uuid": ColumnReading(pinned="{0}::uuid")},
    cell=CellForm(is_plain=True),
    written_by_sql=False,
)

# Postgres has no least uuid; a uuid's text has its order.
GUID = PrimitiveType(
    "Edm.Guid",
    GUIDS,
    "uuid",
    ("uuid",),
    literal_kind="guid",
    casts={
        "string": "(CASE WHEN {0} ~ '^[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}$' "
        "THEN {0}::uuid END)"
    },
    aggregates={
        "min": AggregateRule('min({0}::text COLLATE "C")', "{0}::uuid"),
        "max": AggregateRule('max({0}::text COLLATE "C")', "{0}::uuid"),
    },
    schema_format="uuid",
)
TYPES = (GUID,)
