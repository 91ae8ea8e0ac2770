"""The structural properties of an entity type, read from CSDL JSON: names, types, facets, keys and
columns.

Defaults of CSDL JSON (not those of XML): a property without `$Type` is Edm.String, without
`$Nullable` not nullable, an Edm.Decimal without `$Scale` has a variable scale, a temporal type
without `$Precision` has no fractions of a second.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from odata_gateway.edm.csdl_joins import is_identifier, parse_table
from odata_gateway.edm.json_reader import JsonNode
from odata_gateway.edm.model import (
    AnnotationData,
    Annotations,
    ComplexType,
    EnumType,
    ItemType,
    Property,
    TypeDefinition,
)
from odata_gateway.errors import nearest
from odata_gateway.types.catalog_type import CatalogType, RowKeyForm
from odata_gateway.types.facets import Facets
from odata_gateway.types.families.structured import (
    ITEMS_FORMS,
    collection_type,
    object_type,
)
from odata_gateway.types.primitive import PRIMITIVE_TYPES, STRING, PrimitiveType

_MEDIA_TYPES = ("@Core.MediaType", "@Org.OData.Core.V1.MediaType")
DESCRIPTIONS = ("@Core.Description", "@Org.OData.Core.V1.Description")
_ROW_KEY = "@Gateway.RowKey"
_ROW_KEYS: dict[str, RowKeyForm] = {"Place": "place", "Digest": "digest"}
_BESIDE_ROW_KEY = (
    "$Collection",
    "$MaxLength",
    "@Gateway.Column",
    "@Gateway.PgType",
    "@Gateway.Search",
    "@Gateway.Form",
    "@Gateway.OnSelect",
)
_MEMBERS = (
    "$Kind",
    "$Type",
    "$Collection",
    "$Nullable",
    "$MaxLength",
    "$Precision",
    "$Scale",
    "$SRID",
    "@Gateway.Column",
    "@Gateway.PgType",
    "@Gateway.Secret",
    "@Gateway.Search",
    "@Gateway.Form",
    "@Gateway.Function",
    _ROW_KEY,
    "@Gateway.OnSelect",
    *DESCRIPTIONS,
)
_FORM = "@Gateway.Form"
_FACETS = ("$MaxLength", "$Precision", "$Scale", "$SRID")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:; ?[\w-]+=[\w.+-]+)*", re.ASCII)
_DIGITS = re.compile(r"\d{1,6}", re.ASCII)
_NAME = re.compile(r"[^\W\d]\w{0,127}")


def is_name(text: str) -> bool:
    """Whether this is a simple identifier (CSDL JSON 4.01, section 15.2)."""
    return _NAME.fullmatch(text) is not None


def read_description(node: JsonNode) -> str | None:
    for name in DESCRIPTIONS:
        if node.has(name):
            return node.text(name)
    return None


class DeclaredValueTypes(Protocol):
    """The types of values that a document declares."""

    @property
    def names(self) -> Iterable[str]:
        """Their qualified names."""

    def find(self, name: str, user: JsonNode) -> ComplexType | EnumType | TypeDefinition | None:
        """The type of a qualified name, which `user` names; None without one."""


def read_properties(
    node: JsonNode, keys: list[str], types: DeclaredValueTypes
) -> dict[str, Property]:
    """The structural properties in document order; anything else but a navigation property is a
    mistake."""
    properties = {}
    for name, child in node.members():
        if not is_name(name):
            child.fail("is not a name")
        if not child.is_object:
            child.fail("must be an object")
            continue
        match child.value.get("$Kind", "Property"):
            case "Property":
                properties[name] = _read_property(name, child, name in keys, types)
            case "NavigationProperty":
                if name in keys:
                    child.fail("a navigation property cannot be part of the key")
            case _:
                child.fail("must be Property or NavigationProperty", "$Kind")
    return properties


def _read_property(name: str, node: JsonNode, is_key: bool, types: DeclaredValueTypes) -> Property:
    node.allow(_MEMBERS)
    primitive, found = _read_value_type(node, types)
    check_facets(node, primitive)
    nullable, secret = node.flag("$Nullable"), node.flag("@Gateway.Secret")
    is_collection = node.flag("$Collection")
    if node.has(_ROW_KEY):
        _check_key(node, primitive, nullable, secret)
        return _read_row_key(name, node, primitive, is_key)
    definition = found if isinstance(found, TypeDefinition) else None
    facets = Facets() if definition is None else definition.facets
    prop = Property(
        name,
        primitive,
        nullable,
        _read_column(name, node),
        "composite" if isinstance(found, ComplexType) else _read_pg_type(node, primitive),
        is_key,
        secret,
        searched=_read_search(node, primitive),
        precision=node.number("$Precision") if node.has("$Precision") else facets.precision,
        scale=read_scale(node, primitive) if definition is None else facets.scale,
        max_length=node.number("$MaxLength") if node.has("$MaxLength") else facets.max_length,
        srid=read_srid(node, facets.srid),
        description=read_description(node),
        media_type=read_media_type(node, primitive),
        structure=found if isinstance(found, ComplexType) else None,
        definition=definition,
        annotations=read_annotations(node),
        on_select=node.flag("@Gateway.OnSelect"),
    )
    if node.has("@Gateway.Function"):
        return _computed(prop, node, is_plain=not (is_key or is_collection))
    if is_collection:
        prop = _collection_of(prop, node)
    elif node.has(_FORM):
        node.fail("is for collections", _FORM)
    if is_key:
        _check_key(node, prop.type, nullable, secret)
    return prop


def _computed(prop: Property, node: JsonNode, *, is_plain: bool) -> Property:
    """A property that a function computes of the whole row."""
    function = parse_table(node.text("@Gateway.Function") or "")
    if function is None:
        node.fail("must be schema.name", "@Gateway.Function")
    if not is_plain or prop.structure is not None or prop.searched or prop.secret:
        node.fail("computes primitive values, none of a key and no secrets", "@Gateway.Function")
    return replace(prop, column="", function=function, on_select=True)


def _read_search(node: JsonNode, primitive: PrimitiveType) -> bool:
    """Whether $search looks at the property, which must be a text that everybody may see."""
    searched, secret = node.flag("@Gateway.Search"), node.flag("@Gateway.Secret")
    is_collection = node.flag("$Collection")
    if searched and (secret or is_collection or primitive is not STRING):
        shown = collection_type(primitive.name) if is_collection else primitive
        node.fail(
            "a secret cannot be searched" if secret else f"{shown} is not Edm.String",
            "@Gateway.Search",
        )
    return searched


DeclaredValueType = ComplexType | EnumType | TypeDefinition


def _read_value_type(
    node: JsonNode, types: DeclaredValueTypes
) -> tuple[PrimitiveType, DeclaredValueType | None]:
    """The type of a value or of the items of a collection, and the declared one that it is."""
    name = node.text("$Type", STRING.name) or ""
    if name in PRIMITIVE_TYPES:
        return PRIMITIVE_TYPES[name], None
    found = types.find(name, node)
    match found:
        case ComplexType():
            return object_type(found.qualified_name), found
        case EnumType() | TypeDefinition():
            return found.type, found
    hint = nearest(name, [*PRIMITIVE_TYPES, *types.names])
    node.fail(
        f"this gateway does not serve the type {name}" + (f"; {hint}" if hint else ""), "$Type"
    )
    return STRING, None


def _collection_of(item: Property, node: JsonNode) -> Property:
    """A property with a collection of such items."""
    form = read_form(node, ITEMS_FORMS)
    if not form.is_typed:
        check_text_form(node, item.type)
    return replace(
        item,
        type=collection_type(item.type.name),
        pg_type="array",
        structure=ItemType(replace(item, is_key=False), form),
    )


def check_text_form(node: JsonNode, primitive: PrimitiveType) -> None:
    """Whether a value can be read from a text in JSON."""
    if primitive.family.of_column is not None:
        node.fail(f"{primitive} is not read from JSON", "$Type")


FormT = TypeVar("FormT")


def read_form(node: JsonNode, forms: Mapping[str, FormT]) -> FormT:
    """How the database keeps a value that is made of values; the first form by default."""
    name = node.text(_FORM, next(iter(forms))) or ""
    if name not in forms:
        node.fail(f"must be one of {', '.join(forms)}", _FORM)
    return forms.get(name) or next(iter(forms.values()))


def _read_row_key(name: str, node: JsonNode, primitive: PrimitiveType, is_key: bool) -> Property:
    """A key that the service makes."""
    form = _ROW_KEYS.get(node.required_text(_ROW_KEY))
    if form is None:
        node.fail(f"must be one of {', '.join(_ROW_KEYS)}", _ROW_KEY)
    if primitive is not STRING or not is_key:
        node.fail("must be Edm.String and the key", _ROW_KEY)
    for member in _BESIDE_ROW_KEY:
        if node.has(member):
            node.fail("cannot stand beside @Gateway.RowKey", member)
    catalog = CatalogType(collation='pg_catalog."C"', row_key=form or "digest")
    return Property(
        name,
        STRING,
        nullable=False,
        column=name,
        pg_type="text",
        is_key=True,
        not_null=True,
        description=read_description(node),
        catalog=catalog,
    )


def read_media_type(node: JsonNode, primitive: PrimitiveType) -> str | None:
    """The media type that a binary value is served as. For other types the annotation says what a
    client may make of the value, and changes nothing here."""
    for name in _MEDIA_TYPES:
        if node.has(name) and primitive.family.is_octets:
            found = node.text(name)
            if found is not None and not _MEDIA_TYPE.fullmatch(found):
                node.fail("is not a media type, such as image/png", name)
            return found
    return None


def check_facets(node: JsonNode, primitive: PrimitiveType) -> None:
    for facet in _FACETS:
        if node.has(facet) and facet not in primitive.family.facets:
            node.fail(f"{primitive} has no {facet}", facet)
    if node.value.get("$MaxLength") == 0:
        node.fail("must be at least 1", "$MaxLength")
    digits, most = node.value.get("$Precision"), primitive.family.max_precision
    if most is not None and isinstance(digits, int) and digits > most:
        node.fail(f"{primitive} has at most {most} digits", "$Precision")


def _check_key(node: JsonNode, primitive: PrimitiveType, nullable: bool, secret: bool) -> None:
    if not primitive.family.can_be_key:
        node.fail(f"{primitive} cannot be a key", "$Type")
    if nullable:
        node.fail("a key property cannot be nullable", "$Nullable")
    if secret:
        node.fail("a key property cannot be secret", "@Gateway.Secret")


def read_scale(node: JsonNode, primitive: PrimitiveType) -> int | str | None:
    if "$Scale" not in primitive.family.facets:
        return None
    if node.value.get("$Scale", "variable") in ("variable", "floating"):
        return str(node.value.get("$Scale", "variable"))
    return node.number("$Scale")


def read_srid(node: JsonNode, default: int | str | None = None) -> int | str | None:
    """The number of a coordinate system, which CSDL JSON has as a text, or `variable`."""
    if not node.has("$SRID"):
        return default
    found: object = node.value["$SRID"]
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    if isinstance(found, str) and (found == "variable" or _DIGITS.fullmatch(found)):
        return found if found == "variable" else int(found)
    node.fail('must be a number in quotes, such as "4326", or "variable"', "$SRID")
    return None


def _read_column(name: str, node: JsonNode) -> str:
    column = node.text("@Gateway.Column", name) or ""
    if not is_identifier(column):
        node.fail(
            "Postgres cannot have this name; give @Gateway.Column",
            "@Gateway.Column" if node.has("@Gateway.Column") else None,
        )
    return column


def _read_pg_type(node: JsonNode, primitive: PrimitiveType) -> str:
    allowed = primitive.column_types
    pg_type = node.text("@Gateway.PgType", allowed[0]) or ""
    if pg_type not in allowed:
        node.fail(f"{primitive} is read from {', '.join(allowed)}", "@Gateway.PgType")
    return pg_type


# --- annotations that $metadata repeats -----------------------------------------------------------

_NAMESPACES = {"Core": "Org.OData.Core.V1", "Validation": "Org.OData.Validation.V1"}


def read_annotations(node: JsonNode) -> Annotations:
    """The annotations of other vocabularies that $metadata repeats, by alias or full name; more are
    skipped, as the standard allows."""
    return tuple(_found(node))


def _found(node: JsonNode) -> Iterator[tuple[str, AnnotationData]]:
    for term, read in _TERMS.items():
        vocabulary, _, name = term.partition(".")
        for member in (f"@{term}", f"@{_NAMESPACES[vocabulary]}.{name}"):
            if node.has(member):
                value = read(node, member)
                if value is not None:
                    yield term, value


def _flag(node: JsonNode, member: str) -> AnnotationData | None:
    return node.flag(member) or None


def _text(node: JsonNode, member: str) -> AnnotationData | None:
    return node.text(member)


def _number(node: JsonNode, member: str) -> AnnotationData | None:
    value = node.value[member]
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    node.fail("must be a number", member)
    return None


def _allowed_values(node: JsonNode, member: str) -> AnnotationData | None:
    values = node.value[member]
    if isinstance(values, list):
        found = [each.get("Value") for each in values if isinstance(each, dict)]
        texts = tuple(value for value in found if isinstance(value, str))
        if texts and len(texts) == len(values):
            return texts
    node.fail('must be a list such as [{"Value": "a"}]', member)
    return None


_TERMS: dict[str, Callable[[JsonNode, str], AnnotationData | None]] = {
    "Core.Computed": _flag,
    "Core.Immutable": _flag,
    "Core.LongDescription": _text,
    "Validation.Pattern": _text,
    "Validation.Minimum": _number,
    "Validation.Maximum": _number,
    "Validation.AllowedValues": _allowed_values,
}
