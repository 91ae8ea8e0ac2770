"""The property of each column, in CSDL JSON.

The type families know which columns they serve. A type that none of them serves and that is not
made of values (`structures`) is Edm.String: the text that Postgres writes of it. So is a key.
"""

from __future__ import annotations

import re
from typing import Any

from odata_gateway.db.schema.type_facts import TypeFacts
from odata_gateway.introspection.catalog import CatalogColumn
from odata_gateway.introspection.checks import annotations_of_checks
from odata_gateway.introspection.names import descriptions
from odata_gateway.introspection.structures import DeclaredTypes
from odata_gateway.types.facets import MICROSECOND_DIGITS, Facets
from odata_gateway.types.primitive import PRIMITIVE_TYPES, STRING, PrimitiveType

SECRET_NAMES = re.compile(
    r"passw(or)?d|_token$|^token$|secret|^ssn$|api_?key|private_?key|credential|encrypted_|_salt$",
    re.IGNORECASE,
)
"""Columns whose names say that nobody should see their values."""
FORMS = ("text", "enum", "stream", "untyped", "domain")
"""How an overlay may have the values of a column served: `text` as Postgres writes them, `enum` as
an enumeration, `stream` as octets beside the row, `untyped` as JSON in the row, `domain` as a type
with the name of the domain."""
_VECTOR = {
    "$Type": "Edm.Single",
    "$Collection": True,
    "@Gateway.Form": "vector",
    "@Gateway.OnSelect": True,
}
"""A vector of the extension pgvector: long, and of no use in a report that did not ask for it."""
_FORM_TYPES = {"stream": ("bytea", "Edm.Stream"), "untyped": ("json", "Edm.Untyped")}
"""Forms with a type of their own, for columns of a type whose name begins so."""
_TIMES = frozenset({"timestamp", "timestamptz", "time", "interval"})


def primitive_of(column: CatalogColumn | TypeFacts) -> PrimitiveType:
    """The OData type of a column: the narrowest that can say each of its values, and Edm.String
    only where there is no other."""
    if isinstance(column, CatalogColumn) and column.form == "text":
        return STRING
    able = [type_ for type_ in PRIMITIVE_TYPES.values() if column.type in type_.lossless]
    for of_column in (type_.family.of_column for type_ in able if type_.family.of_column):
        return of_column(None, column.type, column.modifier, None) or STRING
    return min((t for t in able if t is not STRING), key=lambda t: t.rank, default=STRING)


def is_fit_for_key(column: CatalogColumn) -> bool:
    """Whether the values of a column may be a key: CSDL allows their type, and two that differ are
    shown as different ones."""
    type_ = primitive_of(column)
    return type_.family.can_be_key and not type_.reading(column.type).merges


def property_of(
    column: CatalogColumn, name: str, types: DeclaredTypes, *, is_key: bool
) -> dict[str, Any]:
    """The property of a column, whose OData name is `name`."""
    made_of = None if is_key or column.form == "text" else column.made_of
    structured = None if made_of is None else types.property_of(made_of)
    if made_of is not None and column.form == "enum":
        structured = types.enum_of(made_of)
    if column.members is not None and not is_key:
        structured = types.json_of(column.members)
    node = primitive_property(column) if structured is None else dict(structured)
    if column.form == "domain" and column.domain is not None:
        node = types.definition_of(column.domain, node)
    if column.type == "vector" and not (is_key or column.form):
        node = dict(_VECTOR)
    pg_type, form_type = _FORM_TYPES.get(column.form, ("", ""))
    if form_type and column.type.startswith(pg_type):
        node = {"$Type": form_type}
        if column.type not in ("bytea", "jsonb"):
            node["@Gateway.PgType"] = column.type
    if not (column.not_null or is_key or "$Collection" in node):
        node["$Nullable"] = True
    if name != column.name:
        node["@Gateway.Column"] = column.name
    if column.is_computed:
        node["@Core.Computed"] = True
    if structured is None:
        node |= _limits(column)
    if column.is_searched:
        node["@Gateway.Search"] = True
    return node | descriptions(column.comment)


def _limits(column: CatalogColumn) -> dict[str, Any]:
    """What an enumeration and CHECK constraints say of the values of a column."""
    labels = () if column.made_of is None else column.made_of.labels
    allowed = {"@Validation.AllowedValues": [{"Value": label} for label in labels]}
    is_integer = primitive_of(column).is_integer
    checked = annotations_of_checks(column.checks, is_integer=is_integer)
    return (allowed if labels else {}) | checked


def primitive_property(column: CatalogColumn | TypeFacts) -> dict[str, Any]:
    """The type and the facets of a value."""
    primitive = primitive_of(column)
    node: dict[str, Any] = {} if primitive is STRING else {"$Type": primitive.name}
    facets = _facets(column)
    node |= {name: facets[name] for name in facets if name in primitive.family.facets}
    if primitive is not STRING and column.type != primitive.column_types[0]:
        node["@Gateway.PgType"] = column.type
    return node


def is_secret_name(name: str) -> bool:
    """Whether the name of a column says that nobody should see its values."""
    return SECRET_NAMES.search(name) is not None


def is_secret(column: CatalogColumn) -> bool:
    """Whether the values of a column are kept from everybody."""
    by_name = is_secret_name(column.name)
    return by_name if column.secret is None else column.secret


def _facets(column: CatalogColumn | TypeFacts) -> dict[str, Any]:
    """What the type modifier of a column promises of its values."""
    modifier = column.modifier
    if column.type in ("varchar", "bpchar") and modifier > 4:
        return {"$MaxLength": modifier - 4}
    if column.type == "numeric" and modifier >= 4:
        return _numeric_facets(modifier - 4)
    if column.type in _TIMES:
        return {"$Precision": MICROSECOND_DIGITS}
    found = primitive_of(column).family.column_facets(Facets(), column.type, modifier)
    return {} if found.srid is None else {"$SRID": str(found.srid)}


def _numeric_facets(modifier: int) -> dict[str, Any]:
    """numeric(p, s): the scale has eleven bits and a sign. A negative scale is 0 digits after the
    point and more before it; a scale above the precision needs as many digits."""
    precision, scale = modifier >> 16 & 0xFFFF, ((modifier & 0x7FF) ^ 1024) - 1024
    return {"$Precision": max(precision - min(scale, 0), scale), "$Scale": max(scale, 0)}
