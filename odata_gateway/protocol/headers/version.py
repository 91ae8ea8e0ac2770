"""The version of OData that an answer is written in (Protocol 4.01, sections 8.1.5 and 8.2.7).

The service speaks 4.0 and 4.01. A client that names no version gets 4.0, which every client reads.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from odata_gateway.errors import UrlHeader
from odata_gateway.protocol.message import RequestHeaders

ODataVersion = Literal["4.0", "4.01"]

# The ABNF writes a version as digits, a period and digits; zeros may stand on both ends. A maximum
# without a period is accepted as well, because it can mean one thing only.
_MAXIMUM = re.compile(r"[0-9]{1,100}(\.[0-9]{1,100})?")
_VERSION = re.compile(r"[0-9]{1,100}\.[0-9]{1,100}")
_READABLE = (Decimal("4.0"), Decimal("4.01"))


def version(headers: RequestHeaders) -> ODataVersion:
    """The version of the answer: 4.01 if OData-MaxVersion allows it, otherwise 4.0.

    raises  UrlHeader  for a maximum that is not a decimal number, or is below 4.0
    """
    return _version(headers.get("odata-maxversion"))


@lru_cache(maxsize=256)
def _version(text: str | None) -> ODataVersion:
    if text is None:
        return "4.0"
    # A header that is sent twice arrives as a list; equal values are one value.
    numbers = {part.strip() for part in text.split(",")}
    only = numbers.pop()
    if numbers or not _MAXIMUM.fullmatch(only):
        raise UrlHeader(
            f"'{text[:40]}' is not a version number",
            target="OData-MaxVersion",
            hint="write 4.0 or 4.01",
        )
    if Decimal(only) < Decimal("4.0"):
        raise UrlHeader(
            f"this service cannot answer in a version up to {only}",
            target="OData-MaxVersion",
            hint="write 4.0 or 4.01",
        )
    return "4.01" if Decimal(only) >= Decimal("4.01") else "4.0"


def version_of_error(headers: RequestHeaders) -> ODataVersion:
    """The version of an error's answer: 4.0 if OData-MaxVersion itself is malformed."""
    try:
        return version(headers)
    except UrlHeader:
        return "4.0"


def check_body(headers: RequestHeaders) -> None:
    """Check OData-Version, the version of the request's body.

    raises  UrlHeader  for a version other than 4.0 and 4.01
    """
    body_version = headers.get("odata-version", "4.0").strip()
    is_version = _VERSION.fullmatch(body_version) is not None
    if not is_version or Decimal(body_version) not in _READABLE:
        raise UrlHeader(
            f"the service cannot read a body of version '{body_version[:40]}'",
            target="OData-Version",
            hint="write 4.0 or 4.01",
        )
