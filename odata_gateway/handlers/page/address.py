"""The URL of a page as a path and options, and the URLs that links of the page lead to.

The options of the page itself are custom query options, which OData clients ignore. The access
token is never among the options, so no link can have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from odata_gateway.errors import ODataError
from odata_gateway.url.options import canonical
from odata_gateway.url.split import split

OWN_OPTIONS = ("view", "pagesize", "facets")
_SAFE = "$'()*,/:;@!~"
_OF_A_PAGE = ("$skiptoken", "view")


class PageOption(NamedTuple):
    """One query option: its name without a spelling of its own, its text as sent, its value."""

    name: str
    raw: str
    value: str


class PageAddress(NamedTuple):
    """A path as sent, and options in their order."""

    path: str
    options: tuple[PageOption, ...] = ()

    def value(self, name: str) -> str:
        """The value of an option; empty without it."""
        return next((option.value for option in self.options if option.name == name), "")

    def changed(self, changes: Mapping[str, str], *, path: str | None = None) -> PageAddress:
        """The address of the first page with other options; an empty value removes one."""
        dropped = {*changes, *_OF_A_PAGE}
        kept = tuple(option for option in self.options if option.name not in dropped)
        added = tuple(_option(name, value) for name, value in changes.items() if value)
        return PageAddress(self.path if path is None else path, kept + added)

    def viewed(self, **changes: str) -> PageAddress:
        """The address of the same rows with other options of the page."""
        kept = tuple(option for option in self.options if option.name not in changes)
        return self._replace(options=kept + tuple(_option(n, v) for n, v in changes.items() if v))

    def of_service(self, **changes: str) -> PageAddress:
        """The address as other programs ask for it, without the options of the page."""
        kept = tuple(option for option in self.options if option.name not in OWN_OPTIONS)
        added = tuple(_option(f"${name}", value) for name, value in changes.items())
        return self._replace(options=kept + added)

    @property
    def target(self) -> str:
        """The text after the service root."""
        query = "&".join(option.raw for option in self.options)
        return f"{self.path}?{query}" if query else self.path

    @property
    def shown(self) -> str:
        """The same without percent-encoding, for people."""
        options = (o.name + (f"={o.value}" if "=" in o.raw else "") for o in self.options)
        query = "&".join(options)
        return unquote(self.path) + (f"?{query}" if query else "")


def page_address(target: str) -> PageAddress:
    """The address of a request target, without access tokens."""
    path, _, query = target.partition("#")[0].partition("?")
    found = []
    for raw in query.split("&"):
        name = unquote(raw.partition("=")[0])
        if raw and name.strip().lower() != "apikey":
            found.append(PageOption(canonical(name) or name, raw, _value(raw)))
    return PageAddress(path, tuple(found))


def crumbs(path: str) -> list[tuple[str, PageAddress]]:
    """The segments of a path, each with the address of the path up to it."""
    segments = path.strip("/").split("/")
    ends = range(1, len(segments) + 1)
    return [(unquote(segments[n - 1]), PageAddress("/".join(segments[:n]))) for n in ends]


def root_prefix(path: str, *, has_slash: bool = True) -> str:
    """The relative URL of the service root from a page, right behind any proxy.

    path       the path of the page after the service root, as sent
    has_slash  whether a slash stands between the service path and it
    """
    return "../" * path.count("/") or "./" if has_slash else "odata/"


def _value(raw: str) -> str:
    """The value of an option as the service reads it; as well as it can be read in a URL that the
    service refuses."""
    try:
        return split(f"?{raw}").options[0].value or ""
    except ODataError:
        return unquote(raw.partition("=")[2])


def _option(name: str, value: str) -> PageOption:
    return PageOption(name, f"{name}={quote(value, safe=_SAFE)}", value)
