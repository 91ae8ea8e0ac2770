"""What `odata-gateway check` says about JSON Web Tokens: which keys there are, what is unsafe, and
what must be registered at the issuer."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from odata_gateway.db.schema.findings import Finding
from odata_gateway.identity.jwt.key_ring import KeyRing
from odata_gateway.identity.jwt.settings import JwtSettings

_POWER_QUERY = {
    "a672d62c-fc7b-4e81-a576-e60dc46e951d": "Power Query for Excel, Power BI Desktop, gateway",
    "b52893c8-bc2e-47fc-918b-77022b299bbc": "refresh in the Power BI service",
    "7ab7862c-4c57-491e-8a45-d52a7e023983": "Power Apps and Power Automate",
}
"""The clients of Microsoft that ask for tokens for an OData service (Power Query's documentation,
"Authentication with a data source")."""


def jwt_findings(settings: JwtSettings, ring: KeyRing) -> Iterator[Finding]:
    """What is wrong or unsafe, after the keys have been read."""
    subject = " and ".join(ring.source.places) or "ODATA_JWT_SECRET"
    if ring.fault is not None:
        yield Finding("error", "JSON Web Tokens", f"no token is accepted: {ring.fault}")
    elif ring.current is not None:
        if not ring.current.keys:
            yield Finding("error", subject, "no token is accepted: there is no key to use")
        for reason in ring.current.unused:
            yield Finding("note", subject, f"{reason}; it is not used")
    if ring.source.discovers_in_vain:
        text = "its discovery document cannot be read, so nobody is told where people sign in"
        yield Finding("warning", settings.issuer, text)
    if settings.jwks and not settings.audience:
        text = (
            "tokens for every service of their issuer are accepted; set it to the audience of"
            " tokens for this one"
        )
        yield Finding("warning", "ODATA_JWT_AUDIENCE", text)
    if not settings.role and not settings.accounts:
        text = (
            "tokens give neither a role nor accounts, so every token reads what the database user"
            " may read; set this or ODATA_ACCOUNTS_CLAIM"
        )
        yield Finding("warning", "ODATA_JWT_ROLE", text)
    if settings.allow_http:
        text = "keys may come over http: whoever can change them on their way can sign tokens"
        yield Finding("warning", "ODATA_JWT_ALLOW_HTTP", text)


def jwt_lines(settings: JwtSettings, ring: KeyRing, public_url: str) -> Iterator[str]:
    """The keys in use, and where people sign in: lines for people."""
    yield "JSON Web Tokens:"
    for key in ring.current.keys if ring.current is not None else ():
        kid = "without kid" if key.kid is None else f"kid {key.kid[:60]!a}"
        yield f"  signed with {', '.join(key.algorithms)} by the key {kid}"
    yield f"  audience: {', '.join(settings.audience) or 'any'}"
    yield f"  role: {f'claim {settings.role}' if settings.role else 'none'}"
    document = ring.source.document
    if document is None:
        return
    yield f"  issuer: {document.issuer}"
    if document.authorization:
        yield f"  people sign in at {document.authorization}"
        yield from _registration(public_url)


def _registration(public_url: str) -> Iterator[str]:
    """What the registration of the service must have, so that Excel and Power BI get tokens."""
    parts = urlsplit(public_url)
    host = f"{parts.scheme}://{parts.netloc}" if public_url else "the https URL of this host"
    yield "  for organizational accounts of Excel and Power BI, register at the issuer:"
    yield f"    application ID URI (audience): {host}"
    yield "    scope: user_impersonation, for the clients"
    yield from (f"      {client}  {name}" for client, name in _POWER_QUERY.items())
