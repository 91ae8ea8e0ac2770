"""How a refused request says where access tokens come from: `WWW-Authenticate` (RFC 6750, section
3) and the metadata of a protected resource (RFC 9728).

Excel and Power BI sign people in as "organizational account" by two answers: without Authorization,
`Bearer realm=...`; with an empty Bearer token, `Bearer authorization_uri=...`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from odata_gateway.errors import AuthForbidden, AuthInvalid, ODataError
from odata_gateway.protocol.message import HeaderPairs, Reply, RequestHeaders
from odata_gateway.web.urls import SERVICE_PATH

METADATA_PATH = "/.well-known/oauth-protected-resource"
_NOT_IN_QUOTES = re.compile(r"[^ !#-\[\]-~]")


class SignIn(NamedTuple):
    """Where people get a token for this service.

    issuer         the OpenID issuer
    authorization  the URL of its page; empty: it has none
    """

    issuer: str
    authorization: str

    @property
    def realm(self) -> str:
        """Microsoft's clients know their issuer by the part of its page's URL before `/oauth2`."""
        tenant, found, _ = self.authorization.partition("/oauth2/")
        return tenant if found else self.issuer


class Challenges:
    """The challenges of a service that takes JSON Web Tokens.

    sign_in  called for where people sign in now; None: nowhere that is known
    """

    def __init__(self, sign_in: Callable[[], SignIn | None]) -> None:
        self._sign_in = sign_in

    def headers(self, error: ODataError, request: RequestHeaders, root: str) -> HeaderPairs:
        """The headers of a refusal, for the headers of its request and the service root."""
        sign_in = self._sign_in()
        is_probe = request.get("authorization", "").strip().lower() == "bearer"
        if is_probe and sign_in is not None and sign_in.authorization:
            return (("WWW-Authenticate", f'Bearer authorization_uri="{sign_in.authorization}"'),)
        realm = "odata" if sign_in is None else sign_in.realm
        bearer = [f'Bearer realm="{_quoted(realm)}"', *_reason(error)]
        if sign_in is not None:
            bearer.append(f'resource_metadata="{metadata_url(root)}"')
        others = [pair for pair in error.headers if not pair[1].startswith("Bearer")]
        return (("WWW-Authenticate", ", ".join(bearer)), *others)

    def metadata(self, path: str, root: str) -> Reply | None:
        """The metadata of the resource whose well-known path this is; None for any other path, and
        where no issuer is known."""
        sign_in = self._sign_in()
        parts = urlsplit(root.removesuffix("/"))
        suffix = path.removeprefix(METADATA_PATH)
        if sign_in is None or suffix not in ("", SERVICE_PATH, parts.path):
            return None
        document = {
            "resource": f"{parts.scheme}://{parts.netloc}{suffix}",
            "authorization_servers": [sign_in.issuer],
            "bearer_methods_supported": ["header"],
            "resource_name": "OData",
        }
        headers = (("Content-Type", "application/json"), ("Cache-Control", "max-age=300"))
        return Reply(200, headers, json.dumps(document).encode())


def metadata_url(root: str) -> str:
    """Where the metadata of the service with this root is (RFC 9728, section 3.1)."""
    parts = urlsplit(root.removesuffix("/"))
    return f"{parts.scheme}://{parts.netloc}{METADATA_PATH}{parts.path}"


def _reason(error: ODataError) -> list[str]:
    """The attributes that say what is wrong with a token; none for a request without one."""
    match error:
        case AuthInvalid():
            return ['error="invalid_token"', f'error_description="{_quoted(error.message)}"']
        case AuthForbidden():
            return ['error="insufficient_scope"', f'error_description="{_quoted(error.message)}"']
        case _:
            return []


def _quoted(text: str) -> str:
    """A text between quotation marks: RFC 6750 allows printable ASCII, without `"` and the
    backslash."""
    return _NOT_IN_QUOTES.sub("'", text)
