"""The way in by JSON Web Tokens, where the settings have one.

PyJWT and what belongs to it is loaded only then: it takes a tenth of a second and 10 MB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from odata_gateway.config.setting import SettingsError
from odata_gateway.config.settings import Settings
from odata_gateway.db.schema.findings import Finding
from odata_gateway.identity.jwt.settings import JwtSettings
from odata_gateway.web.challenge import SignIn
from odata_gateway.web.mcp.endpoint import MCP_PATH
from odata_gateway.web.urls import SERVICE_PATH

if TYPE_CHECKING:
    from odata_gateway.identity.jwt.callers import JwtCallers, RoleRights
    from odata_gateway.identity.jwt.key_ring import KeyRing


def jwt_settings(settings: Settings) -> JwtSettings:
    """The settings that the way in by JSON Web Tokens needs."""
    return JwtSettings(
        secret=settings.jwt_secret,
        jwks=settings.jwt_jwks,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience or _own_audience(settings),
        algorithms=settings.jwt_algorithms,
        role=settings.jwt_role,
        anon_role=settings.anon_role,
        accounts=settings.accounts_claim,
        leeway_s=settings.jwt_leeway_s,
        refresh_s=settings.jwt_refresh_s,
        allow_http=settings.jwt_allow_http,
    )


def gives_roles(settings: Settings) -> bool:
    """Whether there is this way in, and its tokens name the role that statements run as."""
    found = jwt_settings(settings)
    return found.is_used and bool(found.role)


def key_ring(settings: Settings) -> KeyRing | None:
    """The keys that sign tokens, not read yet; None where the settings name none.

    raises  SettingsError
    """
    found = jwt_settings(settings)
    if not found.is_used:
        return None
    from odata_gateway.identity.jwt.fetch import may_fetch
    from odata_gateway.identity.jwt.key_ring import KeyRing
    from odata_gateway.identity.jwt.key_source import KeySource

    mistakes = tuple(
        f"{name} must be an https URL: whoever can change the answer on its way can sign tokens;"
        " or set ODATA_JWT_ALLOW_HTTP"
        for name, text in (("ODATA_JWT_ISSUER", found.issuer), ("ODATA_JWT_JWKS", found.jwks))
        if text.startswith("http://") and not may_fetch(text, allow_http=found.allow_http)
    )
    if mistakes:
        raise SettingsError(mistakes)
    try:
        return KeyRing(KeySource(found), refresh_s=found.refresh_s)
    except ValueError as fault:
        raise SettingsError((f"ODATA_JWT_SECRET: the key {fault}",)) from None


def jwt_callers(settings: Settings, ring: KeyRing, roles: RoleRights) -> JwtCallers:
    """The way in over some keys."""
    from odata_gateway.identity.jwt.callers import JwtCallers

    return JwtCallers(jwt_settings(settings), ring, roles)


def sign_in(ring: KeyRing) -> SignIn | None:
    """Where people sign in, as the issuer says it; None where there is no issuer, or none that has
    answered yet."""
    document = ring.source.document
    return None if document is None else SignIn(document.issuer, document.authorization)


class CheckedTokens(NamedTuple):
    """The keys that sign JSON Web Tokens, where there are any, and what `check` says about them."""

    keys: KeyRing | None
    lines: list[str]
    findings: list[Finding]


async def check_tokens(settings: Settings) -> CheckedTokens:
    """What can be said about the keys that sign tokens, which are read for it."""
    ring = key_ring(settings)
    if ring is None:
        return CheckedTokens(None, [], [])
    from odata_gateway.identity.jwt.findings import jwt_findings, jwt_lines

    await ring.refresh()
    found = jwt_settings(settings)
    lines = [*jwt_lines(found, ring, settings.public_url), "", ""]
    return CheckedTokens(ring, lines, list(jwt_findings(found, ring)))


def _own_audience(settings: Settings) -> tuple[str, ...]:
    """What tokens for this service have as their audience where the settings have no other: Excel
    and Power BI ask for tokens for the host, agents for `/mcp`, others for the service root."""
    if not settings.public_url or not settings.jwt_issuer.startswith(("https://", "http://")):
        return ()
    parts = urlsplit(settings.public_url)
    root = settings.public_url.removesuffix(SERVICE_PATH) + SERVICE_PATH
    host = f"{parts.scheme}://{parts.netloc}"
    return (host, root, host + MCP_PATH) if settings.mcp else (host, root)
