"""Which account the rows of a block are of, and whether each account's are to be had on its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass

from odata_gateway.plan.tree.columns import account_column
from odata_gateway.plan.tree.relation import (
    Block,
    BoundExpr,
    Column,
    Compare,
    Derived,
    InSubquery,
    Link,
    ParentPath,
    Selection,
    Source,
)
from odata_gateway.sql.accounts.partial_selections import is_apart


def found_from(
    link: Link | None, key: Iterable[BoundExpr], known: Mapping[int, tuple[Source, bool]]
) -> Source | None:
    """What the rows of a source are found from: the row that a link is of, or what the statement
    made and has their key.

    known  the sources by their number
    """
    if link is not None:
        return link.parent
    for term in key:
        match term:
            case InSubquery(derived=derived):
                return derived.selections[0].block.source
            case Compare(op="eq", left=Column(), right=Column(source=number)):
                source, _ = known.get(number, (None, False))
                if source is not None and source.derived is not None:
                    return source
    return None


def pivot(block: Block) -> int | None:
    """The source that brings the account in: that of the rows, or, if these have none, that of the
    nearest parent in their path that has one. A parent is found by its key, so it is in the shard
    of one account only."""
    if account_column(block.source) is not None:
        return block.source.number
    within: ParentPath | None = block.within
    while within is not None and account_column(within.source) is None:
        within = within.outer
    return None if within is None else within.source.number


def pivots(block: Block) -> frozenset[int]:
    """The sources that bring the account in: that of the block, or those of what its rows are made
    of; none where some of these have no account."""
    if block.source.derived is not None:
        return pivots_of(block.source.derived)
    found = pivot(block)
    return frozenset() if found is None else frozenset({found})


def pivots_of(derived: Derived) -> frozenset[int]:
    """The sources that bring the account in, for all selections; none where one has none."""
    found = [pivots(selection.block) for selection in derived.selections]
    return frozenset[int]().union(*found) if all(found) else frozenset()


def are_apart(derived: Derived) -> bool:
    """Whether the rows are, together, those that are made for each account on its own."""
    return all(is_apart(each) and _is_made_apart(each) for each in derived.selections)


def _is_made_apart(selection: Selection) -> bool:
    inner = selection.block.source.derived
    return inner is None or are_apart(inner)


def is_correlated(derived: Derived) -> bool:
    """Whether the rows are made for a row of another block, which they are related to."""
    found = _Sources()
    found.add(derived)
    return not found.named <= found.own


@dataclass(frozen=True, slots=True)
class _Sources:
    """The numbers of sources in a part of a tree: its `own`, and those that its columns and links
    are of."""

    own: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)

    def add(self, node: object) -> None:
        match node:
            case Column(source=number):
                self.named.add(number)
            case Link(parent=parent):
                self.named.add(parent.number)
            case tuple():
                for each in node:
                    self.add(each)
            case _ if type(node).__module__.startswith(_TREE) and is_dataclass(node):
                if isinstance(node, Source):
                    self.own.add(node.number)
                for each in fields(node):
                    self.add(getattr(node, each.name))


_TREE = Source.__module__.rpartition(".")[0]
