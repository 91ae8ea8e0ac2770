"""The database's URL: from the variables of the vendor's chart, and without its secrets.

Of a URL only what is known to be harmless is shown: a password may be before the host, among the
parameters, or, where it was not percent-encoded, anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from odata_gateway.config.readers import secret_in_file

MASK = "***"
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_HARMLESS = frozenset(
    (
        *("application_name", "connect_timeout", "database", "dbname", "host", "port", "user"),
        *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval"),
        *("passfile", "service", "servicefile", "target_session_attrs", "tcp_user_timeout"),
        *("sslcert", "sslcrl", "sslkey", "sslmode", "sslrootcert"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version"),
    )
)
"""Parameters of a database's URL whose values may be shown."""

_COMPLETING = {
    "PGPASSWORD": "the password is that of PGPASSWORD",
    "PGPASSFILE": "the password is looked up in the file that PGPASSFILE names",
    "PGSERVICE": "PGSERVICE names a service that has more parameters",
    "PGSERVICEFILE": "services are looked up in the file that PGSERVICEFILE names",
}
"""Postgres's own variables that complete a URL; their values are not shown."""


def chart_dsn(environ: Mapping[str, str]) -> str | None:
    """The DSN that the chart's POSTGRES_* variables describe, or None without POSTGRES_HOST.

    raises  ValueError for a port or an SSL mode that does not exist, or a password file that cannot
            be read
    """
    host = environ.get("POSTGRES_HOST")
    if not host:
        return None
    port = environ.get("POSTGRES_PORT") or "5432"
    mode = (environ.get("POSTGRES_SSL_MODE") or "require").lower()
    if not port.isdigit():
        raise ValueError(f"POSTGRES_PORT must be a whole number, not '{port}'")
    if mode not in _SSL_MODES:
        raise ValueError(f"POSTGRES_SSL_MODE must be one of {', '.join(_SSL_MODES)}, not '{mode}'")
    database = quote(environ.get("POSTGRES_DB") or "live_agent_production", safe="")
    address = f"[{host}]" if ":" in host else host
    return f"postgresql://{_chart_login(environ)}@{address}:{port}/{database}?sslmode={mode}"


def _chart_login(environ: Mapping[str, str]) -> str:
    user = quote(environ.get("POSTGRES_USERNAME") or "postgres", safe="")
    path = environ.get("POSTGRES_PASSWORD_FILE")
    if path:
        password = secret_in_file("POSTGRES_PASSWORD", path)
    else:
        password = environ.get("POSTGRES_PASSWORD") or ""
    return f"{user}:{quote(password, safe='')}" if password else user


def masked_dsn(dsn: str) -> str:
    """A database's URL without its secrets; all of it is masked where it is not clear what is
    secret."""
    scheme, separator, rest = dsn.partition("://")
    if not separator:
        return MASK if dsn else ""
    address, question_mark, query = rest.partition("?")
    login, at, place = address.rpartition("@")
    parameters = query.split("&") if question_mark else []
    if any("=" not in part and part for part in parameters) or not (at or _has_plain_ports(place)):
        return f"{scheme}://{MASK}"
    user, colon, _ = login.partition(":")
    shown_login = f"{user}{':' + MASK if colon else ''}{at}"
    shown_query = "&".join(_masked_parameter(part) for part in parameters)
    return f"{scheme}://{shown_login}{place}{question_mark}{shown_query}"


def _has_plain_ports(place: str) -> bool:
    """Whether what follows each colon is a port. Otherwise it may be the password of a login, with
    an @ that was not percent-encoded."""
    hosts = place.partition("/")[0].split(",")
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts]
    return all(not port or port.isdigit() for port in ports)


def _masked_parameter(part: str) -> str:
    name, equals, _ = part.partition("=")
    return part if name in _HARMLESS else f"{name}{equals}{MASK}"


def completing_notes(dsn: str, environ: Mapping[str, str], home: Path) -> Iterator[str]:
    """Where the rest of a DSN without a password comes from: Postgres's own variables, and the
    user's password file. One sentence each."""
    login = dsn.partition("://")[2].partition("?")[0].rpartition("@")[0]
    if not dsn or ":" in login or "password=" in dsn:
        return
    yield from (note for name, note in _COMPLETING.items() if environ.get(name))
    has_password = environ.get("PGPASSWORD") or environ.get("PGPASSFILE")
    if not has_password and (home / ".pgpass").is_file():
        yield "the password is looked up in ~/.pgpass"
