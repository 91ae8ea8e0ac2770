"""The access token of a request, from any of the places where clients can put it.

The Authorization header takes precedence over the query option `apikey`. Clients append the option
to links that have it already, so it may occur several times. Whether a token is valid is decided in
`identity`.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from contextlib import suppress
from urllib.parse import unquote

from odata_gateway.errors import AuthInvalid, AuthMissing, ODataError
from odata_gateway.identity.access_token import check_token
from odata_gateway.protocol.message import RequestHeaders


def access_token(headers: RequestHeaders, query: str, *, basic: bool) -> str | None:
    """The token of a request, or None without one. `basic` allows the password of HTTP Basic.

    raises  AuthMissing for `Authorization: Bearer` without a token, the probe of Power Query's
            organizational accounts; AuthInvalid for credentials that cannot be a token
    """
    scheme, _, credentials = headers.get("authorization", "").strip().partition(" ")
    credentials = credentials.strip()
    from_query = _from_query(query) if query else ""
    match scheme.lower():
        case "bearer":
            if not credentials:
                raise AuthMissing("the Authorization header has no token")
            return _checked(credentials)
        case "basic" if basic:
            return _checked(_password(credentials))
        case "":
            token = headers.get("apikey", "").strip() or from_query
            return _checked(token) if token else None
        case _ if from_query:
            return _checked(from_query)
        case _:
            raise AuthInvalid(
                "this authorization scheme is not accepted",
                hint="send the access token as a Bearer token",
            )


def _from_query(query: str) -> str:
    """The first `apikey` that is not empty. A plus sign is not a blank: tokens have no blanks."""
    for option in query.split("&"):
        name, _, value = option.partition("=")
        if unquote(name) == "apikey" and value:
            return unquote(value, errors="replace")
    return ""


def _password(credentials: str) -> str:
    """The password of Basic credentials, or the user name where the password is empty."""
    try:
        user, _, password = b64decode(credentials, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise AuthInvalid("the Basic credentials cannot be decoded") from None
    if not user and not password:
        raise AuthMissing("the Authorization header has no token")
    return password or user


def secrets_of(headers: RequestHeaders, query: str) -> tuple[str, ...]:
    """Every text of a request that is or may be a token, as sent and decoded; logs mask them."""
    found = [
        headers.get("authorization", "").strip().partition(" ")[2].strip(),
        headers.get("apikey", ""),
    ]
    for option in query.split("&"):
        name, _, value = option.partition("=")
        if unquote(name) == "apikey":
            found += [value, unquote(value, errors="replace")]
    with suppress(ODataError):
        found.append(access_token(headers, query, basic=True) or "")
    return tuple(text for text in found if text)


def _checked(token: str) -> str:
    check_token(token)
    return token
