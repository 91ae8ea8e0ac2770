"""The collations that a text may have, as Postgres derives them (its documentation, 24.2)."""

from __future__ import annotations

from collections.abc import Iterable

from odata_gateway.plan.tree.relation import Aggregate, BoundExpr, CaseWhen, Column, Function
from odata_gateway.types.primitive import STRING
from odata_gateway.types.registry import OVERLOADS

Collations = frozenset[tuple[str, bool]]
"""Names of collations other than the database's own, and whether each is deterministic."""

_NONE: Collations = frozenset()


def collations_of(expr: object) -> Collations:
    """The collations of an expression; none where it is no text, or one of the database's own
    collation, which gives way to any other."""
    match expr:
        case Column(type=type_, catalog=catalog) if type_ is STRING and catalog.collation:
            return frozenset({(catalog.collation, catalog.is_deterministic)})
        case Function(args=args, type=type_, id=id_) if type_ is STRING and id_ != "cast":
            return _NONE if need_one(expr) else collations_of_all(args)
        case CaseWhen(branches=branches, type=type_) if type_ is STRING:
            found = collations_of_all(value for _, value in branches)
            return found if len(found) == 1 else _NONE
        case Aggregate(operand=operand, type=type_) if type_ is STRING:
            return collations_of(operand)
    return _NONE


def collations_of_all(exprs: Iterable[object]) -> Collations:
    """Those of some expressions together."""
    return _NONE.union(*map(collations_of, exprs))


def need_one(call: Function) -> bool:
    """Whether the arguments of a function must be given the database's own collation: they have
    several, or one whose equal texts may have different characters, and the function searches for
    characters, or any, and the function must know upper and lower case."""
    found: Iterable[BoundExpr] = call.args
    collations = collations_of_all(found)
    if len(collations) > 1:
        return True
    overload = OVERLOADS.get(call.id)
    if overload is not None and overload.pairs_cases:
        return bool(collations)
    searches = call.id == "cast" or (overload is not None and overload.searches)
    return searches and not all(is_deterministic for _, is_deterministic in collations)
