"""The rows that a program connects with, and the query in M that reads them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote

from odata_gateway.edm.model import Model
from odata_gateway.handlers.connections.literals import m_text
from odata_gateway.url.addresses.address import Address

_LEFT_ALONE = "%$'()*,/:;@!~?&=+"
_FEED_OPTIONS = 'Implementation="2.0", OmitValues=ODataOmitValues.Nulls'


class RowsLocation(NamedTuple):
    """Where rows are: the service root, their URL, and their name; empty for the root itself.

    is_set  the URL is that of an entity set, and nothing else
    """

    root: str
    url: str
    name: str
    is_set: bool

    @property
    def query(self) -> str:
        """A query in M, the language of Power Query and Power BI."""
        url = self.root if self.is_set or not self.name else self.url
        feed = f"OData.Feed({m_text(url)}, null, [{_FEED_OPTIONS}])"
        table = f'{{[Name={m_text(self.name)},Signature="table"]}}[Data]'
        return feed + table if self.is_set else feed


def rows_location(root: str, address: Address, model: Model) -> RowsLocation:
    """Where the rows of an address are; `model` says which names are those of sets."""
    target = quote(address.target, safe=_LEFT_ALONE)
    name = unquote(address.path.strip("/").partition("(")[0].rpartition("/")[2])
    is_set = not address.options and unquote(address.path) in model.entity_sets
    return RowsLocation(root, root + target, name, is_set)
