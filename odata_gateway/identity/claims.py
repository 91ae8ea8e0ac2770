"""What a token says of its owner: reading a claim by its path, and the text that policies read.

A path is names with dots between them, `realm_access.roles`; a name that has dots itself stands in
double quotes, or is the whole path: `https://example.com/role`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r'"([^"]*)"|([^."]+)')
_PATH = re.compile(r'(?:"[^"]*"|[^."]+)(?:\.(?:"[^"]*"|[^."]+))*')


def claim_path(text: str) -> str:
    """The path of a claim, as a setting has it; raises ValueError."""
    if text and not (_PATH.fullmatch(text) or "://" in text):
        raise ValueError('names with dots between them, such as app_metadata."my.role"')
    return text


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim that a path leads to, or None. A claim whose name is the whole path comes first."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for quoted, plain in _NAME.findall(path):
        if not isinstance(value, Mapping):
            return None
        value = value.get(quoted or plain)
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


def claims_text(claims: Mapping[str, Any], role: str) -> str:
    """The value of `request.jwt.claims`: the claims as JSON, in which `role` is the role that
    statements run as. PostgREST sets the same, so policies that compare it work unchanged."""
    return json.dumps({**claims, "role": role}, separators=(",", ":"), allow_nan=False)
