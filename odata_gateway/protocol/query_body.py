"""`POST Message/$query`, whose body has the query options (URL Conventions 4.01, section 4.17), as
the GET request that it stands for.

The body is written as the query of a URL is, percent-encoded, and has the URL's limit; its options
join those of the URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from odata_gateway.errors import UrlEncoding, UrlMediaType, UrlMethod, UrlSyntax

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SUFFIX = re.compile(r"/(?:\$|%24)query/?")
_CHARSETS = frozenset({"", "utf-8", "utf8", "us-ascii"})
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]*)', re.IGNORECASE)
_NO_QUERY = frozenset({"", "$metadata", "$batch", "$entity"})
"""Resources that are none of the model's data."""


def as_get(target: str, headers: Mapping[str, str], body: bytes) -> str:
    """The target of the GET request.

    raises  UrlMethod where nothing can be posted, UrlMediaType, UrlEncoding, UrlSyntax
    """
    path, _, options = target.partition("?")
    found = _SUFFIX.search(path, max(0, len(path) - 10))
    if (
        found is None
        or found.end() != len(path)
        or path[: found.start()].strip("/").partition("/")[0] in _NO_QUERY
    ):
        raise UrlMethod("POST is not possible here: this service is read-only")
    query = "&".join(text for text in (options, _text(headers, body)) if text)
    return f"{path[: found.start()]}?{query}" if query else path[: found.start()]


def _text(headers: Mapping[str, str], body: bytes) -> str:
    """The body's text, without a line end that editors and tools put behind it."""
    if not body:
        return ""
    content_type = headers.get("content-type", "")
    charset = _CHARSET.search(content_type)
    if content_type.partition(";")[0].strip().lower() != "text/plain" or (
        charset and charset[1].lower() not in _CHARSETS
    ):
        raise UrlMediaType(
            "the query options are not in a type that can be read",
            target="Content-Type",
            hint="send them as text/plain",
        )
    try:
        text = body.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UrlEncoding("the body is not UTF-8", target="body", at=error.start) from None
    if _CONTROL.search(text) or text.startswith("?"):
        raise UrlSyntax(
            "the body is not the query of a URL",
            target="body",
            hint="write it as after the ? of a URL, in one line",
        )
    return text
