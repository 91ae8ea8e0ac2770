"""The types of values that a CSDL JSON document declares: complex types, enumerations, type
definitions; and the octets and words that entity types have besides their properties.

    complex type     @Gateway.Form says how the database keeps its objects: "composite" (the
                     default), "range", or "json" for the objects of a jsonb column. A member is
                     read like a property: @Gateway.Column is its name in the database
    property         @Gateway.Form of a collection: "array" (the default), "multirange" or "json"
    enumeration      @Gateway.Form: "labels" for an enum of Postgres whose labels are the members
                     (the default), "numbers" for whole numbers; with $IsFlags it is "numbers"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from odata_gateway.edm.csdl_joins import is_identifier
from odata_gateway.edm.csdl_properties import (
    DESCRIPTIONS,
    DeclaredValueType,
    check_facets,
    check_text_form,
    is_name,
    read_description,
    read_form,
    read_media_type,
    read_properties,
    read_scale,
    read_srid,
)
from odata_gateway.edm.json_reader import JsonNode
from odata_gateway.edm.model import (
    ComplexType,
    EnumType,
    Property,
    SearchedWords,
    TypeDefinition,
)
from odata_gateway.types.facets import Facets
from odata_gateway.types.families.enumeration import EnumMembers, label_type, number_type
from odata_gateway.types.families.stream import STREAM
from odata_gateway.types.families.structured import OBJECT_FORMS
from odata_gateway.types.primitive import PRIMITIVE_TYPES, STRING

MEDIA, WORDS = "@Gateway.Media", "@Gateway.SearchWords"
_CONFIG = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?")
KINDS = ("ComplexType", "EnumType", "TypeDefinition")
_COMPLEX_MEMBERS = ("$Kind", "@Gateway.Form", *DESCRIPTIONS)
_ENUM_MEMBERS = ("$Kind", "$UnderlyingType", "$IsFlags", "@Gateway.Form", *DESCRIPTIONS)
_DEFINITION_MEMBERS = (
    *("$Kind", "$UnderlyingType", "$MaxLength", "$Precision", "$Scale", "$SRID"),
    *DESCRIPTIONS,
)
_ENUM_FORMS = {"labels": label_type, "numbers": number_type}
_UNDERLYING = {"Edm.Byte": 8, "Edm.SByte": 7, "Edm.Int16": 15, "Edm.Int32": 31, "Edm.Int64": 63}
"""The types that an enumeration may have, and the bits of their values."""


@dataclass(frozen=True, slots=True)
class DeclaredElement:
    """A type before it is read; `names` are all of its qualified names."""

    kind: str
    name: str
    names: tuple[str, ...]
    node: JsonNode

    @property
    def namespace(self) -> str:
        return self.names[0].rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class ValueTypes:
    """The types of values of a document, each read when it is asked for first.

    open  those that are being read
    """

    declared: Mapping[str, DeclaredElement]
    known: dict[str, DeclaredValueType] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    @property
    def names(self) -> Iterable[str]:
        return self.declared

    def find(self, name: str, user: JsonNode) -> DeclaredValueType | None:
        """The type of this name, which `user` names; None without one."""
        found = self.declared.get(name)
        if found is None:
            return None
        own = found.names[0]
        if own in self.open:
            user.fail("a complex type cannot contain itself", "$Type")
            return None
        if own not in self.known:
            self.open.append(own)
            self.known[own] = self._read(found)
            self.open.pop()
        return self.known[own]

    def read_all(self) -> dict[str, DeclaredValueType]:
        """All of them by their first qualified names."""
        for declared in self.declared.values():
            self.find(declared.names[0], declared.node)
        return self.known

    def _read(self, declared: DeclaredElement) -> DeclaredValueType:
        if not is_name(declared.name):
            declared.node.fail("is not a name")
        match declared.kind:
            case "EnumType":
                return _read_enum(declared)
            case "TypeDefinition":
                return _read_definition(declared)
            case _:
                return self._read_complex(declared)

    def _read_complex(self, declared: DeclaredElement) -> ComplexType:
        node = declared.node
        node.allow(_COMPLEX_MEMBERS)
        properties = read_properties(node, [], self)
        for name, child in node.members():
            if name not in properties and child.is_object:
                child.fail("navigation properties of complex types are not supported")
        if not properties:
            node.fail("has no property")
        form = read_form(node, OBJECT_FORMS)
        if form.as_text:
            for prop in properties.values():
                check_text_form(node.child(prop.name), prop.type)
        text = read_description(node)
        return ComplexType(declared.name, declared.namespace, properties, form, text)


def _read_enum(declared: DeclaredElement) -> EnumType:
    node = declared.node
    node.allow(_ENUM_MEMBERS)
    underlying = node.text("$UnderlyingType", "Edm.Int32") or ""
    if underlying not in _UNDERLYING:
        node.fail(f"must be one of {', '.join(_UNDERLYING)}", "$UnderlyingType")
    is_flags = node.flag("$IsFlags")
    members = dict(_read_members(node, _UNDERLYING.get(underlying, 31)))
    if not members:
        node.fail("has no member")
    form = read_form(node, _ENUM_FORMS)
    if is_flags and node.has("@Gateway.Form") and form is label_type:
        node.fail("flags are numbers", "@Gateway.Form")
    make = number_type if is_flags else form
    return EnumType(
        declared.name,
        declared.namespace,
        members,
        make(EnumMembers(declared.names[0], members, is_flags)),
        is_flags,
        underlying,
        read_description(node),
    )


def _read_members(node: JsonNode, bits: int) -> Iterable[tuple[str, int]]:
    for name, child in node.members():
        value = child.value
        if not is_name(name):
            child.fail("is not a name")
        elif isinstance(value, bool) or not isinstance(value, int):
            child.fail("must be a whole number")
        elif not -(2**bits) <= value < 2**bits:
            child.fail("is beyond the underlying type")
        else:
            yield name, value


def _read_definition(declared: DeclaredElement) -> TypeDefinition:
    node = declared.node
    node.allow(_DEFINITION_MEMBERS)
    name = node.required_text("$UnderlyingType")
    primitive = PRIMITIVE_TYPES.get(name, STRING)
    if name not in PRIMITIVE_TYPES:
        node.fail("is not a primitive type that this gateway serves", "$UnderlyingType")
    check_facets(node, primitive)
    facets = Facets(
        node.number("$Precision"),
        read_scale(node, primitive),
        node.number("$MaxLength"),
        read_srid(node),
    )
    text = read_description(node)
    return TypeDefinition(declared.name, declared.namespace, primitive, facets, text)


# --- what an entity type has besides its properties -----------------------------------------------


def read_media(node: JsonNode) -> Property | None:
    """The column with the octets of a media entity, of the Core.MediaType that the type has."""
    if node.flag("$HasStream") is not node.has(MEDIA):
        node.fail(f"a media entity has $HasStream and {MEDIA}")
    if not node.has(MEDIA):
        return None
    column = _read_column(node, MEDIA)
    media_type = read_media_type(node, STREAM)
    return Property("$value", STREAM, True, column, STREAM.pg_type, media_type=media_type)


def read_words(node: JsonNode) -> SearchedWords | None:
    """The column of a tsvector and the configuration of its words."""
    if not node.has(WORDS):
        return None
    child = node.child(WORDS)
    if not child.is_object or set(child.value) != {"Column", "Config"}:
        child.fail("must be an object with Column and Config")
        return None
    config = child.required_text("Config")
    if config and not _CONFIG.fullmatch(config):
        child.fail("is not the name of a text search configuration, such as english", "Config")
        return None
    return SearchedWords(_read_column(child, "Column"), config)


def _read_column(node: JsonNode, member: str) -> str:
    text = node.required_text(member)
    if text and not is_identifier(text):
        node.fail("Postgres cannot have this name", member)
    return text
