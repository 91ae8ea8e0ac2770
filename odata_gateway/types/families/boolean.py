"""Edm.Boolean: true and false, which stand in the template of a query and never become literals."""

from __future__ import annotations

from odata_gateway.types.aggregates import AggregateRule
from odata_gateway.types.family import (
    ArgumentType,
    ColumnReading,
    DecodeMode,
    JsonForm,
    LiteralForm,
    PrimitiveType,
    TypeFamily,
    refuse,
)
from odata_gateway.types.faults import WrongFamily
from odata_gateway.types.forms.cell import CellForm
from odata_gateway.types.forms.schema import SchemaForm

_TEXTS = {"true": True, "false": False}


def _from_text(text: str, type_: PrimitiveType) -> object:
    found = _TEXTS.get(text.lower())
    return refuse(text) if found is None else found


def _literal(value: object) -> str:
    return str(value).lower()


def _argument(value: object, mode: DecodeMode) -> object:
    if isinstance(value, bool):
        return value
    raise WrongFamily(value)


BOOLEANS = TypeFamily(
    name="boolean",
    label="Boolean",
    noun="true or false",
    schema=SchemaForm("boolean", example=True),
    literal=LiteralForm(
        read=refuse,
        from_text=_from_text,
        write=_literal,
        hints={"string": "write true or false without quotes"},
    ),
    argument=_argument,
    argument_type=ArgumentType("bool"),
    columns={"bool": ColumnReading(pinned="{0}::bool")},
    json=JsonForm(quoted=False),
    cell=CellForm(
        is_plain=True,
        number="CASE WHEN {0} THEN '1' WHEN NOT {0} THEN '0' END",
        number_format="boolean",
        arrow={"bool": "bool"},
    ),
    written_by_sql=False,
)

# Postgres has no least boolean: false comes before true.
BOOLEAN = PrimitiveType(
    "Edm.Boolean",
    BOOLEANS,
    "bool",
    ("bool",),
    casts={"string": "(CASE {0} WHEN 'true' THEN true WHEN 'false' THEN false END)"},
    aggregates={"min": AggregateRule("bool_and({0})"), "max": AggregateRule("bool_or({0})")},
    is_evident=True,
)
TYPES = (BOOLEAN,)
