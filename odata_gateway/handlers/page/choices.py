"""What a reader can choose for a table: columns, related rows, orders."""

from __future__ import annotations

from typing import Any, NamedTuple

from odata_gateway.handlers.page.address import PageAddress
from odata_gateway.handlers.page.columns import OPERATOR_TITLES, PageColumn
from odata_gateway.plan.tree.projection import EntityProjection
from odata_gateway.plan.tree.query import Query

_ORDERS = {"": "ascending", "asc": "ascending", "desc": "descending"}


class TableChoices(NamedTuple):
    """The choices for the rows of a query."""

    address: PageAddress
    query: Query
    columns: list[PageColumn]

    def shown(self, rows: list[Any]) -> dict[str, Any]:
        """What the template of tables needs."""
        can_open = any(row.get("@odata.id") for row in rows) or self.query.is_made
        return {
            "columns": self.columns,
            "operator_titles": OPERATOR_TITLES,
            "sorting": self.sorting,
            "without": self.without,
            "selectable": self.selectable,
            "selected": [column.name for column in self.columns],
            "expandable": self.expandable,
            "expanded": self.address.value("$expand").replace(" ", "").split(","),
            "has_links": can_open,
            "has_related": any("@odata.navigationLink" in name for row in rows for name in row),
        }

    def sorting(self, column: PageColumn) -> str:
        """The direction of a column that orders the rows before all others; else empty."""
        first = self.address.value("$orderby").partition(",")[0].split()
        return _ORDERS.get("".join(first[1:]), "") if first[:1] == [column.name] else ""

    def without(self, column: PageColumn) -> str:
        """The $select that shows all columns but one; empty where it would show none."""
        if not isinstance(self.query.projection, EntityProjection) or column.type is None:
            return ""
        return ",".join(c.name for c in self.columns if c is not column and c.type is not None)

    @property
    def selectable(self) -> list[str]:
        """The names that a form can choose $select from; none for what only a text can say."""
        is_plain = set(self.address.value("$select")).isdisjoint("/(*")
        if not is_plain or not isinstance(self.query.projection, EntityProjection):
            return []
        made = [column.name for column in self.columns if column.is_made]
        return [*self.query.projection.entity_set.entity_type.properties, *made]

    @property
    def expandable(self) -> list[str]:
        """The names that a form can choose $expand from."""
        is_plain = set(self.address.value("$expand")).isdisjoint("/(*")
        if not is_plain or not isinstance(self.query.projection, EntityProjection):
            return []
        return list(self.query.projection.entity_set.entity_type.navigation)
