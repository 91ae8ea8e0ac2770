"""The path and the options of a request target, and the targets that are made by changing them.

The access token is never among the options, so no link can have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from odata_gateway.errors import ODataError
from odata_gateway.url.options import canonical
from odata_gateway.url.split import split

SAFE = "$'()*,/:;@!~"
"""What stands for itself in the value of an option."""


class AddressOption(NamedTuple):
    """One query option: its name without a spelling of its own, its text as sent, its value."""

    name: str
    raw: str
    value: str


class Address(NamedTuple):
    """A path as sent, and options in their order."""

    path: str
    options: tuple[AddressOption, ...] = ()

    def value(self, name: str) -> str:
        """The value of an option; empty without it."""
        return next((option.value for option in self.options if option.name == name), "")

    def without(self, *names: str) -> Address:
        """The address without some options."""
        return self._replace(options=tuple(o for o in self.options if o.name not in names))

    def viewed(self, **changes: str) -> Address:
        """The address of the same page of rows with other options; an empty value removes one."""
        added = tuple(_option(name, value) for name, value in changes.items() if value)
        return self._replace(options=self.without(*changes).options + added)

    def changed(self, changes: Mapping[str, str]) -> Address:
        """The same, but of the first page: a token of the page would be refused with them."""
        return self.without("$skiptoken").viewed(**changes)

    @property
    def target(self) -> str:
        """The text after the service root."""
        query = "&".join(option.raw for option in self.options)
        return f"{self.path}?{query}" if query else self.path


def address_of(target: str) -> Address:
    """The address of a request target, or of a URL, without access tokens."""
    path, _, query = target.partition("#")[0].partition("?")
    found = []
    for raw in query.split("&"):
        name = unquote(raw.partition("=")[0])
        if raw and name.strip().lower() != "apikey":
            found.append(AddressOption(canonical(name) or name, raw, _value(raw)))
    return Address(path, tuple(found))


def crumbs(path: str) -> list[tuple[str, Address]]:
    """The segments of a path, each with the address of the path up to it."""
    segments = path.strip("/").split("/")
    ends = range(1, len(segments) + 1)
    return [(unquote(segments[n - 1]), Address("/".join(segments[:n]))) for n in ends]


def _value(raw: str) -> str:
    """The value of an option as the service reads it; as well as it can be read in a URL that the
    service refuses."""
    try:
        return split(f"?{raw}").options[0].value or ""
    except ODataError:
        return unquote(raw.partition("=")[2])


def _option(name: str, value: str) -> AddressOption:
    return AddressOption(name, f"{name}={quote(value, safe=SAFE)}", value)
