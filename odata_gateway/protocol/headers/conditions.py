"""Headers that an answer must satisfy: OData-Isolation, If-Match and If-None-Match."""

from __future__ import annotations

import re

from odata_gateway.errors import UrlPrecondition
from odata_gateway.protocol.message import RequestHeaders

_ETAG = re.compile(r'(?:W/)?("[^"]*")')


def wants_snapshot(headers: RequestHeaders) -> bool:
    """Whether the whole answer must come from one snapshot (Protocol 4.01, section 8.2.6).

    raises  UrlPrecondition  for an isolation other than snapshot
    """
    value = headers.get("odata-isolation", headers.get("isolation"))
    if value is None:
        return False
    if value.strip().lower() != "snapshot":
        raise UrlPrecondition(
            f"the isolation '{value[:40]}' is not available",
            target="OData-Isolation",
            hint="write snapshot",
        )
    return True


def names_etag(header: str, etag: str) -> bool:
    """Whether an If-Match or If-None-Match header names this entity tag by weak comparison (RFC
    9110, section 8.8.3.2); `*` names all."""
    own = _ETAG.fullmatch(etag)
    return header.strip() == "*" or (own is not None and own[1] in _ETAG.findall(header))
