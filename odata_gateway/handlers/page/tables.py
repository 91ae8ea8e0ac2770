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
        """Whether a row leads to a page of its own."""
        return any(row.get("@odata.id") for row in self.rows)

    @property
    def has_related(self) -> bool:
        """Whether a row leads to related rows."""
        return any("@odata.navigationLink" in name for row in self.rows for name in row)

    def sorting(self, column: RowColumn) -> str:
        """The direction of a column that orders the rows before all others; else empty."""
        first = self.here.value("$orderby").partition(",")[0].split()
        return _ORDERS.get("".join(first[1:]), "") if first[:1] == [column.name] else ""

    def can_hide(self, column: RowColumn) -> bool:
        """Whether $select can show the other columns only."""
        is_one_of_many = sum(each.type is not None for each in self.columns) > 1
        return isinstance(self.query.projection, EntityProjection) and (
            column.type is not None and is_one_of_many
        )

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
