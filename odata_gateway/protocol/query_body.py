"""`POST Message/$query` as the GET request that it stands for (URL Conventions 4.01, section 4.17).

The body has query options as a URL has them, percent-encoded, and the length limit of a URL. They
are added to the options of the URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from odata_gateway.errors import UrlEncoding, UrlMediaType, UrlSyntax

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CHARSETS = frozenset({"", "utf-8", "utf8", "us-ascii"})
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]*)', re.IGNORECASE)


def as_get(target: str, headers: Mapping[str, str], body: bytes) -> str:
    """The target of the GET request: the path without its last segment, and all options.

    target  of kind QUERY_BODY
    raises  UrlMediaType  for a body that is not text/plain
            UrlEncoding   for a body that is not UTF-8
            UrlSyntax     for a body that is not the query of a URL
    """
    path, _, options = target.partition("?")
    path = path.removesuffix("/").rpartition("/")[0]
    query = "&".join(text for text in (options, _text(headers, body)) if text)
    return f"{path}?{query}" if query else path


def _text(headers: Mapping[str, str], body: bytes) -> str:
    """The body's text, without the line end that editors and tools append."""
    if not body:
        return ""
    content_type = headers.get("content-type", "")
    charset = _CHARSET.search(content_type)
    if content_type.partition(";")[0].strip().lower() != "text/plain" or (
        charset and charset[1].lower() not in _CHARSETS
    ):
        raise UrlMediaType(
            "the query options in a body must be text/plain in UTF-8",
            target="Content-Type",
            hint="send Content-Type: text/plain",
        )
    try:
        text = body.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UrlEncoding("the body is not UTF-8", target="body", at=error.start) from None
    if _CONTROL.search(text) or text.startswith("?"):
        raise UrlSyntax(
            "the body must be the query of a URL",
            target="body",
            hint="write it in one line, like the text after the ? of a URL",
        )
    return text
