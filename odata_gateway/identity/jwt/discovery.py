"""The discovery document of an OpenID issuer (OpenID Connect Discovery 1.0, section 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from odata_gateway.identity.jwt.fetch import FetchFault, fetch_object

PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class IssuerDocument:
    """What an issuer says about itself.

    issuer         what `iss` of its tokens is
    authorization  the URL of the page where people sign in; empty: it has none
    """

    issuer: str
    jwks_uri: str
    authorization: str


def discovery_url(issuer: str) -> str:
    """Where the discovery document of an issuer is."""
    return issuer.removesuffix("/") + PATH


async def discover(issuer: str, *, allow_http: bool) -> IssuerDocument:
    """The document of an issuer.

    raises  FetchFault
    """
    document = await fetch_object(discovery_url(issuer), allow_http=allow_http)
    return issuer_document(document, issuer)


def issuer_document(document: Mapping[str, object], issuer: str) -> IssuerDocument:
    """What a discovery document says. It must name the issuer that it was asked for (section 4.3);
    a slash at the end makes no difference, and the document's way of writing it counts.

    raises  FetchFault
    """
    named, jwks_uri = document.get("issuer"), document.get("jwks_uri")
    authorization = document.get("authorization_endpoint", "")
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        hint = ""
        if isinstance(named, str) and "{tenantid}" in named:
            hint = "; an issuer of many tenants cannot be used: write your tenant's id into its URL"
        raise FetchFault(f"names the issuer {_shown(named)}, not {issuer}{hint}")
    if not isinstance(jwks_uri, str) or not jwks_uri:
        raise FetchFault("has no jwks_uri")
    if not isinstance(authorization, str) or not _URL.fullmatch(authorization):
        authorization = ""
    return IssuerDocument(named, jwks_uri, _for_power_query(authorization))


def _for_power_query(authorization: str) -> str:
    """The sign-in page. Microsoft's page of version 2 refuses `resource`, which is how Excel and
    Power BI say whose token they want; its page of version 1 gives out the same tokens, of the
    version that the registration of the service asks for."""
    return authorization.replace("/oauth2/v2.0/authorize", "/oauth2/authorize")


def _shown(value: object) -> str:
    return repr(value[:200]) if isinstance(value, str) else "of no text"


_URL = re.compile(r"https?://[!#-\[\]-~]+")
"""No blanks and no quotation marks: the URL stands in a header, in quotation marks."""
