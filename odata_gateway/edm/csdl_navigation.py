"""Entity types of the model: their navigation properties lead to each other, with partners and
joins."""

from __future__ import annotations

from collections.abc import Iterator

from odata_gateway.edm import csdl_joins
from odata_gateway.edm.csdl_properties import read_annotations, read_description
from odata_gateway.edm.csdl_types import DeclaredNavigation, DeclaredType
from odata_gateway.edm.model import (
    AccountColumn,
    Discriminator,
    EntityType,
    Join,
    NavigationProperty,
    Unscoped,
)


def entity_types_of(types: dict[str, DeclaredType]) -> dict[str, EntityType]:
    """The entity types, of which bases come before the types that are derived from them."""
    found: dict[str, EntityType] = {}
    for name, declared in types.items():
        found[name] = _entity_type_of(declared, types, found.get(declared.base or ""))
    return found


def _entity_type_of(
    declared: DeclaredType, types: dict[str, DeclaredType], base: EntityType | None
) -> EntityType:
    """The entity type; what leads to a type that does not exist is left out, and is a mistake
    already."""
    is_scoped = not isinstance(declared.policy, Unscoped)
    if is_scoped and any(p.function for p in declared.properties.values()):
        declared.node.fail("a function computes a property, which needs @Gateway.Unscoped")
    navigation = {} if base is None else dict(base.navigation)
    for name, draft in declared.navigation.items():
        if draft.target in types and name not in navigation:
            navigation[name] = _resolved(declared, name, draft, types[draft.target])
    return EntityType(
        declared.name,
        declared.namespace,
        declared.table,
        declared.policy,
        declared.properties,
        navigation,
        description=read_description(declared.node),
        annotations=read_annotations(declared.node),
        vouched=declared.vouched,
        alternate_keys=declared.alternate_keys,
        media=declared.media,
        base=declared.base,
        abstract=declared.abstract,
        derived=tuple(each.name for each in _derived_of(declared, types)),
        discriminator=_discriminator(declared, types),
        words=declared.words,
    )


def _derived_of(declared: DeclaredType, types: dict[str, DeclaredType]) -> Iterator[DeclaredType]:
    """All types that are derived from a type, also over others."""
    for each in types.values():
        if each.base == declared.name:
            yield each
            yield from _derived_of(each, types)


def _discriminator(declared: DeclaredType, types: dict[str, DeclaredType]) -> Discriminator | None:
    if declared.column is None:
        return None
    kinds = (declared, *_derived_of(declared, types))
    values = tuple(each.value for each in kinds if each.value is not None)
    if len(set(values)) < len(values):
        declared.node.fail("two types have the same @Gateway.DiscriminatorValue")
    return Discriminator(declared.column, declared.value, None if declared.base is None else values)


def _resolved(
    owner: DeclaredType, name: str, draft: DeclaredNavigation, target: DeclaredType
) -> NavigationProperty:
    _check_partner(owner, name, draft, target)
    join = _join(owner, draft, target)
    match owner.policy, target.policy:
        case [AccountColumn(source), AccountColumn(other)]:
            join = csdl_joins.with_accounts(join, source, other)
        case _:
            pass
    return NavigationProperty(
        name, draft.target, draft.collection, join, draft.nullable, draft.partner, draft.constraint
    )


def _check_partner(
    owner: DeclaredType, name: str, draft: DeclaredNavigation, target: DeclaredType
) -> None:
    if draft.partner is None:
        return
    partner = target.navigation.get(draft.partner)
    if partner is None:
        draft.node.fail(f"{target.name} has no navigation property {draft.partner}", "$Partner")
    elif partner.target != owner.name or partner.partner != name:
        draft.node.fail(
            f"{target.name}/{draft.partner} does not lead back as the partner of {name}", "$Partner"
        )


def _join(owner: DeclaredType, draft: DeclaredNavigation, target: DeclaredType) -> Join:
    """The join that this side declares, or its partner's, reversed; both must be the same."""
    partner = target.navigation.get(draft.partner or "")
    join = _declared_join(owner, draft, target)
    mirrored = partner and _declared_join(target, partner, owner)
    if join and mirrored and not csdl_joins.is_same(join, csdl_joins.mirrored(mirrored)):
        draft.node.fail(f"its join differs from that of its partner {draft.partner}")
    if join:
        return join
    if mirrored:
        return csdl_joins.mirrored(mirrored)
    draft.node.fail(
        "has no join: give it a $ReferentialConstraint, a @Gateway.Join or a $Partner that has one"
    )
    return Join(())


def _declared_join(
    owner: DeclaredType, draft: DeclaredNavigation, target: DeclaredType
) -> Join | None:
    """The join that this side declares itself, in its annotation or its referential constraint."""
    pairs = []
    for dependent, principal in draft.constraint:
        source, other = owner.properties.get(dependent), target.properties.get(principal)
        if other is None:
            draft.node.child("$ReferentialConstraint").fail(
                f"{target.name} has no property {principal}", dependent
            )
        elif source is None and owner.base is not None:
            draft.node.child("$ReferentialConstraint").fail(
                "this type has no such property", dependent
            )
        elif source is not None and source.type is not other.type:
            draft.node.child("$ReferentialConstraint").fail(
                f"{source.type} refers to {other.type}", dependent
            )
        elif source is not None:
            pairs.append((source.column, other.column))
    return draft.own_join or (csdl_joins.join_of_columns(pairs) if draft.constraint else None)
