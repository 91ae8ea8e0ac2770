"""The address of a page, without and with the options that only the page reads.

These are custom query options, which OData clients ignore.
"""

from __future__ import annotations

from typing import NamedTuple

from odata_gateway.url.addresses.address import Address, address_of

PAGE_SIZES = (20, 50, 200, 1000)
_PAGE_ROWS = 50


class PageView(NamedTuple):
    """What a page shows.

    name  of the tab, such as `json`; empty for the rows
    here  its address without the tab
    """

    name: str
    here: Address

    @property
    def asked(self) -> Address:
        """The address as other programs ask for it."""
        return self.here.without("pagesize", "facets")

    @property
    def rows(self) -> int:
        """Rows of a page."""
        text = self.here.value("pagesize")
        is_number = text.isascii() and text.isdigit() and text.strip("0")
        return min(int(text[:9]), PAGE_SIZES[-1]) if is_number else _PAGE_ROWS


def page_view(target: str) -> PageView:
    """The view that a request target names."""
    address = address_of(target)
    return PageView(address.value("view"), address.without("view"))


def root_prefix(path: str) -> str:
    """The relative URL of the service root from a page, right behind any proxy; `path` is that of
    the page after the service root, as sent."""
    return "../" * path.count("/") or "./"
