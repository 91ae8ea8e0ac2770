"""What the template of a table needs besides the rows: their columns, orders, and what can be
chosen."""

from __future__ import annotations

from typing import Any, NamedTuple

from odata_gateway.handlers.questions.columns import RowColumn
from odata_gateway.plan.tree.projection import EntityProjection
from odata_gateway.plan.tree.query import Query
from odata_gateway.url.addresses.address import Address

_ORDERS = {"": "ascending", "asc": "ascending", "desc": "descending"}


class PageTable(NamedTuple):
    """The table of the rows of a query."""

    here: Address
    query: Query
    columns: list[RowColumn]
    rows: list[Any]

    @property
    def has_links(self) -> bool:
        """Whether a row leads to a page of its own, or to the rows of its group."""
        return self.query.is_made or any(row.get("@odata.id") for row in self.rows)

    @property
    def has_related(self) -> bool:
        """Whether a row leads to related rows."""
        return any("@odata.navigationLink" in name for row in self.rows for name in row)

    def sorting(self, column: RowColumn) -> str:
        """The direction of a column that orders the rows before all others; else empty."""
        first = self.here.value("$orderby").partition(",")[0].split()
        return _ORDERS.get("".join(first[1:]), "") if first[:1] == [column.name] else ""

    def without(self, column: RowColumn) -> str:
        """The $select that shows all columns but one; empty where it would show none."""
        if not isinstance(self.query.projection, EntityProjection) or column.type is None:
            return ""
        return ",".join(c.name for c in self.columns if c is not column and c.type is not None)

    @property
    def selectable(self) -> list[str]:
        """The names that a form can choose $select from; none for what only a text can say."""
        projection = self._chosen("$select")
        made = [column.name for column in self.columns if column.is_made]
        return [*projection.entity_set.entity_type.properties, *made] if projection else []

    @property
    def expandable(self) -> list[str]:
        """The names that a form can choose $expand from."""
        projection = self._chosen("$expand")
        return list(projection.entity_set.entity_type.navigation) if projection else []

    def _chosen(self, option: str) -> EntityProjection | None:
        is_plain = set(self.here.value(option)).isdisjoint("/(*")
        projection = self.query.projection
        return projection if is_plain and isinstance(projection, EntityProjection) else None

    def is_shown(self, name: str) -> bool:
        """Whether a property or a navigation property has a column."""
        return any(column.name == name for column in self.columns)
