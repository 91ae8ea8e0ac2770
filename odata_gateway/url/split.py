"""The request target, cut into path segments and options; every part percent-decoded exactly once.

The order matters (OData 4.01 Part 2: URL Conventions, section 2.1): the path is split at "/" and
the query at "&" and the first "=" while still encoded, so that `%2F`, `%26` and `%3D` are text and
never separators.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from odata_gateway.errors import LimitUrl, UrlEncoding, UrlSyntax
from odata_gateway.url.resource_kind import ResourceKind, classify

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# A raw "+" is a blank, as form encoders mean it, but in `2021-11-23T00:00:00+02:00` and in `1e+5`
# it is a sign.
_SIGN = re.compile(
    r"([Tt]\d\d(?::|%3[Aa])\d\d(?:(?::|%3[Aa])\d\d(?:\.\d+)?)?(?=\+\d\d:\d\d)|(?:(?<=%20)|(?<![\w.]))\d+(?:\.\d+)?[eE](?=\+\d))\+"
)
_FORBIDDEN = re.compile("[\0\ud800-\udfff]")


class QueryOption(NamedTuple):
    """One query option. `raw` is the text as sent, `value` None without "="; `at` is its offset in
    the target."""

    name: str
    value: str | None
    raw: str
    at: int


class Target(NamedTuple):
    """Decoded path segments, without the empty one of a trailing slash, and the options in their
    order."""

    segments: tuple[str, ...]
    options: tuple[QueryOption, ...]


def split(target: str, *, max_bytes: int = 16384) -> Target:
    """Segments and options of the text after the service root, such as `Message(1)?$top=5`.

    target  as on the wire: still percent-encoded, perhaps with a leading "/"; "" is the service
            root
    raises  LimitUrl, UrlEncoding (bad escape, invalid UTF-8, NUL, lone surrogate), UrlSyntax ("#")
    """
    _check_size(target, max_bytes)
    target = _without_fragment(target)
    path, _, query = target.partition("?")
    _check_path(path)
    offset = len(path) + 1
    options: list[QueryOption] = []
    if query:
        for raw in query.split("&"):
            if raw:
                options.append(_option(raw, offset))
            offset += len(raw) + 1
    return Target(_segments(path), tuple(options))


def _check_size(target: str, max_bytes: int) -> None:
    size = len(target) if target.isascii() else len(target.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        raise LimitUrl(
            f"the URL has {size} bytes after the service root; the limit is {max_bytes}",
            target="url",
            hint="ODATA_MAX_URL_BYTES moves this limit",
        )


def _without_fragment(target: str) -> str:
    if "#" not in target:
        return target
    if classify(target) is ResourceKind.METADATA:
        return target.partition("#")[0]
    raise UrlSyntax(
        "a '#' ends the query of a URL",
        target="url",
        at=target.index("#"),
        hint="write %23 for the character itself",
    )


def _check_path(path: str) -> None:
    """A text such as `Message&apikey=...` is refused before any message repeats it."""
    if "&" in path and "'" not in path and "=" in path.partition("&")[2]:
        raise UrlSyntax(
            "an option in the path",
            target="path",
            at=path.index("&"),
            hint="write '?' before the first option, '&' before others",
        )


def _segments(path: str) -> tuple[str, ...]:
    path = path.removeprefix("/").removesuffix("/")
    if not path:
        return ()
    if "%" not in path and path.isascii() and "\0" not in path:
        return tuple(path.split("/"))
    return tuple(_decode(segment, "path") for segment in path.split("/"))


def _option(raw: str, at: int) -> QueryOption:
    name, equals, value = raw.partition("=")
    name = _decode(name.replace("+", " ") if "+" in name else name, "url")
    if not equals:
        return QueryOption(name, None, raw, at)
    if "+" in value:
        value = _SIGN.sub(r"\1%2B", value).replace("+", " ")
    return QueryOption(name, _decode(value, name), raw, at)


def _decode(text: str, target: str) -> str:
    # Most escapes are blanks; every "%" begins an escape, so that replacing them first cannot make
    # a new one.
    if "%20" in text:
        text = text.replace("%20", " ")
    if "%" in text:
        bad = _BAD_ESCAPE.search(text)
        if bad:
            raise UrlEncoding(
                "'%' without two hexadecimal digits",
                target=target,
                at=bad.start(),
                hint="write %25 for the percent sign itself",
            )
        try:
            text = unquote_to_bytes(text).decode("utf-8")
        except UnicodeEncodeError:
            raise UrlEncoding("a lone surrogate", target=target) from None
        except UnicodeDecodeError as error:
            raise UrlEncoding(
                "the percent-encoded bytes are not UTF-8", target=target, at=error.start
            ) from None
        if "\0" in text:
            raise UrlEncoding("a NUL character (%00)", target=target, at=text.index("\0"))
    elif not text.isascii() or "\0" in text:
        bad = _FORBIDDEN.search(text)
        if bad:
            raise UrlEncoding("a NUL character or a lone surrogate", target=target, at=bad.start())
    return text
