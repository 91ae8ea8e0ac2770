"""Whether the row policies of a model can be applied in this database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from odata_gateway.db.schema.catalog import Tables, unreadable
from odata_gateway.edm.model import AccountColumn, EntityType, Membership, Policy, Unscoped
from odata_gateway.types.account import ACCOUNT_TYPES


def policy_faults(entity_type: EntityType, tables: Tables) -> Iterator[str]:
    """Why the row policy cannot be applied."""
    match entity_type.policy:
        case AccountColumn(column=column):
            needed = [(entity_type.table, column)]
        case Membership(table=table, member=member, column=column, account=account):
            needed = [(entity_type.table, column), (table, member), (table, account)]
        case Unscoped():
            needed = []
        case _:
            assert_never(entity_type.policy)
    kinds = []
    for table, name in needed:
        reason = unreadable(tables, table, name)
        if reason is None:
            column_type = tables[table].columns[name].type
            kinds.append(ACCOUNT_TYPES.get(column_type))
            if kinds[-1] is None:
                reason = f"its type is {column_type}, not a whole number, a text or a uuid"
        if reason:
            yield f"row policy: {table.schema}.{table.name}.{name}: {reason}"
    if len(kinds) == 3 and kinds[0] is not kinds[1]:
        yield "row policy: it compares columns of two kinds"


def fitted_policy(entity_type: EntityType, tables: Tables) -> Policy:
    """The row policy with the type of its column."""
    match entity_type.policy:
        case AccountColumn(column=column) as policy:
            found = tables[entity_type.table].columns[column].type
            return replace(policy, type=ACCOUNT_TYPES[found])
        case Membership(table=table, account=account) as policy:
            return replace(policy, type=ACCOUNT_TYPES[tables[table].columns[account].type])
        case Unscoped() as policy:
            return policy
        case _:
            assert_never(entity_type.policy)
