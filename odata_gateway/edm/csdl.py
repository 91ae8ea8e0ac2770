"""CSDL JSON 4.01 to `Model`, with every mistake of the document at once.

OData's own format names types, keys, facets, `$Partner` and `$ReferentialConstraint`. What Postgres
needs beyond that are annotations:

    entity type          @Gateway.Table "schema.table", and exactly one row policy:
                         @Gateway.Account "column" | @Gateway.Membership {Table, Member, Column,
                         Account} | @Gateway.Unscoped true
    property             @Gateway.Column (default: the property's name), @Gateway.PgType (default:
                         the type's first column type), @Gateway.Secret, @Gateway.Search ($search
                         looks at this text), @Gateway.RowKey "Place" | "Digest" (the only key of a
                         table without one: where the row is stored, or a digest of its text),
                         @Gateway.Form (see `csdl_values`)
    entity container     @Gateway.Tokens: where the database has access tokens (see `csdl_tokens`)
    navigation property  @Gateway.Join and @Gateway.Links (see `csdl_joins`); else its
                         $ReferentialConstraint, else its partner's join reversed

Core.Description is kept. Annotations of other vocabularies are skipped, as the standard allows.
Functions are read by `csdl_operations`. Anything else of CSDL that the gateway cannot serve
(actions, terms) is a mistake, and never ignored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from odata_gateway.edm.csdl_container import check_sets, read_container
from odata_gateway.edm.csdl_navigation import entity_types_of
from odata_gateway.edm.csdl_operations import OperationTypes, functions_of_name
from odata_gateway.edm.csdl_properties import DeclaredValueType, is_name
from odata_gateway.edm.csdl_tokens import read_tokens
from odata_gateway.edm.csdl_types import DeclaredType, kind_of, read_type, with_bases
from odata_gateway.edm.csdl_values import KINDS, DeclaredElement, ValueTypes
from odata_gateway.edm.functions import ModelFunction
from odata_gateway.edm.json_reader import JsonNode, Mistake, ModelError
from odata_gateway.edm.model import (
    ComplexType,
    EntitySet,
    EntityType,
    EnumType,
    ItemType,
    Model,
    parts_of,
)
from odata_gateway.edm.row_keys import rows_of_type, with_row_keys


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
    _check_head(root)
    schemas = _read_schemas(root)
    types, containers = schemas.types, schemas.containers
    by_name = with_bases({t.name: t for t in types.values()})
    entity_types = with_row_keys(entity_types_of(by_name))
    container = root.required_text("$EntityContainer")
    by_qualified_name = {name: entity_types[t.name] for name, t in types.items()}
    row_types = _row_types(schemas.value_types)
    types_of_operations = OperationTypes({**by_qualified_name, **row_types}, schemas.value_types)
    functions = _read_functions(schemas, types_of_operations)
    found = read_container(root, containers, container, by_qualified_name, functions=functions)
    check_sets(root, by_name, found)
    tokens = read_tokens(containers[container]) if container in containers else None
    if root.mistakes:
        raise ModelError(root.mistakes)
    namespace, _, name = container.rpartition(".")
    holders = (*found.entity_sets.values(), *found.singletons.values())
    return Model(
        namespace,
        name,
        _version(document),
        entity_types,
        found.entity_sets,
        set_of_type=_holders(entity_types, holders),
        tokens=tokens,
        has_items=_has_items((*entity_types.values(), *row_types.values())),
        enum_types={n: t for n, t in schemas.value_types.items() if isinstance(t, EnumType)},
        row_types={t.qualified_name: t for t in row_types.values()},
        functions={f[0].qualified_name: f for f in functions.values()},
        imports=found.imports,
        singletons=found.singletons,
    )


def _holders(types: Mapping[str, EntityType], holders: Sequence[EntitySet]) -> dict[str, EntitySet]:
    """The set or singleton that links name, by type; of a derived type also one of its base."""
    found = {holder.entity_type.name: holder for holder in reversed(holders)}
    for name, entity_type in types.items():
        if name not in found and entity_type.base in found:
            found[name] = found[entity_type.base]
    return found


def _check_head(root: JsonNode) -> None:
    root.allow(("$Version", "$EntityContainer", "$Reference"))
    if root.required_text("$Version") not in ("4.0", "4.01", ""):
        root.fail("must be 4.0 or 4.01", "$Version")


def _has_items(types: Iterable[EntityType]) -> bool:
    """Whether a property is a collection of values, or has one in it."""
    properties = (p for t in types for p in t.properties.values())
    return any(isinstance(part.structure, ItemType) for p in properties for part in parts_of(p))


def _version(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(slots=True)
class DeclaredSchemas:
    """What the schemas of a document declare, each under all of its qualified names: that of the
    namespace, and that of the schema's alias. Types of values by the former.

    functions  arrays of functions, with their names, those of their namespace and themselves
    """

    types: dict[str, DeclaredType] = field(default_factory=dict)
    value_types: dict[str, DeclaredValueType] = field(default_factory=dict)
    containers: dict[str, JsonNode] = field(default_factory=dict)
    functions: list[tuple[tuple[str, ...], str, JsonNode]] = field(default_factory=list)


def _row_types(value_types: Mapping[str, DeclaredValueType]) -> dict[str, EntityType]:
    """Complex types as the types of rows, which functions return."""
    found = ((name, t) for name, t in value_types.items() if isinstance(t, ComplexType))
    return {name: rows_of_type(complex_type) for name, complex_type in found}


def _read_functions(
    schemas: DeclaredSchemas, types: OperationTypes
) -> dict[str, tuple[ModelFunction, ...]]:
    """The functions of each name, under all of its qualified names."""
    found = dict[str, tuple[ModelFunction, ...]]()
    for prefixes, name, node in schemas.functions:
        functions = tuple(functions_of_name(node, name, prefixes[0], types))
        if functions:
            found |= {f"{prefix}.{name}": functions for prefix in prefixes}
    return found


def _read_schemas(root: JsonNode) -> DeclaredSchemas:
    elements = [
        (names, name, node) for names, schema in _schemas(root) for name, node in schema.members()
    ]
    known = {
        f"{prefix}.{name}": name
        for names, name, node in elements
        if kind_of(node) == "EntityType"
        for prefix in names
    }
    value_types = _value_types(elements)
    found = DeclaredSchemas()
    seen: set[str] = set()
    for names, name, node in elements:
        match kind_of(node):
            case "EntityType":
                if name in seen:
                    node.fail("a model cannot have two entity types of one name")
                seen.add(name)
                declared = read_type(node, (names[0], name), known, value_types)
                found.types |= {f"{prefix}.{name}": declared for prefix in names}
            case kind if kind in KINDS:
                pass
            case "EntityContainer":
                found.containers |= {f"{prefix}.{name}": node for prefix in names}
            case _ if isinstance(node.value, list):
                found.functions.append((names, name, node))
            case kind:
                node.fail(
                    f"only types, functions and an entity container are supported, not {kind}"
                )
    found.value_types = value_types.read_all()
    return found


def _value_types(elements: Iterable[tuple[tuple[str, ...], str, JsonNode]]) -> ValueTypes:
    declared = [
        DeclaredElement(kind_of(node), name, tuple(f"{prefix}.{name}" for prefix in names), node)
        for names, name, node in elements
        if kind_of(node) in KINDS
    ]
    return ValueTypes({name: each for each in declared for name in each.names})


def _schemas(root: JsonNode) -> list[tuple[tuple[str, ...], JsonNode]]:
    """Each schema, with its namespace and its alias if it has one."""
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
