"""The entity container of a CSDL JSON document: entity sets and the bindings between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from odata_gateway.edm.csdl_operations import check_import, read_import
from odata_gateway.edm.csdl_properties import is_name
from odata_gateway.edm.csdl_tokens import TOKENS
from odata_gateway.edm.csdl_types import DeclaredType
from odata_gateway.edm.functions import FunctionImport, ModelFunction
from odata_gateway.edm.json_reader import JsonNode
from odata_gateway.edm.model import EntitySet, EntityType

_SET_MEMBERS = ("$Kind", "$Collection", "$Type", "$NavigationPropertyBinding")
_SINGLETON_MEMBERS = ("$Kind", "$Type", "$Nullable", "$NavigationPropertyBinding", "@Gateway.Key")


class Container(NamedTuple):
    """What a container has, by name."""

    entity_sets: dict[str, EntitySet]
    singletons: dict[str, EntitySet]
    imports: dict[str, FunctionImport]


def read_container(
    root: JsonNode,
    containers: Mapping[str, JsonNode],
    name: str,
    types: Mapping[str, EntityType],
    *,
    functions: Mapping[str, tuple[ModelFunction, ...]],
) -> Container:
    """The entity sets, singletons and function imports of the container of this qualified name;
    `types` and `functions` are by qualified name."""
    found = Container({}, {}, {})
    node = containers.get(name)
    if node is None:
        if name:
            root.fail(f"no entity container is called {name}", "$EntityContainer")
        return found
    for other in {n.path: n for n in containers.values() if n.path != node.path}.values():
        other.fail("a model has one entity container")
    node.allow(("$Kind", TOKENS))
    for name, child in node.members():
        if not is_name(name):
            child.fail("is not a name")
        _add(found, name, child, types, functions=functions)
    for name, entity_set in (found.entity_sets | found.singletons).items():
        _check_bindings(node.child(name), entity_set, found.entity_sets, types)
    for name, called in found.imports.items():
        check_import(name, node.child(name), called, found.entity_sets)
    return found


def _add(
    found: Container,
    name: str,
    node: JsonNode,
    types: Mapping[str, EntityType],
    *,
    functions: Mapping[str, tuple[ModelFunction, ...]],
) -> None:
    """Add an element of the container."""
    if not node.is_object or node.value.get("$Collection") is False or node.has("$Action"):
        node.fail("only entity sets ($Collection true), singletons and functions are supported")
    elif node.has("$Function"):
        called = read_import(name, node, functions)
        found.imports.update({name: called} if called else {})
    elif node.flag("$Collection"):
        node.allow(_SET_MEMBERS)
        entity_set = _read_set(name, node, types)
        found.entity_sets.update({name: entity_set} if entity_set else {})
    else:
        node.allow(_SINGLETON_MEMBERS)
        entity_set = _read_set(name, node, types)
        if entity_set is not None:
            found.singletons[name] = _singleton(entity_set, node)


def _singleton(entity_set: EntitySet, node: JsonNode) -> EntitySet:
    """A singleton: the only row of its type's table, or that with the key of its annotation."""
    values: dict[str, str | int | bool] = {}
    if node.has("@Gateway.Key"):
        child = node.child("@Gateway.Key")
        values = dict(child.value) if child.is_object else {}
        names = [p.name for p in entity_set.entity_type.key]
        if sorted(values) != sorted(names):
            child.fail(f"must give the values of the key: {', '.join(names)}")
        if not all(isinstance(value, str | int) for value in values.values()):
            child.fail("must have texts, whole numbers, true or false")
    return replace(entity_set, singleton=values, optional=node.flag("$Nullable"))


def _read_set(name: str, node: JsonNode, types: Mapping[str, EntityType]) -> EntitySet | None:
    type_name = node.required_text("$Type")
    if type_name not in types:
        if type_name:
            node.fail(f"no entity type is called {type_name}", "$Type")
        return None
    bindings = {name: target for name, target, _ in node.pairs("$NavigationPropertyBinding")}
    return EntitySet(name, types[type_name], bindings)


def _check_bindings(
    node: JsonNode,
    entity_set: EntitySet,
    declared: Mapping[str, EntitySet],
    types: Mapping[str, EntityType],
) -> None:
    """Context URLs and links of related entities name their set, so every navigation property needs
    one; that of a derived type has the type's name before it, as in Ns.Employee/boss."""
    navigation = dict(entity_set.entity_type.navigation)
    for each in types.values():
        if each.name in entity_set.entity_type.derived:
            inherited = _base_of(each, types).navigation
            own = {n: item for n, item in each.navigation.items() if n not in inherited}
            navigation |= {f"{each.qualified_name}/{n}": item for n, item in own.items()}
    for name in navigation:
        if name not in entity_set.bindings:
            node.fail(f"navigation property {name} has no $NavigationPropertyBinding")
    for name, target, place in node.pairs("$NavigationPropertyBinding"):
        if name not in navigation:
            place.fail(f"{entity_set.entity_type.name} has no navigation property {name}")
        elif target not in declared:
            place.fail(f"no entity set is called {target}")
        elif navigation[name].target not in _held_by(declared[target]):
            found, wanted = declared[target].entity_type.name, navigation[name].target
            place.fail(f"{target} is a set of {found}, {name} leads to {wanted}")


def _held_by(entity_set: EntitySet) -> tuple[str, ...]:
    """The types whose entities can be in a set."""
    return entity_set.entity_type.name, *entity_set.entity_type.derived


def _base_of(entity_type: EntityType, types: Mapping[str, EntityType]) -> EntityType:
    """The type that a type is derived from."""
    return next(each for each in types.values() if each.name == entity_type.base)


def check_sets(root: JsonNode, types: Mapping[str, DeclaredType], container: Container) -> None:
    """There must be a type, and a set or a singleton of each type."""
    entity_sets = container.entity_sets | container.singletons
    if not types:
        root.fail("declares no entity type")
    used = {name for each in entity_sets.values() for name in _held_by(each)}
    for declared in types.values():
        if declared.name not in used and entity_sets:
            declared.node.fail("no entity set holds this type")
