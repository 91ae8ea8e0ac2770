"""What a path has led to so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from odata_gateway.edm.model import EntitySet, Property
from odata_gateway.plan.scope.places import ItemsPlace, ObjectPlace, ValuePlace
from odata_gateway.plan.scope.rows import Row
from odata_gateway.plan.tree.relation import Block, BoundExpr, ParentPath
from odata_gateway.plan.tree.slots import LiteralSlot

PathState = Literal["collection", "entity", "property"]
KeyValues = tuple[tuple[str, BoundExpr], ...]
"""Values of properties of a key, by their names."""


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """What a path has led to so far.

    state       what it is
    row         a row of the entity or collection, with the joins that the predicates ask for
    predicates  what picks one entity of it, or some by $filter segments
    within      the path before it
    optional    the last step was a single-valued navigation property
    prop        the property that a path ends in, or the member of one
    value       what it is; None where it is secret or missing, and reads as null
    pieces      the canonical text of the path, for context URLs: text, or the literal of a
                key
    context     what a context URL says instead
    above       the entity that a function was called for
    is_final    it is the result of a function that is not composable
    is_anonymous  it is a single row of a function, which has no path of its own
    key         the values that the path gives for the key of the entity
    tied        of a collection: what the path before it says of the keys of its entities
    is_partial  of a collection: a segment said a part of a key, and more must follow
    """

    state: PathState
    entity_set: EntitySet
    row: Row
    predicates: tuple[BoundExpr, ...] = ()
    within: ParentPath | None = None
    optional: bool = False
    prop: Property | None = None
    value: ValuePlace | None = None
    pieces: tuple[str | LiteralSlot, ...] = ()
    context: str | None = None
    above: Block | None = None
    is_final: bool = False
    is_anonymous: bool = False
    key: KeyValues = ()
    tied: KeyValues = ()
    is_partial: bool = False

    @property
    def shown(self) -> str:
        """What it is, for errors."""
        return f"an {self.state}" if self.state == "entity" else f"a {self.state}"

    @property
    def shown_value(self) -> str:
        """What the property is, for errors."""
        match self.value:
            case ObjectPlace():
                return "an object"
            case ItemsPlace():
                return "a collection of values"
        return "a primitive property"

    @property
    def block(self) -> Block:
        """Its rows."""
        frame = self.row.frame
        return Block(frame.source, None, self.within, tuple(frame.joins), self.predicates)

    @property
    def parent(self) -> Block | None:
        """The rows of which one must exist for an empty answer to be one."""
        return self.above if self.within is None else self.within.block
