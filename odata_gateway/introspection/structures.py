"""Columns that are made of values, in CSDL JSON: arrays and multiranges are collections, composites
and ranges are complex types.

A complex type has the name that the type has in SQL. One is declared for each type that a column
leads to, in the namespace of its schema, or in the first one where that schema has no tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from odata_gateway.db.schema.type_facts import TypeFacts
from odata_gateway.introspection.catalog import Domain
from odata_gateway.introspection.json_members import JsonObject, JsonValue
from odata_gateway.introspection.names import descriptions, odata_name, odata_names, unused
from odata_gateway.types.catalog_type import UNKNOWN
from odata_gateway.types.primitive import STRING

CsdlMembers = dict[str, Any]
_FACETS = ("$MaxLength", "$Precision", "$Scale")
_BOOLEAN: CsdlMembers = {"$Type": "Edm.Boolean", "$Nullable": True}


@dataclass(slots=True)
class DeclaredTypes:
    """The complex types that properties use.

    namespaces  those of the schemas that are served
    taken       names of other elements of the namespaces
    primitive   makes the property of a value that is not made of others
    is_secret   whether a member with this name is left out
    nodes       the types by namespace and name
    """

    namespaces: Mapping[str, str]
    taken: Iterable[str]
    primitive: Callable[[TypeFacts], CsdlMembers]
    is_secret: Callable[[str], bool]
    nodes: dict[tuple[str, str], CsdlMembers] = field(default_factory=dict)
    _names: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def property_of(self, facts: TypeFacts) -> CsdlMembers | None:
        """The property of a column of a type; None where the type has no such form, and is a
        text."""
        match facts.kind:
            case "array" | "multirange" if facts.item is not None:
                return self._collection(facts, facts.item)
            case "composite" | "range":
                return self._object(facts)
            case _:
                return None

    def enum_of(self, facts: TypeFacts) -> CsdlMembers | None:
        """The property of an enum of Postgres as an enumeration; None where its labels cannot be
        names of members."""
        if not facts.labels or any(odata_name(label) != label for label in facts.labels):
            return None
        members = {label: number for number, label in enumerate(facts.labels)}
        return {"$Type": self._declared(facts, {"$Kind": "EnumType", **members})}

    def definition_of(self, domain: Domain, node: CsdlMembers) -> CsdlMembers:
        """The property of a column whose domain is declared as a type. `node` is the property
        without that."""
        facets = {name: node[name] for name in _FACETS if name in node}
        underlying = node.get("$Type", STRING.name)
        definition = {"$Kind": "TypeDefinition", "$UnderlyingType": underlying, **facets}
        facts = TypeFacts("simple", domain.schema, domain.name, "", "", UNKNOWN)
        name = self._declared(replace(facts, comment=domain.comment), definition)
        rest = {name: value for name, value in node.items() if name not in facets}
        return {**rest, "$Type": name}

    def value_type(self, node: CsdlMembers) -> str | None:
        """The primitive type or the enumeration of a property; None for what is made of values."""
        name = str(node.get("$Type", STRING.name))
        namespace, _, short = name.rpartition(".")
        declared = self.nodes.get((namespace, short), {})
        if "$Collection" in node or declared.get("$Kind") == "ComplexType":
            return None
        return str(declared.get("$UnderlyingType", name))

    def json_of(self, objects: JsonObject) -> CsdlMembers:
        """The property of a column of JSON whose members are known."""
        names = odata_names(name for name, _ in objects.members)
        members = {names[name]: self._json_member(name, names, p) for name, p in objects.members}
        node = {"$Kind": "ComplexType", "@Gateway.Form": "json", **members}
        facts = TypeFacts("composite", objects.schema, objects.name, "", "", UNKNOWN)
        return {"$Type": self._declared(facts, node)}

    def _json_member(
        self, name: str, names: Mapping[str, str], part: JsonValue | JsonObject
    ) -> CsdlMembers:
        column = {} if names[name] == name else {"@Gateway.Column": name}
        if isinstance(part, JsonObject):
            return {**self.json_of(part), "$Nullable": True, **column}
        value = self.primitive(TypeFacts("simple", "", "", part.type, part.type, UNKNOWN))
        form = {"$Collection": True, "@Gateway.Form": "json"} if part.is_collection else {}
        return {**value, **form, "$Nullable": True, **column}

    def _collection(self, facts: TypeFacts, item: TypeFacts) -> CsdlMembers | None:
        if item.kind in ("array", "multirange"):
            return None
        node = self.primitive(item) if item.kind == "simple" else self._object(item)
        if node is None:
            return None
        form = {"@Gateway.Form": "multirange"} if facts.kind == "multirange" else {}
        nullable = {} if facts.kind == "multirange" else {"$Nullable": True}
        return {**node, "$Collection": True, **nullable, **form}

    def _object(self, facts: TypeFacts) -> CsdlMembers | None:
        members = self._members(facts)
        if not members:
            return None
        form = {"@Gateway.Form": "range"} if facts.kind == "range" else {}
        return {"$Type": self._declared(facts, {"$Kind": "ComplexType", **form, **members})}

    def _declared(self, facts: TypeFacts, node: CsdlMembers) -> str:
        """The qualified name of a type, which is declared the first time."""
        found = self._names.get((facts.schema, facts.name))
        if found is None:
            first = next(iter(self.namespaces.values()), "Database")
            taken = {*self.taken, *(name for _, name in self.nodes)}
            found = self.namespaces.get(facts.schema, first), unused(odata_name(facts.name), taken)
            self._names[facts.schema, facts.name] = found
            self.nodes[found] = node | descriptions(facts.comment)
        return ".".join(found)

    def _members(self, facts: TypeFacts) -> CsdlMembers:
        if facts.kind == "range" and facts.item is not None:
            bound = {**self.primitive(facts.item), "$Nullable": True}
            inclusive = {f"{name}Inclusive": dict(_BOOLEAN) for name in ("lower", "upper")}
            return {"lower": bound, "upper": dict(bound), **inclusive}
        served = {name: part for name, part in facts.members.items() if not self.is_secret(name)}
        names = odata_names(served)
        return {names[name]: self._member(name, names, part) for name, part in served.items()}

    def _member(self, name: str, names: Mapping[str, str], facts: TypeFacts) -> CsdlMembers:
        found = None if facts.kind == "simple" else self.property_of(facts)
        node = self.primitive(facts) if found is None else found
        column = {} if names[name] == name else {"@Gateway.Column": name}
        return {**node, "$Nullable": True, **column, **descriptions(facts.field_comment)}
