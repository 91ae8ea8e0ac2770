"""Where settings come from: flags, variables, files of secrets, the variables of the vendor's
chart, and defaults. The first of these that has a setting wins.

`ODATA_PAGE_ROWS` is also the flag `--page-rows`. A secret is also read from a file: the variable
`ODATA_DSN_FILE` names it. The chart's variables let the gateway replace the original service in the
vendor's Helm chart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any, NamedTuple

from odata_gateway.config.dsn import chart_dsn
from odata_gateway.config.readers import secret_in_file
from odata_gateway.config.setting import PREFIX, Setting, SettingsError
from odata_gateway.config.settings import SETTINGS, Settings

_BY_NAME = {setting.name: setting for setting in SETTINGS}
_SERVICE_LINK_NAME = re.compile(
    r".+_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")


class FoundText(NamedTuple):
    """The text of a setting, None where it is given nowhere, and the name of its flag or
    variable."""

    source: str
    text: str | None


def load(environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Settings:
    """The settings of a process; `flags` are by field name.

    raises  SettingsError with all mistakes, none of which contains the value of a secret
    """
    mistakes = list(_unknown(environ))
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            found = _find(setting, environ, flags or {})
            if found.text is not None:
                values[setting.name] = _value(setting, found.source, found.text)
        except ValueError as error:
            mistakes.append(str(error))
    if not mistakes:
        settings = Settings(**values)
        mistakes += _contradictions(settings)
    if mistakes:
        raise SettingsError(tuple(mistakes))
    return settings


def flags_of(options: Mapping[str, Any]) -> dict[str, str]:
    """The settings among the parsed options of a command line, by field name."""
    return {name: text for name, text in options.items() if name in _BY_NAME}


def require_dsn(settings: Settings) -> None:
    """raises  SettingsError where no database is named"""
    if not settings.dsn:
        mistake = (
            "ODATA_DSN is missing; set it to postgresql://user:password@host:5432/database, "
            "or set POSTGRES_HOST and the variables that belong to it"
        )
        raise SettingsError((mistake,))


def dsn_of_file(environ: Mapping[str, str]) -> str | None:
    """The DSN that a file has now, or the chart's DSN with a password from a file; None where the
    DSN does not come from a file.

    raises  ValueError when the file cannot be read or has no DSN
    """
    source, text = _find(_BY_NAME["dsn"], environ, {})
    is_chart = source == "POSTGRES_HOST"
    has_file = environ.get("POSTGRES_PASSWORD_FILE") if is_chart else source.endswith("_FILE")
    return str(_value(_BY_NAME["dsn"], source, text)) if has_file and text is not None else None


def origins(environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> dict[str, str]:
    """Where `load` finds each setting, by field name: "flag --port", "variable ODATA_PORT", "file
    PATH, by ODATA_DSN_FILE" or "default"."""
    return {
        setting.name: _origin(_find(setting, environ, flags or {}), environ) for setting in SETTINGS
    }


def _origin(found: FoundText, environ: Mapping[str, str]) -> str:
    if found.text is None:
        return "default"
    if found.source.endswith("_FILE"):
        return f"file {environ[found.source]}, by {found.source}"
    return f"flag {found.source}" if found.source.startswith("--") else f"variable {found.source}"


def _value(setting: Setting, source: str, text: str) -> Any:
    try:
        return setting.read(text.strip())
    except ValueError as error:
        shown = "" if setting.secret else f", not '{text}'"
        raise ValueError(f"{source} must be {error}{shown}") from None


def _find(setting: Setting, environ: Mapping[str, str], flags: Mapping[str, str]) -> FoundText:
    """Where a setting is given, and its text. An empty variable counts as not given."""
    if setting.name in flags:
        return FoundText(setting.flag, flags[setting.name])
    text = environ.get(setting.variable)
    path = environ.get(setting.variable + "_FILE") if setting.secret else None
    if text and path:
        raise ValueError(
            f"{setting.variable} and {setting.variable}_FILE are both set; unset one of them"
        )
    if path:
        return FoundText(setting.variable + "_FILE", secret_in_file(setting.variable, path))
    if text and not _SERVICE_LINK_VALUE.match(text):
        return FoundText(setting.variable, text)
    return _fallback(setting, environ)


def _fallback(setting: Setting, environ: Mapping[str, str]) -> FoundText:
    """The chart's variables for a setting; several make a list."""
    if setting.name == "dsn":
        return FoundText("POSTGRES_HOST", chart_dsn(environ))
    found = [(name, environ[name]) for name in setting.fallbacks if environ.get(name)]
    if not found:
        return FoundText(setting.variable, None)
    return FoundText(" and ".join(name for name, _ in found), ",".join(text for _, text in found))


# --- Mistakes -------------------------------------------------------------------------------------


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    """Variables that begin with ODATA_ and are not settings."""
    known = {setting.variable for setting in SETTINGS}
    known |= {setting.variable + "_FILE" for setting in SETTINGS if setting.secret}
    for name in sorted(environ):
        is_ours = name.startswith(PREFIX) and not _is_service_link(name, environ[name])
        if is_ours and name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.6)
            yield f"{name} is unknown" + (f"; did you mean {near[0]}?" if near else "")


def _is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes set this variable. Every pod beside a service called odata-x gets
    ODATA_X_PORT, ODATA_X_SERVICE_HOST and others."""
    return bool(_SERVICE_LINK_NAME.fullmatch(name) or _SERVICE_LINK_VALUE.match(value))


def _contradictions(settings: Settings) -> Iterator[str]:
    """What is wrong with settings of which each alone is right."""
    if settings.max_page_rows < settings.page_rows:
        yield (
            f"ODATA_MAX_PAGE_ROWS ({settings.max_page_rows}) must not be less than "
            f"ODATA_PAGE_ROWS ({settings.page_rows})"
        )
    if settings.workers > settings.pool_max:
        yield (
            f"ODATA_WORKERS ({settings.workers}) must not be more than ODATA_POOL_MAX "
            f"({settings.pool_max}): the server processes share the database connections, and each "
            "needs one"
        )
    if settings.sharded == "true" and settings.rls:
        yield (
            "ODATA_RLS and ODATA_SHARDED must not both be true: Citus does not allow policies with "
            "subqueries on distributed tables"
        )
    if settings.tracing and not _is_installed(
        "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"
    ):
        yield (
            "ODATA_TRACING needs more packages; install them with: pip install "
            "'odata-gateway[otel]'"
        )
    yield from _jwt_contradictions(settings)
    if not settings.admin_roles:
        yield "ODATA_ADMIN_ROLES must name at least one role"


def _jwt_contradictions(settings: Settings) -> Iterator[str]:
    issuer, jwks = settings.jwt_issuer, settings.jwt_jwks
    is_url = issuer.startswith(("https://", "http://"))
    if not (settings.jwt_secret or jwks or issuer):
        return
    if not _is_installed("jwt", "cryptography"):
        yield (
            "ODATA_JWT_SECRET, ODATA_JWT_JWKS and ODATA_JWT_ISSUER need more packages; install"
            " them with: pip install 'odata-gateway[jwt]'"
        )
    if issuer and not is_url and not settings.jwt_secret and not jwks:
        yield (
            f"ODATA_JWT_ISSUER must be the https URL of an OpenID issuer, not '{issuer}', unless"
            " ODATA_JWT_SECRET or ODATA_JWT_JWKS has the keys"
        )
    if is_url and not settings.jwt_audience and not settings.public_url:
        yield (
            "ODATA_JWT_ISSUER needs ODATA_JWT_AUDIENCE or ODATA_PUBLIC_URL: without an audience,"
            " tokens that the issuer gives out for other services would be accepted"
        )
    if not settings.jwt_algorithms:
        yield "ODATA_JWT_ALGORITHMS must name at least one algorithm"


def _is_installed(*modules: str) -> bool:
    try:
        return all(find_spec(module) is not None for module in modules)
    except ModuleNotFoundError:  # the package around one of them is missing
        return False
