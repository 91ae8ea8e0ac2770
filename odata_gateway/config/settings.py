"""What can be set: one frozen dataclass, each field carrying its variable, its reader and its
documentation.

`load` reads the environment and the command line's flags and reports every mistake at once.
`ODATA_PAGE_ROWS` is also `--page-rows`; a secret is also read from the file that `ODATA_DSN_FILE`
names. The variables of the vendor's Helm chart are fallbacks, so that the gateway can take the
place of the original service in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

PREFIX = "ODATA_"
Network = IPv4Network | IPv6Network
SettingReader = Callable[[str], Any]
Group = Literal["database", "access", "paging", "limits", "http", "operations"]


class SettingsError(Exception):
    """Every mistake of the settings together, one a line."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Setting:
    """What the table of settings says about one field; `group` is its place in docs/settings.md."""

    name: str
    group: Group
    default: str
    doc: str
    read: SettingReader
    secret: bool
    fallbacks: tuple[str, ...]

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


# --- Readers: text to value, ValueError with the expectation --------------------------------------


def _whole(least: int, most: int) -> SettingReader:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _seconds(least: float, most: float) -> SettingReader:
    def read(text: str) -> float:
        expected = f"seconds from {least:g} to {most:g}"
        try:
            value = float(text)
        except ValueError:
            raise ValueError(expected) from None
        if not least <= value <= most:
            raise ValueError(expected)
        return value

    return read


def _one_of(*words: str) -> SettingReader:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError("one of " + ", ".join(word or "(empty)" for word in words))
        return text.lower()

    return read


def _each(read_one: SettingReader) -> SettingReader:
    def read(text: str) -> tuple[Any, ...]:
        return (
            ()
            if text.lower() == "none"
            else tuple(read_one(part.strip()) for part in text.split(",") if part.strip())
        )

    return read


_SWITCH = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCH:
        raise ValueError("true or false")
    return _SWITCH[text.lower()]


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError("addresses or networks such as 10.0.0.0/8, separated by commas") from None


def _dsn(text: str) -> str:
    if text and not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("a URL that begins with postgresql://")
    return text


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (
        parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment
    ):
        raise ValueError("an absolute http or https URL without query")
    return text.rstrip("/")


def _origin(text: str) -> str:
    if text != "*" and "://" not in text:
        raise ValueError("* or origins such as https://dash.example.com, separated by commas")
    return text.rstrip("/")


def _file(text: str) -> Path | None:
    if not text:
        return None
    if not Path(text).is_file():
        raise ValueError("the path of a file that exists")
    return Path(text)


_port = _whole(1, 65535)


def _setting(
    group: Group,
    default: str,
    read: SettingReader,
    doc: str,
    *,
    secret: bool = False,
    fallbacks: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that carries its row of the table."""
    row = {"group": group, "default": default, "read": read, "doc": doc}
    row |= {"secret": secret, "fallbacks": fallbacks}
    return field(default=read(default), repr=not secret, metadata=row)


# --- The table ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its value; the defaults are those of the table. Field `page_rows` is
    ODATA_PAGE_ROWS and --page-rows."""

    dsn: str = _setting(
        "database",
        "",
        _dsn,
        "Postgres to read from, `postgresql://user:password@host:5432/database?sslmode=require`",
        secret=True,
    )
    model: Path | None = _setting(
        "database", "", _file, "CSDL JSON file with the model; empty: the built-in Live Agent model"
    )
    model_check_s: float = _setting(
        "database",
        "60",
        _seconds(0, 86400),
        "time between two checks of the model against the database; 0: only at the start, and"
        " after errors that say that tables have changed",
    )
    pool_max: int = _setting(
        "database",
        "10",
        _whole(1, 1000),
        "maximum number of database connections, of all server processes together",
    )
    pool_wait_s: float = _setting(
        "database", "10", _seconds(0, 600), "maximum wait for a free database connection"
    )
    statement_timeout_s: float = _setting(
        "database", "60", _seconds(0.1, 86400), "maximum run time of one SQL statement"
    )
    pooler: str = _setting(
        "database",
        "auto",
        _one_of("auto", "transaction", "none"),
        "whether a pooler in transaction mode, such as PgBouncer, is between gateway and "
        "Postgres: `transaction`, `none`, or `auto` to detect it",
    )
    sharded: bool = _setting(
        "database",
        "false",
        _switch,
        "send only statements that go to one shard: the tables are distributed by account "
        "with Citus (`sql/live_agent/citus.sql`)",
    )

    admin_roles: tuple[int, ...] = _setting(
        "access",
        "1",
        _each(_whole(0, 2**31 - 1)),
        "values of `account_users.role` that may read, separated by commas",
    )
    rls: bool = _setting(
        "access",
        "false",
        _switch,
        "send the caller's account ids with each query, for the policies of "
        "`sql/live_agent/rls.sql`",
    )
    token_ttl_s: float = _setting(
        "access", "30", _seconds(0, 30), "how long an access token is remembered"
    )
    basic_auth: bool = _setting(
        "access", "true", _switch, "accept HTTP Basic with the access token as password"
    )
    public_metadata: bool = _setting(
        "access", "true", _switch, "answer the service document and `$metadata` without a token"
    )
    expose_secrets: bool = _setting(
        "access", "false", _switch, "show the secret columns instead of null"
    )
    cors_origins: tuple[str, ...] = _setting(
        "access",
        "*",
        _each(_origin),
        "browser origins that may read answers, separated by commas; or `none`",
    )

    page_rows: int = _setting("paging", "10000", _whole(1, 1_000_000), "number of rows of a page")
    max_page_rows: int = _setting(
        "paging",
        "100000",
        _whole(1, 1_000_000),
        "maximum number of rows that a client may ask for with `Prefer: maxpagesize`",
    )

    max_url_bytes: int = _setting(
        "limits", "16384", _whole(256, 1_048_576), "maximum length of a URL"
    )
    max_body_bytes: int = _setting(
        "limits", "1048576", _whole(0, 1_073_741_824), "maximum length of a request body"
    )
    max_depth: int = _setting("limits", "100", _whole(5, 150), "maximum nesting of an expression")
    max_nodes: int = _setting(
        "limits",
        "5000",
        _whole(10, 1_000_000),
        "maximum number of syntax nodes in a request; an alias counts each time it is used",
    )
    max_expand_depth: int = _setting("limits", "8", _whole(1, 20), "maximum nesting of `$expand`")
    max_expands: int = _setting(
        "limits",
        "100",
        _whole(1, 1000),
        "maximum number of expanded navigation properties in a request; `*` counts for all of them",
    )
    max_list_items: int = _setting(
        "limits", "10000", _whole(10, 1_000_000), "maximum number of items in a list, as after `in`"
    )
    max_lambda_depth: int = _setting(
        "limits", "5", _whole(1, 20), "maximum nesting of `any`, `all` and `$count` in expressions"
    )
    max_token_requests: int = _setting(
        "limits",
        "200",
        _whole(1, 100_000),
        "maximum number of requests that run at the same time with one access token",
    )
    max_batch_parts: int = _setting(
        "limits", "1000", _whole(1, 100_000), "maximum number of parts in a batch"
    )

    host: str = _setting("http", "0.0.0.0", str, "address to listen on")
    port: int = _setting("http", "3001", _port, "port to listen on", fallbacks=("PORT",))
    shared_port: bool = _setting(
        "http",
        "false",
        _switch,
        "share the port with other instances (SO_REUSEPORT), for restarts without a gap",
    )
    public_url: str = _setting(
        "http",
        "",
        _public_url,
        "URL under which clients see the gateway; links in answers begin with it",
    )
    protocol: str = _setting(
        "http",
        "",
        _one_of("", "http", "https"),
        "scheme of links if neither the public URL nor a trusted proxy says it",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        "http",
        "127.0.0.0/8,::1/128",
        _each(_network),
        "networks whose `X-Forwarded-*` headers are believed, separated by commas; or `none`",
    )
    read_timeout_s: float = _setting(
        "http", "10", _seconds(0.1, 600), "maximum time that a client may take to send a request"
    )
    send_timeout_s: float = _setting(
        "http",
        "60",
        _seconds(0.1, 3600),
        "maximum time that a client may take to receive a part of an answer",
    )
    keepalive_s: float = _setting(
        "http", "120", _seconds(0, 3600), "how long an idle connection is kept open"
    )

    admin_port: tuple[int, ...] = _setting(
        "operations",
        "",
        _each(_port),
        "further ports, for `/health` and `/metrics` only, separated by commas; the main port"
        " has no metrics",
        fallbacks=("LIVENESS_PORT", "METRICS_PORT"),
    )
    workers: int = _setting("operations", "1", _whole(1, 64), "number of server processes")
    cache_entries: int = _setting(
        "operations",
        "512",
        _whole(1, 1_000_000),
        "maximum number of compiled requests that are kept, with at most 16 MB of SQL",
    )
    grace_s: float = _setting(
        "operations",
        "2",
        _seconds(0, 600),
        "how long requests are still accepted after SIGTERM, until load balancers have noticed",
    )
    drain_s: float = _setting(
        "operations",
        "20",
        _seconds(0, 3600),
        "how long running requests may take to end after SIGTERM",
    )
    log_level: str = _setting(
        "operations",
        "info",
        _one_of("debug", "info", "warning", "error"),
        "least severity that is logged",
    )
    log_format: str = _setting(
        "operations",
        "auto",
        _one_of("auto", "text", "json"),
        "form of the log lines: `text`, `json`, or `auto`: text on a terminal, JSON elsewhere",
    )
    server_timing: bool = _setting(
        "operations",
        "true",
        _switch,
        "send `Server-Timing` to clients that ask for it with a header `X-Server-Timing`",
    )
    tracing: bool = _setting(
        "operations",
        "false",
        _switch,
        "send OpenTelemetry spans, as its variables `OTEL_*` say; needs the extra `otel`",
    )
    slow_query_ms: int = _setting(
        "operations",
        "1000",
        _whole(0, 86_400_000),
        "log a statement with its SQL if it takes longer; 0: never",
    )


def _row(item: Field[Any]) -> Setting:
    return Setting(name=item.name, **item.metadata)


SETTINGS: tuple[Setting, ...] = tuple(_row(item) for item in fields(Settings))
_BY_NAME = {setting.name: setting for setting in SETTINGS}

_SERVICE_LINK_NAME = re.compile(
    r".+_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


# --- Loading --------------------------------------------------------------------------------------


def load(environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Settings:
    """The settings of a process: flags (by field name) before variables, before files, before the
    chart's variables, before defaults.

    raises  SettingsError with all mistakes; a secret's value is never part of one
    """
    given = flags or {}
    mistakes = list(_unknown(environ))
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            source, text = _find(setting, environ, given)
            if text is not None:
                values[setting.name] = _read(setting, source, text)
        except ValueError as error:
            mistakes.append(str(error))
    if not mistakes:
        settings = Settings(**values)
        mistakes += _contradictions(settings)
    if mistakes:
        raise SettingsError(tuple(mistakes))
    return settings


def dsn_of_file(environ: Mapping[str, str]) -> str | None:
    """The DSN as a file says it now, or the chart's with the password of one; None where no file
    has a part in it.

    raises  ValueError when the file cannot be read or has no DSN
    """
    source, text = _find(_BY_NAME["dsn"], environ, {})
    by_file = source.endswith("_FILE") or (
        source == "POSTGRES_HOST" and bool(environ.get("POSTGRES_PASSWORD_FILE"))
    )
    return str(_read(_BY_NAME["dsn"], source, text)) if by_file and text is not None else None


def origins(environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> dict[str, str]:
    """By field name, where `load` finds each setting: a flag, a variable, a file, or the
    default."""
    found = {}
    for setting in SETTINGS:
        source, text = _find(setting, environ, flags or {})
        kind = "flag" if source.startswith("--") else "variable"
        found[setting.name] = "default" if text is None else f"{kind} {source}"
        if text is not None and source.endswith("_FILE"):
            found[setting.name] = f"file {environ[source]}, by {source}"
    return found


def _read(setting: Setting, source: str, text: str) -> Any:
    try:
        return setting.read(text.strip())
    except ValueError as error:
        shown = "" if setting.secret else f", not '{text}'"
        raise ValueError(f"{source} must be {error}{shown}") from None


def _find(
    setting: Setting, environ: Mapping[str, str], flags: Mapping[str, str]
) -> tuple[str, str | None]:
    """Where a setting was given and its text; an empty variable counts as not given."""
    if setting.name in flags:
        return setting.flag, flags[setting.name]
    text = environ.get(setting.variable)
    path = environ.get(setting.variable + "_FILE") if setting.secret else None
    if text and path:
        raise ValueError(f"{setting.variable} and {setting.variable}_FILE are both set")
    if path:
        return setting.variable + "_FILE", _secret_file(setting.variable, path)
    if text and not _SERVICE_LINK_VALUE.match(text):
        return setting.variable, text
    return _fallback(setting, environ)


def _fallback(setting: Setting, environ: Mapping[str, str]) -> tuple[str, str | None]:
    if setting.name == "dsn":
        return "POSTGRES_HOST", _chart_dsn(environ)
    found = [(name, environ[name]) for name in setting.fallbacks if environ.get(name)]
    if not found:
        return setting.variable, None
    return " and ".join(name for name, _ in found), ",".join(text for _, text in found)


def _secret_file(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{variable}_FILE cannot be read: {error.__class__.__name__}") from None


def _chart_dsn(environ: Mapping[str, str]) -> str | None:
    """The DSN that the chart's POSTGRES_* variables spell, or None without POSTGRES_HOST."""
    host = environ.get("POSTGRES_HOST")
    if not host:
        return None
    port, mode = (
        environ.get("POSTGRES_PORT") or "5432",
        (environ.get("POSTGRES_SSL_MODE") or "require").lower(),
    )
    if not port.isdigit():
        raise ValueError(f"POSTGRES_PORT must be a whole number, not '{port}'")
    if mode not in _SSL_MODES:
        raise ValueError(f"POSTGRES_SSL_MODE must be one of {', '.join(_SSL_MODES)}, not '{mode}'")
    path = environ.get("POSTGRES_PASSWORD_FILE")
    password = (
        _secret_file("POSTGRES_PASSWORD", path) if path else environ.get("POSTGRES_PASSWORD") or ""
    )
    user = quote(environ.get("POSTGRES_USERNAME") or "postgres", safe="")
    login = f"{user}:{quote(password, safe='')}" if password else user
    database = quote(environ.get("POSTGRES_DB") or "live_agent_production", safe="")
    address = f"[{host}]" if ":" in host else host
    return f"postgresql://{login}@{address}:{port}/{database}?sslmode={mode}"


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    known = {
        name
        for setting in SETTINGS
        for name in (setting.variable, setting.variable + "_FILE")[: 2 if setting.secret else 1]
    }
    for name in sorted(environ):
        if (
            name.startswith(PREFIX)
            and name not in known
            and not _is_service_link(name, environ[name])
        ):
            near = get_close_matches(name, known, n=1, cutoff=0.6)
            yield f"{name} is unknown" + (f"; did you mean {near[0]}?" if near else "")


def _is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes set this variable: beside a service called odata-x every pod gets
    ODATA_X_PORT and its kin."""
    return bool(_SERVICE_LINK_NAME.fullmatch(name) or _SERVICE_LINK_VALUE.match(value))


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.max_page_rows < settings.page_rows:
        yield f"ODATA_MAX_PAGE_ROWS ({settings.max_page_rows}) must not be less than ODATA_PAGE_ROWS ({settings.page_rows})"
    if settings.workers > settings.pool_max:
        yield (
            f"ODATA_WORKERS ({settings.workers}) must not be more than ODATA_POOL_MAX ({settings.pool_max}): "
            "the server processes share the database connections, and each needs one"
        )
    if settings.sharded and settings.rls:
        yield "ODATA_RLS and ODATA_SHARDED must not both be true: Citus takes no policies with subqueries on distributed tables"
    if settings.tracing and not _is_installed(
        "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"
    ):
        yield "ODATA_TRACING needs more packages: pip install 'odata-gateway[otel]'"
    if not settings.admin_roles:
        yield "ODATA_ADMIN_ROLES must name at least one role"


def _is_installed(*modules: str) -> bool:
    try:
        return all(find_spec(module) is not None for module in modules)
    except ModuleNotFoundError:  # of the package around one
        return False
