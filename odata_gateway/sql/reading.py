"""The statement that reads all of a table that a caller may see, and nothing of a request."""

from __future__ import annotations

from odata_gateway.edm.model import EntityType
from odata_gateway.plan.tree.relation import Block, Source
from odata_gateway.sql.fragment import Statement, build, finish, join, qualified
from odata_gateway.sql.relation import Relations


def whole_rows(entity_type: EntityType, *, many_accounts: bool) -> Statement:
    """One row with one number, for which each column of each row is computed."""
    source = Source(0, entity_type)
    shown = (p for p in entity_type.properties.values() if not (p.secret or p.missing))
    columns = join(", ", (qualified(source.number, p.column) for p in shown))
    count = build("sum(num_nulls({0}))", columns)
    return finish(Relations(many_accounts=many_accounts).select(count, Block(source)))
