"""What the claims of a token must say (RFC 7519, section 4.1).

These are read after the signature: whoever is told what is wrong has a token that an issuer has
signed. Without it nobody learns which issuers and audiences there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from odata_gateway.errors import AuthForbidden, AuthInvalid
from odata_gateway.identity.claims import accounts_in, claim_at
from odata_gateway.identity.jwt.settings import JwtSettings

_NEW_ONE = "get a new token from its issuer"


def check_times(
    claims: Mapping[str, object], *, leeway_s: float, now: float, may_last: bool
) -> float:
    """Until when a token holds, in seconds since 1970; infinity where it does not expire.

    now       the time, in seconds since 1970
    may_last  a token without `exp` is accepted
    raises    AuthInvalid
    """
    expires, begins, issued = (_time(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is None and not may_last:
        raise AuthInvalid("the token does not say when it expires (exp)", hint=_NEW_ONE)
    if expires is not None and now >= expires + leeway_s:
        raise AuthInvalid(f"the token expired{_at(expires)}", hint=_NEW_ONE)
    if begins is not None and now < begins - leeway_s:
        raise AuthInvalid(f"the token is not valid yet; it begins{_at(begins)}")
    if issued is not None and now < issued - leeway_s:
        raise AuthInvalid(f"the token is from the future: it was issued{_at(issued)}")
    return math.inf if expires is None else expires + leeway_s


def check_issuer(claims: Mapping[str, object], issuer: str) -> None:
    """raises  AuthInvalid for a token of another issuer"""
    if issuer and claims.get("iss") != issuer:
        raise AuthInvalid("the token is of another issuer (iss) than this service accepts")


def check_audience(claims: Mapping[str, object], audience: tuple[str, ...]) -> None:
    """raises  AuthInvalid for a token that is meant for another service"""
    named = claims.get("aud", [])
    values = named if isinstance(named, list) else [named]
    names = [value for value in values if isinstance(value, str)]
    if len(names) < len(values):
        raise AuthInvalid("the token's audience (aud) is not a text or a list of texts")
    if audience and {_plain(name) for name in names}.isdisjoint(map(_plain, audience)):
        raise AuthInvalid(
            "the token is for another audience (aud) than this service",
            hint="ask its issuer for a token for this service",
        )


def subject_of(claims: Mapping[str, object]) -> str:
    """Who a token is about, for logs; empty where it does not say. A token of a program may name
    only the program.

    raises  AuthInvalid for a `sub` that is not a text
    """
    subject = claims.get("sub", "")
    if not isinstance(subject, str) or (subject and not subject.isprintable()):
        raise AuthInvalid("the token's subject (sub) is not a printable text")
    names = (subject, *(claims.get(name) for name in ("client_id", "azp", "appid")))
    return next((n for n in names if isinstance(n, str) and n and n.isprintable()), "")


def roles_of(claims: Mapping[str, object], settings: JwtSettings) -> tuple[str, ...]:
    """The roles that a token names, in its order; empty where the settings take none from tokens.

    raises  AuthForbidden where it should name one and does not
    """
    if not settings.role:
        return ()
    named = claim_at(claims, settings.role)
    if named is None and settings.anon_role:
        return (settings.anon_role,)
    names = named if isinstance(named, list) else [named]
    found = tuple(name for name in names if isinstance(name, str) and name)
    if not found:
        raise AuthForbidden(
            f"the token names no role: its claim {settings.role} is missing or is not a text",
            hint="let its issuer add the claim",
        )
    return found


def accounts_of(claims: Mapping[str, object], settings: JwtSettings) -> tuple[object, ...]:
    """The accounts that a token names, for the model's row policies; empty where the settings take
    none from tokens.

    raises  AuthForbidden where it should name some and does not
    """
    found = accounts_in(claims, settings.accounts)
    if settings.accounts and not found:
        raise AuthForbidden(
            f"the token names no account: its claim {settings.accounts} is missing or has no text "
            "or whole number",
            hint="let its issuer add the claim",
        )
    return found


def _time(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AuthInvalid(f"the token's {name} is not a number")
    return float(value) if abs(value) < 1e15 else math.copysign(1e15, value)


def _at(time_s: float) -> str:
    """A time for people, or nothing for one outside of the calendar."""
    try:
        return f" at {datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return ""


def _plain(audience: str) -> str:
    """An audience without the slash behind a host: Microsoft's clients write it or not."""
    return audience.removesuffix("/")
