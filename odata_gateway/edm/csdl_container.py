"""The entity container of a CSDL JSON document: entity sets and the bindings between them."""

from __future__ import annotations

from collections.abc import Mapping

from odata_gateway.edm.csdl_operations import check_import, read_import
from odata_gateway.edm.csdl_properties import is_name
from odata_gateway.edm.csdl_tokens import TOKENS
from odata_gateway.edm.csdl_types import DeclaredType
from odata_gateway.edm.functions import FunctionImport, ModelFunction
from odata_gateway.edm.json_reader import JsonNode
from odata_gateway.edm.model import EntitySet, EntityType

_SET_MEMBERS = ("$Kind", "$Collection", "$Type", "$NavigationPropertyBinding")


def read_container(
    root: JsonNode,
    containers: Mapping[str, JsonNode],
    name: str,
    types: Mapping[str, EntityType],
    *,
    functions: Mapping[str, tuple[ModelFunction, ...]],
) -> tuple[dict[str, EntitySet], dict[str, FunctionImport]]:
    """The entity sets and function imports of the container of this qualified name; `types` and
    `functions` are by qualified name."""
    node = containers.get(name)
    if node is None:
        if name:
            root.fail(f"no entity container is called {name}", "$EntityContainer")
        return {}, {}
    for other in {n.path: n for n in containers.values() if n.path != node.path}.values():
        other.fail("a model has one entity container")
    node.allow(("$Kind", TOKENS))
    declared, imports = dict[str, EntitySet](), dict[str, FunctionImport]()
    for set_name, child in node.members():
        if child.has("$Function"):
            found = read_import(set_name, child, functions)
            imports |= {set_name: found} if found else {}
            continue
        entity_set = _read_set(set_name, child, types)
        if entity_set is not None:
            declared[set_name] = entity_set
    for set_name, entity_set in declared.items():
        _check_bindings(node.child(set_name), entity_set, declared)
    for import_name, called in imports.items():
        check_import(import_name, node.child(import_name), called, declared)
    return declared, imports


def _read_set(name: str, node: JsonNode, types: Mapping[str, EntityType]) -> EntitySet | None:
    if not is_name(name):
        node.fail("is not a name")
    if not node.is_object or node.value.get("$Collection") is not True:
        node.fail("only entity sets ($Collection true) are supported")
        return None
    node.allow(_SET_MEMBERS)
    type_name = node.required_text("$Type")
    if type_name not in types:
        if type_name:
            node.fail(f"no entity type is called {type_name}", "$Type")
        return None
    bindings = {name: target for name, target, _ in node.pairs("$NavigationPropertyBinding")}
    return EntitySet(name, types[type_name], bindings)


def _check_bindings(node: JsonNode, entity_set: EntitySet, declared: dict[str, EntitySet]) -> None:
    """Context URLs and links of related entities name their set, so every navigation property needs
    one."""
    navigation = entity_set.entity_type.navigation
    for name in navigation:
        if name not in entity_set.bindings:
            node.fail(f"navigation property {name} has no $NavigationPropertyBinding")
    for name, target, place in node.pairs("$NavigationPropertyBinding"):
        if name not in navigation:
            place.fail(f"{entity_set.entity_type.name} has no navigation property {name}")
        elif target not in declared:
            place.fail(f"no entity set is called {target}")
        elif declared[target].entity_type.name != navigation[name].target:
            found, wanted = declared[target].entity_type.name, navigation[name].target
            place.fail(f"{target} is a set of {found}, {name} leads to {wanted}")


def check_sets(
    root: JsonNode, types: Mapping[str, DeclaredType], entity_sets: Mapping[str, EntitySet]
) -> None:
    """There must be a type, and a set of each type."""
    if not types:
        root.fail("declares no entity type")
    used = {entity_set.entity_type.name for entity_set in entity_sets.values()}
    for declared in types.values():
        if declared.name not in used and entity_sets:
            declared.node.fail("no entity set holds this type")
