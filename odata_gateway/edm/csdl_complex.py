"""Complex types as a CSDL JSON document declares them.

    @Gateway.Form  how the database keeps their objects: "composite" (the default), "range", or
                   "json" for the objects of a jsonb column; on a property that is a collection,
                   "array" (the default), "multirange" or "json"

A member is read like a property: `@Gateway.Column` is its name in the composite or the object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from odata_gateway.edm.csdl_properties import (
    DESCRIPTIONS,
    is_name,
    read_description,
    read_form,
    read_properties,
)
from odata_gateway.edm.json_reader import JsonNode
from odata_gateway.edm.model import ComplexType
from odata_gateway.types.families.structured import OBJECT_FORMS

_MEMBERS = ("$Kind", "@Gateway.Form", *DESCRIPTIONS)


@dataclass(frozen=True, slots=True)
class DeclaredComplexType:
    """A complex type before its members are read; `names` are all of its qualified names."""

    name: str
    names: tuple[str, ...]
    node: JsonNode

    @property
    def namespace(self) -> str:
        return self.names[0].rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class ComplexTypes:
    """The complex types of a document, each read when it is asked for first.

    open  those that are being read
    """

    declared: Mapping[str, DeclaredComplexType]
    known: dict[str, ComplexType] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    @property
    def names(self) -> Iterable[str]:
        return self.declared

    def find(self, name: str, user: JsonNode) -> ComplexType | None:
        """The complex type of this name, which `user` names; None without one."""
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

    def read_all(self) -> dict[str, ComplexType]:
        """All of them by their first qualified names."""
        for declared in self.declared.values():
            self.find(declared.names[0], declared.node)
        return self.known

    def _read(self, declared: DeclaredComplexType) -> ComplexType:
        node = declared.node
        if not is_name(declared.name):
            node.fail("is not a name")
        node.allow(_MEMBERS)
        properties = read_properties(node, [], self)
        if not properties:
            node.fail("has no property")
        return ComplexType(
            declared.name,
            declared.namespace,
            properties,
            read_form(node, OBJECT_FORMS),
            read_description(node),
        )
