"""Time zones by name: which one an answer has, and the names that Postgres knows.

A URL names a zone with the option `timezone`, which next links keep; a header with
`Prefer: timezone=Europe/Berlin`; the setting names that of all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from urllib.parse import unquote_plus

from odata_gateway.compiler.parsed_url import ParsedUrl
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.errors import ODataError, UrlHeader, UrlOption
from odata_gateway.handlers.request import ZONE_OPTION
from odata_gateway.protocol.headers.preferences import Preferences, preferences

_UTC = "UTC"
_NAMES = BoundStatement(
    "SELECT name FROM pg_catalog.pg_timezone_names "
    "WHERE name !~ '^(posix/|right/|localtime|Factory)'"
)


def zone_in_url(url: ParsedUrl) -> str | None:
    """The zone that a URL names."""
    if "timezone" in url.text:
        for option in url.target.options:
            if option.name == ZONE_OPTION:
                return unquote_plus(option.raw.partition("=")[2])
    return None


class ZonesNotRead(Exception):
    """A zone was named before the names of zones have been read."""


class ZoneNames:
    """The names of Postgres's time zones, in the case that Postgres has them in.

    Reading them takes Postgres a tenth of a second, so they are read once, when a zone is first
    asked for.
    """

    def __init__(self, default: str = "") -> None:
        self._default = default
        self._names: Mapping[str, str] | None = None

    async def read(self, database: Database) -> None:
        """Ask the database for them."""
        async with database.session() as session:
            rows = await session.fetch(_NAMES)
        self._names = {name.casefold(): name for (name,) in rows}

    def zone_of(self, url: ParsedUrl, preferred: Preferences) -> str | None:
        """The zone of an answer; None for UTC, whose times end with Z.

        raises  ZonesNotRead; UrlOption and UrlHeader for a name that is none
        """
        wanted = zone_in_url(url)
        if wanted is not None:
            return self._checked(wanted, UrlOption, ZONE_OPTION)
        if preferred.timezone is not None:
            return self._checked(preferred.timezone, UrlHeader, "Prefer")
        return self._checked(self._default, UrlHeader, "Prefer") if self._default else None

    def _checked(self, wanted: str, error: type[ODataError], target: str) -> str | None:
        if wanted.upper() == _UTC:
            return None
        if self._names is None:
            raise ZonesNotRead
        found = self._names.get(wanted.casefold())
        if found is None:
            raise error(
                f"there is no time zone '{wanted[:60]}'", target=target, hint=self._hint(wanted)
            )
        return found

    def _hint(self, wanted: str) -> str:
        assert self._names is not None
        by_place = {key.rpartition("/")[2]: name for key, name in self._names.items()}
        key = wanted.casefold().replace(" ", "_")
        for names in (self._names, by_place):
            near = get_close_matches(key, names, 1, 0.7)
            if near:
                return f"did you mean {names[near[0]]}?"
        return "write it like Europe/Berlin"


async def zone_of_url(url: ParsedUrl, default: str, database: Database | None) -> str | None:
    """The zone of an answer as its URL and the setting say it; without a database, a name that
    nobody has checked.

    raises  UrlOption and UrlHeader for a name that is none
    """
    if database is None:
        wanted = zone_in_url(url) or default
        return None if wanted.upper() in ("", _UTC) else wanted
    zones = ZoneNames(default)
    await zones.read(database)
    return zones.zone_of(url, preferences({}))
