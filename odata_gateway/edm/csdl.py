"""CSDL JSON 4.01 to `Model`, with every mistake of the document at once.

OData's own format names types, keys, facets, `$Partner` and `$ReferentialConstraint`. What Postgres
needs beyond that are annotations:

    entity type          @Gateway.Table "schema.table", and one row policy, without which a type is
                         a mistake: @Gateway.Account "column" | @Gateway.Membership {Table, Member,
                         Column, Account} | @Gateway.Unscoped true
    property             @Gateway.Column (default: the property's name), @Gateway.PgType (default:
                         first of PG_TYPES), @Gateway.Secret, @Gateway.Search (a text that $search
                         looks at)
    navigation property  @Gateway.Join and @Gateway.Links (see `joins`); else its
                         $ReferentialConstraint, else its partner's join reversed

Core.Description is kept; annotations of other vocabularies are skipped, as the standard allows.
Anything else of CSDL that the gateway cannot serve (complex types, enumerations, inheritance,
singletons, operations) is a mistake, never ignored.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from odata_gateway.edm import csdl_joins
from odata_gateway.edm.csdl_properties import (
    DESCRIPTIONS,
    is_name,
    read_description,
    read_keys,
    read_properties,
)
from odata_gateway.edm.json_reader import JsonNode, Mistake, ModelError
from odata_gateway.edm.model import (
    AccountColumn,
    EntitySet,
    EntityType,
    Join,
    Membership,
    Model,
    NavigationProperty,
    Policy,
    Property,
    Table,
    Unscoped,
)

_TABLE = "@Gateway.Table"
_POLICIES = ("@Gateway.Account", "@Gateway.Membership", "@Gateway.Unscoped")
_TYPE_MEMBERS = ("$Kind", "$Key", _TABLE, *_POLICIES, *DESCRIPTIONS)
_NAVIGATION_MEMBERS = (
    "$Kind",
    "$Type",
    "$Collection",
    "$Nullable",
    "$Partner",
    "$ReferentialConstraint",
    "@Gateway.Join",
    "@Gateway.Links",
)
_SET_MEMBERS = ("$Kind", "$Collection", "$Type", "$NavigationPropertyBinding")
_MEMBERSHIP_MEMBERS = ("Table", "Member", "Column", "Account")
_NO_TABLE = Table("", "")


@dataclass(frozen=True, slots=True)
class _Navigation:
    """A navigation property as declared, before its partner is known."""

    node: JsonNode
    target: str
    collection: bool
    nullable: bool
    partner: str | None
    constraint: tuple[tuple[str, str], ...]
    own_join: Join | None


@dataclass(frozen=True, slots=True)
class _Type:
    """An entity type as declared, before its navigation properties are resolved."""

    name: str
    namespace: str
    node: JsonNode
    table: Table
    policy: Policy
    properties: dict[str, Property]
    navigation: dict[str, _Navigation]


def load_model(path: Path | None = None) -> Model:
    """The model of a CSDL JSON file; without a path the built-in Live Agent model.

    raises  ModelError with every mistake of the file
    """
    source = (
        Path(path)
        if path is not None
        else files("odata_gateway.edm").joinpath("models", "live_agent.json")
    )
    repeated: list[Mistake] = []
    try:
        document = json.loads(
            source.read_text("utf-8"), object_pairs_hook=lambda pairs: _object(pairs, repeated)
        )
    except OSError as error:
        raise ModelError([Mistake("", f"cannot be read: {error.strerror}")]) from error
    except (ValueError, RecursionError) as error:
        raise ModelError([Mistake("", f"is not JSON: {error}")]) from error
    if repeated:
        raise ModelError(repeated)
    return parse_model(document)


def _object(pairs: list[tuple[str, Any]], repeated: list[Mistake]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        repeated.extend(
            Mistake("", f"an object has two members '{name}'")
            for name in value
            if names.count(name) > 1
        )
    return value


def parse_model(document: Any) -> Model:
    """The model of a CSDL JSON document.

    raises  ModelError with every mistake of the document
    """
    root = JsonNode(document, "", [])
    if not root.is_object:
        raise ModelError([Mistake("", "must be an object")])
    root.allow(("$Version", "$EntityContainer", "$Reference"))
    if root.required_text("$Version") not in ("4.0", "4.01", ""):
        root.fail("must be 4.0 or 4.01", "$Version")
    types, containers = _read_schemas(root)
    by_name = {t.name: t for t in types.values()}
    entity_types = {t.name: _entity_type(t, by_name) for t in by_name.values()}
    container = root.required_text("$EntityContainer")
    entity_sets = _read_container(
        root, containers, container, {q: entity_types[t.name] for q, t in types.items()}
    )
    _check_sets(root, by_name, entity_sets)
    if root.mistakes:
        raise ModelError(root.mistakes)
    namespace, _, name = container.rpartition(".")
    of_type = {s.entity_type.name: s for s in reversed(entity_sets.values())}
    return Model(namespace, name, _version(document), entity_types, entity_sets, of_type)


def _version(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]


# --- schemas and entity types ---------------------------------------------------------------------


def _read_schemas(root: JsonNode) -> tuple[dict[str, _Type], dict[str, JsonNode]]:
    """Entity types under each of their qualified names (a schema's alias counts), and containers
    likewise."""
    elements = [
        (names, name, node) for names, schema in _schemas(root) for name, node in schema.members()
    ]
    known = {
        f"{prefix}.{name}": name
        for names, name, node in elements
        if _kind(node) == "EntityType"
        for prefix in names
    }
    types: dict[str, _Type] = {}
    containers: dict[str, JsonNode] = {}
    seen: set[str] = set()
    for names, name, node in elements:
        match _kind(node):
            case "EntityType":
                if name in seen:
                    node.fail("a model cannot have two entity types of one name")
                seen.add(name)
                declared = _read_type(node, name, names[0], known)
                types |= {f"{prefix}.{name}": declared for prefix in names}
            case "EntityContainer":
                containers |= {f"{prefix}.{name}": node for prefix in names}
            case kind:
                node.fail(f"only entity types and an entity container are supported, not {kind}")
    return types, containers


def _schemas(root: JsonNode) -> list[tuple[tuple[str, ...], JsonNode]]:
    found: list[tuple[tuple[str, ...], JsonNode]] = []
    for namespace, schema in root.members():
        if not schema.is_object:
            schema.fail("must be an object")
            continue
        if not all(is_name(part) for part in namespace.split(".")):
            schema.fail("is not a namespace")
        schema.allow(("$Alias",))
        alias = schema.text("$Alias")
        found.append(((namespace, alias) if alias else (namespace,), schema))
    return found


def _kind(node: JsonNode) -> str:
    if not node.is_object:
        return "an operation" if isinstance(node.value, list) else "this"
    kind = node.value.get("$Kind")
    return kind if isinstance(kind, str) else "an object without $Kind"


def _read_type(node: JsonNode, name: str, namespace: str, known: dict[str, str]) -> _Type:
    if not is_name(name):
        node.fail("is not a name")
    node.allow(_TYPE_MEMBERS)
    text = node.required_text(_TABLE)
    table = csdl_joins.parse_table(text)
    if text and table is None:
        node.fail("must be schema.table", _TABLE)
    policy = _read_policy(node)
    properties = read_properties(node, read_keys(node))
    navigation = {
        n: _read_navigation(child, known, properties)
        for n, child in node.members()
        if _kind(child) == "NavigationProperty"
    }
    return _Type(name, namespace, node, table or _NO_TABLE, policy, properties, navigation)


def _read_policy(node: JsonNode) -> Policy:
    declared = [name for name in _POLICIES if node.has(name)]
    if len(declared) != 1:
        node.fail(
            f"exactly one row policy must be declared: {', '.join(_POLICIES)}"
            + (f"; found {len(declared)}" if declared else "")
        )
        return Unscoped()
    match declared[0]:
        case "@Gateway.Account":
            return AccountColumn(_identifier(node, "@Gateway.Account"))
        case "@Gateway.Membership":
            return _read_membership(node.child("@Gateway.Membership"))
        case _:
            if not node.flag("@Gateway.Unscoped"):
                node.fail("can only be true", "@Gateway.Unscoped")
            return Unscoped()


def _read_membership(node: JsonNode) -> Policy:
    if not node.is_object:
        node.fail("must be an object")
        return Unscoped()
    for name in node.value:
        if name not in _MEMBERSHIP_MEMBERS:
            node.fail("is no member of a Membership", name)
    text = node.required_text("Table")
    table = csdl_joins.parse_table(text)
    if text and table is None:
        node.fail("must be schema.table", "Table")
    member, column, account = (_identifier(node, name) for name in _MEMBERSHIP_MEMBERS[1:])
    return Membership(table or _NO_TABLE, member, column, account)


def _identifier(node: JsonNode, member: str) -> str:
    text = node.required_text(member)
    if text and not csdl_joins.is_identifier(text):
        node.fail("is no name Postgres can have", member)
    return text


# --- navigation properties ------------------------------------------------------------------------


def _read_navigation(
    node: JsonNode, known: dict[str, str], properties: dict[str, Property]
) -> _Navigation:
    node.allow(_NAVIGATION_MEMBERS)
    type_name = node.required_text("$Type")
    if type_name and type_name not in known:
        node.fail(f"no entity type is called {type_name}", "$Type")
    collection = node.flag("$Collection")
    if collection and node.has("$Nullable"):
        node.fail("a collection-valued navigation property has no $Nullable", "$Nullable")
    constraint = tuple(
        (dependent, principal) for dependent, principal, _ in node.pairs("$ReferentialConstraint")
    )
    if collection and constraint:
        node.fail("belongs to the single-valued side", "$ReferentialConstraint")
    for dependent, _ in constraint:
        if dependent not in properties:
            node.child("$ReferentialConstraint").fail("is no property of this type", dependent)
    nullable = collection or node.flag("$Nullable")
    return _Navigation(
        node,
        known.get(type_name, ""),
        collection,
        nullable,
        node.text("$Partner"),
        constraint,
        csdl_joins.read_join(node),
    )


def _entity_type(declared: _Type, types: dict[str, _Type]) -> EntityType:
    navigation = {}
    for name, draft in declared.navigation.items():
        if draft.target in types:
            navigation[name] = _resolve(declared, name, draft, types[draft.target])
    properties = declared.properties
    description = read_description(declared.node)
    return EntityType(
        declared.name,
        declared.namespace,
        declared.table,
        declared.policy,
        properties,
        navigation,
        description=description,
    )


def _resolve(owner: _Type, name: str, draft: _Navigation, target: _Type) -> NavigationProperty:
    _check_partner(owner, name, draft, target)
    partner = target.navigation.get(draft.partner or "")
    join = _declared_join(owner, draft, target)
    mirrored = partner and _declared_join(target, partner, owner)
    if join and mirrored and not csdl_joins.same(join, csdl_joins.reverse(mirrored)):
        draft.node.fail(f"joins otherwise than its partner {draft.partner}")
    if not join and mirrored:
        join = csdl_joins.reverse(mirrored)
    if not join:
        draft.node.fail(
            "has no join: give it a $ReferentialConstraint, a @Gateway.Join or a $Partner that has one"
        )
        join = Join(())
    match owner.policy, target.policy:
        case [AccountColumn(source), AccountColumn(other)]:
            join = csdl_joins.with_accounts(join, source, other)
        case _:
            pass
    return NavigationProperty(
        name, draft.target, draft.collection, join, draft.nullable, draft.partner, draft.constraint
    )


def _check_partner(owner: _Type, name: str, draft: _Navigation, target: _Type) -> None:
    if draft.partner is None:
        return
    partner = target.navigation.get(draft.partner)
    if partner is None:
        draft.node.fail(f"{target.name} has no navigation property {draft.partner}", "$Partner")
    elif partner.target != owner.name or partner.partner != name:
        draft.node.fail(
            f"{target.name}/{draft.partner} does not lead back as the partner of {name}", "$Partner"
        )


def _declared_join(owner: _Type, draft: _Navigation, target: _Type) -> Join | None:
    """The join this side states itself, in its annotation or its referential constraint."""
    pairs = []
    for dependent, principal in draft.constraint:
        source, other = owner.properties.get(dependent), target.properties.get(principal)
        if other is None:
            draft.node.child("$ReferentialConstraint").fail(
                f"{target.name} has no property {principal}", dependent
            )
        elif source is not None and source.type is not other.type:
            draft.node.child("$ReferentialConstraint").fail(
                f"{source.type} refers to {other.type}", dependent
            )
        elif source is not None:
            pairs.append((source.column, other.column))
    return draft.own_join or (csdl_joins.join_of_columns(pairs) if draft.constraint else None)


# --- the container --------------------------------------------------------------------------------


def _read_container(
    root: JsonNode, containers: dict[str, JsonNode], name: str, types: dict[str, EntityType]
) -> dict[str, EntitySet]:
    node = containers.get(name)
    if node is None:
        if name:
            root.fail(f"no entity container is called {name}", "$EntityContainer")
        return {}
    for other in {n.path: n for n in containers.values() if n.path != node.path}.values():
        other.fail("a model has one entity container")
    node.allow(("$Kind",))
    declared = {}
    for set_name, child in node.members():
        entity_set = _read_set(set_name, child, types)
        if entity_set is not None:
            declared[set_name] = entity_set
    for set_name, entity_set in declared.items():
        _check_bindings(node.child(set_name), entity_set, declared)
    return declared


def _read_set(name: str, node: JsonNode, types: dict[str, EntityType]) -> EntitySet | None:
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
    return EntitySet(
        name,
        types[type_name],
        {nav: target for nav, target, _ in node.pairs("$NavigationPropertyBinding")},
    )


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
            place.fail(
                f"{target} is a set of {declared[target].entity_type.name}, {name} leads to {navigation[name].target}"
            )


def _check_sets(root: JsonNode, types: dict[str, _Type], entity_sets: dict[str, EntitySet]) -> None:
    if not types:
        root.fail("declares no entity type")
    used = {entity_set.entity_type.name for entity_set in entity_sets.values()}
    for declared in types.values():
        if declared.name not in used and entity_sets:
            declared.node.fail("no entity set holds this type")
