"""The settings in force, for people: what each is and where it came from, with everything secret
masked.

Of a database's URL only what is known to be harmless is shown: a password may stand before the
host, among the parameters, or, where it was not percent-encoded, where anything else is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from odata_gateway.config.settings import SETTINGS, Settings

MASK = "***"
_HARMLESS = frozenset(
    (
        "application_name",
        "connect_timeout",
        "database",
        "dbname",
        "host",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "passfile",
        "port",
        "service",
        "servicefile",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "target_session_attrs",
        "tcp_user_timeout",
        "user",
    )
)
"""Parameters of a database's URL whose values may be shown."""

_BESIDE = {
    "PGPASSWORD": "the password is that of PGPASSWORD",
    "PGPASSFILE": "the password is looked for in the file that PGPASSFILE names",
    "PGSERVICE": "more comes from the service that PGSERVICE names",
    "PGSERVICEFILE": "services are looked for in the file that PGSERVICEFILE names",
}
"""Variables of Postgres's own that complete a URL; their values are not shown."""


def lines(
    settings: Settings, origins: Mapping[str, str], environ: Mapping[str, str], home: Path
) -> Iterator[str]:
    """One line a setting: the variable, its value, and its origin; under the DSN, what completes
    it."""
    width = max(len(setting.variable) for setting in SETTINGS)
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        text = (
            (masked_dsn(value) if setting.name == "dsn" else MASK if value else "")
            if setting.secret
            else masked_value(value)
        )
        yield f"{setting.variable:{width}} = {text}  ({origins[setting.name]})"
        if setting.name == "dsn":
            yield from (f"{'':{width}}   {note}" for note in beside_dsn(value, environ, home))


def masked_value(value: Any) -> str:
    """A setting's value as the variable would say it."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case tuple():
            return ",".join(map(masked_value, value)) or "none"
        case None:
            return ""
        case _:
            return str(value)


def masked_dsn(dsn: str) -> str:
    """A database's URL without its secrets; all of it masked where it is not plain what is
    secret."""
    scheme, separator, rest = dsn.partition("://")
    if not separator:
        return MASK if dsn else ""
    address, question_mark, query = rest.partition("?")
    login, at, place = address.rpartition("@")
    parts = query.split("&") if question_mark else []
    if any("=" not in part and part for part in parts) or not (at or _has_plain_ports(place)):
        return f"{scheme}://{MASK}"
    user, colon, _ = login.partition(":")
    shown_login = f"{user}{':' + MASK if colon else ''}{at}"
    shown_query = "&".join(_masked_parameter(part) for part in parts)
    return f"{scheme}://{shown_login}{place}{question_mark}{shown_query}"


def _has_plain_ports(place: str) -> bool:
    """Whether what follows a colon are ports, and not the password of a login whose @ came to stand
    elsewhere."""
    hosts = place.partition("/")[0].split(",")
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts]
    return all(not port or port.isdigit() for port in ports)


def _masked_parameter(part: str) -> str:
    name, equals, _ = part.partition("=")
    return part if name in _HARMLESS else f"{name}{equals}{MASK}"


def beside_dsn(dsn: str, environ: Mapping[str, str], home: Path) -> Iterator[str]:
    """What completes a DSN from elsewhere: Postgres's own variables, and the password file of the
    user."""
    login = dsn.partition("://")[2].partition("?")[0].rpartition("@")[0]
    if not dsn or ":" in login or "password=" in dsn:
        return
    yield from (note for name, note in _BESIDE.items() if environ.get(name))
    if (
        not (environ.get("PGPASSWORD") or environ.get("PGPASSFILE"))
        and (home / ".pgpass").is_file()
    ):
        yield "the password is looked for in ~/.pgpass"
