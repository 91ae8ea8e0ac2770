"""Where a row leads: to other rows, and to octets."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from odata_gateway.handlers.questions.columns import RowColumn


def navigation_links(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The names of the links of a row, with their URLs relative to the service root."""
    suffix = "@odata.navigationLink"
    return [(n.removesuffix(suffix), url) for n, url in row.items() if n.endswith(suffix)]


def octets_link(row: dict[str, Any], column: RowColumn) -> str | None:
    """Where the octets of a binary value or a stream are; None of others."""
    if column.type is None or column.type.name != "Edm.Binary":
        return row.get(f"{column.name}@odata.mediaReadLink")
    is_there = column.value(row) is not None and "@odata.id" in row
    return f"{row['@odata.id']}/{quote(column.name)}/$value" if is_there else None
