"""Models that are derived from a model: with other entity types, with its secrets exposed, without
what the database lacks, or with what the database had before.

Objects of a model refer to each other by identity, so a changed entity type needs new sets too. The
version changes with every difference that can change a statement or $metadata.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter

from odata_gateway.edm.functions import ModelFunction
from odata_gateway.edm.model import (
    ComplexType,
    EntitySet,
    EntityType,
    ItemType,
    Model,
    Withheld,
)
from odata_gateway.edm.row_keys import with_row_keys


def with_types(model: Model, entity_types: Mapping[str, EntityType]) -> Model:
    """The model with these entity types in place of its own. Sets of other types are left out."""
    entity_types = with_row_keys(entity_types)
    sets = {
        s.name: _on(s, entity_types[s.entity_type.name])
        for s in model.entity_sets.values()
        if s.entity_type.name in entity_types
    }
    singletons = {
        s.name: _on(s, entity_types[s.entity_type.name])
        for s in model.singletons.values()
        if s.entity_type.name in entity_types
    }
    holders = sets | singletons
    of_type = {name: holders[s.name] for name, s in model.set_of_type.items() if s.name in holders}
    state = f"{model.version} {list(map(_state, entity_types.values()))}"
    if model.left_out:
        state += f" {sorted(model.left_out)}"
    if model.functions:
        state += f" {list(map(_called, model.functions.values()))}"
    if model.is_sharded:
        state += " sharded"
    digest = hashlib.sha256(state.encode())
    return replace(
        model,
        version=digest.hexdigest()[:12],
        entity_types=entity_types,
        entity_sets=sets,
        singletons=singletons,
        set_of_type=of_type,
    )


def _on(entity_set: EntitySet, entity_type: EntityType) -> EntitySet:
    bindings = {
        name: target
        for name, target in entity_set.bindings.items()
        if name in entity_type.navigation or "/" in name
    }
    return replace(entity_set, entity_type=entity_type, bindings=bindings)


def _state(entity_type: EntityType) -> tuple[object, ...]:
    """What can differ between models of one file."""
    properties = [
        (
            *(p.name, p.type.name, p.nullable, p.column, p.pg_type, p.catalog),
            *(p.secret, p.missing, p.not_null, p.null_key, _parts(p.structure)),
        )
        for p in entity_type.properties.values()
    ]
    return (
        entity_type.name,
        entity_type.table,
        entity_type.policy,
        entity_type.missing,
        sorted(entity_type.indexes),
        None if entity_type.media is None else entity_type.media.column,
        entity_type.words,
        entity_type.computes,
        entity_type.refused,
        entity_type.row_key,
        entity_type.alternate_keys,
        sorted(entity_type.withheld.items(), key=itemgetter(0)),
        properties,
        list(entity_type.navigation),
        *sorted(entity_type.left_out),
    )


def _parts(structure: ComplexType | ItemType | None) -> object:
    """What can differ in the parts of a value."""
    match structure:
        case None:
            return None
        case ItemType(item=item):
            properties = {"": item}
        case ComplexType():
            properties = dict(structure.properties)
    return [
        (name, p.type.name, p.pg_type, p.catalog, _parts(p.structure))
        for name, p in properties.items()
    ]


def _called(functions: tuple[ModelFunction, ...]) -> tuple[object, ...]:
    return functions[0].qualified_name, *(f.form for f in functions)


def with_secrets_exposed(model: Model) -> Model:
    """The model without secret properties: each reads as its column, and clauses may use it."""
    return with_types(model, {name: _exposed(t) for name, t in model.entity_types.items()})


def _exposed(entity_type: EntityType) -> EntityType:
    return replace(
        entity_type,
        properties={name: replace(p, secret=False) for name, p in entity_type.properties.items()},
    )


def keeping_lost_types(model: Model, found: Model, last: Model) -> Model:
    """`found`, in which an entity type that only `last` could serve is as `last` had it. Both were
    made from `model`."""
    lost = {
        name
        for name, t in found.entity_types.items()
        if t.missing and not last.entity_types[name].missing
    }
    if not lost:
        return found
    types = {
        name: last.entity_types[name]
        if name in lost
        else _leading(t, last.entity_types[name], lost)
        for name, t in found.entity_types.items()
    }
    return with_types(model, {name: with_partners(t, types) for name, t in types.items()})


def _leading(entity_type: EntityType, last: EntityType, lost: set[str]) -> EntityType:
    """Navigation to a lost type could not be compared with the database; it stays if `last` had
    it."""
    kept = {
        name: n
        for name, n in entity_type.navigation.items()
        if n.target not in lost or name in last.navigation
    }
    return replace(entity_type, navigation=kept)


def with_partners(entity_type: EntityType, types: Mapping[str, EntityType]) -> EntityType:
    """The type whose navigation properties have no partner where these types lack the partner."""
    navigation = {
        name: item
        if item.partner is None or item.partner in types[item.target].navigation
        else replace(item, partner=None)
        for name, item in entity_type.navigation.items()
    }
    return replace(entity_type, navigation=navigation)


def served_part(model: Model) -> Model:
    """The model without the entity types that cannot be served, their sets, and navigation
    properties to them. Of those whose table is there it remembers why."""
    kept = {name for name, t in model.entity_types.items() if not t.missing and t.refused is None}
    model = _with_functions(model, kept)
    if len(kept) == len(model.entity_types):
        return model
    refused = {n: t.refused for n, t in model.entity_types.items() if t.refused and not t.missing}
    types = {n: _without(t, kept, refused) for n, t in model.entity_types.items() if n in kept}
    sets = {
        s.name: refused[s.entity_type.name]
        for s in (*model.entity_sets.values(), *model.singletons.values())
        if s.entity_type.name in refused
    }
    return replace(with_types(model, types), withheld=sets)


def _with_functions(model: Model, kept: set[str]) -> Model:
    """The model with those of its functions that are about these entity types or about none."""
    if not (model.functions or model.imports):
        return model
    gone = {t.qualified_name for name, t in model.entity_types.items() if name not in kept}
    functions = {
        name: tuple(
            f
            for f in found
            if f.result.type not in gone and (f.bound_to is None or f.bound_to[0] in kept)
        )
        for name, found in model.functions.items()
    }
    left = {f for found in functions.values() for f in found}
    imports = {
        name: replace(each, functions=tuple(f for f in each.functions if f in left))
        for name, each in model.imports.items()
    }
    return replace(
        model,
        functions={name: found for name, found in functions.items() if found},
        imports={name: each for name, each in imports.items() if each.functions},
    )


def _without(
    entity_type: EntityType, kept: set[str], refused: Mapping[str, Withheld]
) -> EntityType:
    navigation = entity_type.navigation.items()
    withheld = {name: refused[n.target] for name, n in navigation if n.target in refused}
    return replace(
        entity_type,
        navigation={name: n for name, n in navigation if n.target in kept},
        withheld={**entity_type.withheld, **withheld},
    )
