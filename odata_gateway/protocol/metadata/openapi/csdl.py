"""The elements of a CSDL JSON document by their names, and types with what they inherit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from odata_gateway.types.registry import PRIMITIVE_TYPES

CsdlJson = dict[str, Any]
_TYPE_KINDS = ("EntityType", "ComplexType", "EnumType", "TypeDefinition")


def is_member(name: str) -> bool:
    """Whether a member of an object is an element, and neither a facet nor an annotation."""
    return not name.startswith("$") and "@" not in name


def members(element: CsdlJson) -> Iterator[tuple[str, Any]]:
    """The elements in an element, in the order of the document."""
    return ((name, value) for name, value in element.items() if is_member(name))


def children(element: CsdlJson) -> Iterator[tuple[str, CsdlJson]]:
    """The elements in an element that have elements or facets of their own."""
    return ((name, value) for name, value in members(element) if isinstance(value, dict))


def type_name(element: CsdlJson) -> str:
    """The type that a property, parameter or return type has; Edm.String where it names none."""
    return str(element.get("$Type", "Edm.String"))


def description_of(element: CsdlJson) -> str:
    """The description of an element, or an empty text."""
    texts = (element.get("@Core.Description"), element.get("@Core.LongDescription"))
    return "; ".join(str(text) for text in texts if text)


def allowed_values(element: CsdlJson) -> list[Any]:
    """The only values that a property has, where the model lists them."""
    return [each["Value"] for each in element.get("@Validation.AllowedValues", ())]


def has_octets(element: CsdlJson) -> bool:
    """Whether a property has octets that are no part of a row, which has a link to them."""
    type_ = PRIMITIVE_TYPES.get(type_name(element))
    return type_ is not None and type_.family.is_stream


def plain_name(name: str) -> str:
    """A name for programs, as OpenAPI asks for of components: of ASCII letters, digits and `._-`
    only. A character of another kind stands as its number."""
    return re.sub(r"[^A-Za-z0-9._]", lambda found: f"-{ord(found[0]):x}-", name)


class CsdlElements:
    """The elements of the schemas of one document.

    types       entity types, complex types, enumerations and type definitions by qualified name
    functions   the overloads of each function by qualified name
    container   the entity container
    """

    def __init__(self, document: CsdlJson) -> None:
        self.types: dict[str, CsdlJson] = {}
        self.functions: dict[str, list[CsdlJson]] = {}
        self.container: CsdlJson = {}
        self._aliases: dict[str, str] = {}
        for namespace, schema in children(document):
            self._aliases[schema.get("$Alias", namespace)] = namespace
            self._add_schema(namespace, schema, str(document.get("$EntityContainer", "")))
        self._sets_of_type: dict[str, list[CsdlJson]] = {}
        for _, child in children(self.container):
            type_ = self.qualified(str(child.get("$Type", "")))
            self._sets_of_type.setdefault(type_, []).append(child)

    def _add_schema(self, namespace: str, schema: CsdlJson, container: str) -> None:
        for name, element in members(schema):
            qualified_name = f"{namespace}.{name}"
            if isinstance(element, list):
                overloads = [each for each in element if each.get("$Kind") == "Function"]
                self.functions[qualified_name] = overloads
            elif qualified_name == container:
                self.container = element
            elif element.get("$Kind") in _TYPE_KINDS:
                self.types[qualified_name] = element

    def qualified(self, name: str) -> str:
        """A qualified name with the namespace in place of its alias."""
        prefix, _, last = name.rpartition(".")
        return f"{self._aliases.get(prefix, prefix)}.{last}"

    def type_of(self, name: str) -> CsdlJson | None:
        """The type of a qualified name; None for primitive types, and for those not declared
        here."""
        return self.types.get(self.qualified(name))

    def is_entity(self, name: str) -> bool:
        """Whether a qualified name is that of an entity type."""
        found = self.type_of(name)
        return found is not None and found["$Kind"] == "EntityType"

    def lineage(self, name: str) -> list[CsdlJson]:
        """A structured type behind all that it is derived from."""
        found: list[CsdlJson] = []
        element = self.type_of(name)
        while element is not None and not any(element is each for each in found):
            found.insert(0, element)
            element = self.type_of(str(element.get("$BaseType", "")))
        return found

    def properties(self, name: str) -> Iterator[tuple[str, CsdlJson]]:
        """The structural properties of a type, with those that it inherits."""
        for element in self.lineage(name):
            for member, value in children(element):
                if "$Kind" not in value:
                    yield member, value

    def links(self, name: str) -> Iterator[tuple[str, CsdlJson]]:
        """The navigation properties of a type, with those that it inherits."""
        for element in self.lineage(name):
            for member, value in children(element):
                if value.get("$Kind") == "NavigationProperty":
                    yield member, value

    def alternate_keys(self, name: str) -> list[dict[str, CsdlJson]]:
        """The properties of each other key of an entity type, by the names that a key has for
        them."""
        properties = dict(self.properties(name))
        listed = [key for e in self.lineage(name) for key in e.get("@Core.AlternateKeys", ())]
        keys = [{each["Alias"]: properties.get(each["Name"]) for each in k["Key"]} for k in listed]
        return [dict(key) for key in keys if None not in key.values()]

    def is_searchable(self, child: CsdlJson) -> bool:
        """Whether an entity set or singleton takes `$search`."""
        return bool(child.get("@Capabilities.SearchRestrictions", {}).get("Searchable", True))

    def restricted(self, name: str, restriction: str) -> set[str]:
        """The properties of a type that a restriction excludes, such as `SortRestrictions`."""
        found: set[str] = set()
        for child in self._sets_of_type.get(name, ()):
            record = child.get(f"@Capabilities.{restriction}", {})
            found |= {each for key in record if key.startswith("Non") for each in record[key]}
        return found

    def key(self, name: str) -> list[tuple[str, CsdlJson]]:
        """The key properties of an entity type; none where a key is not a property of its own."""
        properties = dict(self.properties(name))
        for element in self.lineage(name):
            keys = element.get("$Key", ())
            if keys and all(isinstance(key, str) and key in properties for key in keys):
                return [(key, properties[key]) for key in keys]
        return []
