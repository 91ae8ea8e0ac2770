"""What a token says of its owner: reading a claim by its path, and the text that policies read.

A path is names with dots between them, `realm_access.roles`, and places in lists, `roles[0]`. A
name that has dots itself stands in double quotes, or is the whole path: `https://example.com/role`.
A dot in front, as in PostgREST's `jwt-role-claim-key`, changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_STEP = re.compile(r'"([^"]*)"|([^."\[\]]+)|\[([0-9]{1,4})\]')


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim that a path leads to, or None. A claim whose name is the whole path comes first."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for quoted, plain, place in _STEP.findall(path):
        match value:
            case Mapping() if not place:
                value = value.get(quoted or plain)
            case list() if place and int(place) < len(value):
                value = value[int(place)]
            case _:
                return None
    return value


def accounts_in(claims: Mapping[str, Any], path: str) -> tuple[object, ...]:
    """The values for the row policies of the model: the text, number or list of these that a path
    leads to. Anything else, such as null or an object, is no account.

    path  empty: there are none
    """
    found = claim_at(claims, path) if path else None
    values = found if isinstance(found, list) else [found]
    plain = [v for v in values if isinstance(v, str | int) and not isinstance(v, bool)]
    return tuple(dict.fromkeys(plain))


def claims_text(claims: Mapping[str, Any], role: str | None) -> str:
    """The value of `request.jwt.claims`: the claims as JSON, in which `role` is the role that
    statements run as. PostgREST sets the same, so policies that compare it work unchanged.

    role  None: statements run as the connection's own, and the claims stay as they are
    """
    named = {} if role is None else {"role": role}
    return json.dumps({**claims, **named}, separators=(",", ":"), allow_nan=False)
