"""The path segments and query options of a request target, each percent-decoded exactly once.

The order matters (URL Conventions 4.01, section 2.1): the path is split at "/" and the query at "&"
and the first "=" before anything is decoded, so `%2F`, `%26` and `%3D` are text and never
separators.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from odata_gateway.errors import LimitUrl, UrlEncoding, UrlSyntax
from odata_gateway.url.lenient.names import option_name
from odata_gateway.url.options import SPELLED_OPTIONS
from odata_gateway.url.resource_kind import ResourceKind, classify

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Form encoders write a blank as "+". In `2021-11-23T00:00:00+02:00` and in `1e+5` it is a sign.
_COLON = r"(?::|%3[Aa])"
_TIME = rf"[Tt]\d\d{_COLON}\d\d(?:{_COLON}\d\d(?:\.\d+)?)?(?=\+\d\d:\d\d)"
_EXPONENT = r"(?:(?<=%20)|(?<![\w.]))\d+(?:\.\d+)?[eE](?=\+\d)"
_SIGN = re.compile(rf"({_TIME}|{_EXPONENT})\+")
_CODED = re.compile(r"%(?:3[Bb]|2[89])")
_FORBIDDEN = re.compile("[\0\ud800-\udfff]")


class QueryOption(NamedTuple):
    """One query option.

    name   decoded, without the invisible characters around that of a system option
    value  None without "="
    raw    name and value as sent
    at     the offset in the target
    """

    name: str
    value: str | None
    raw: str
    at: int

    def coded(self) -> frozenset[int]:
        """The offsets in the value of `;`, `(` and `)` that were percent-encoded."""
        return frozenset(_coded(self.raw.partition("=")[2]))


class Target(NamedTuple):
    """Decoded path segments and the options in their order. A trailing slash makes no segment, and
    a segment `$filter(...)` may contain slashes."""

    segments: tuple[str, ...]
    options: tuple[QueryOption, ...]


def split(target: str, *, max_bytes: int = 16384, strict: bool = False) -> Target:
    """The segments and options of the text after the service root, such as `Message(1)?$top=5`.

    target  as on the wire, percent-encoded; a leading "/" is optional, "" is the service root
    strict  whether only the spellings of the ABNF are read
    raises  LimitUrl     for a target longer than `max_bytes`
            UrlEncoding  for a bad escape, invalid UTF-8, a NUL character or a lone surrogate
            UrlSyntax    for "#", and for an option in the path
            UrlOption    for a name that only resembles that of a system option
    """
    if len(target) > max_bytes or not target.isascii():
        _check_size(target, max_bytes)
    if "#" in target:
        target = _without_fragment(target)
    path, _, query = target.partition("?")
    _check_path(path)
    offset = len(path) + 1
    options: list[QueryOption] = []
    if query:
        for raw in query.split("&"):
            if raw:
                options.append(_option(raw, offset, strict))
            offset += len(raw) + 1
    return Target(_segments(path), tuple(options))


def _check_size(target: str, max_bytes: int) -> None:
    size = _bytes(target)
    if size > max_bytes:
        size -= sum(
            _bytes(option)
            for option in target.partition("?")[2].split("&")
            if is_credential(option)
        )
    if size > max_bytes:
        raise LimitUrl(
            f"the URL has {size} bytes after the service root; the limit is {max_bytes}",
            target="url",
            hint="raise ODATA_MAX_URL_BYTES to allow more",
        )


def is_credential(option: str) -> bool:
    """Whether a query option as sent is `apikey`. The access token in it has a limit of its own, so
    it does not count as part of the URL."""
    return unquote(option.partition("=")[0]) == "apikey"


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _without_fragment(target: str) -> str:
    if classify(target) is ResourceKind.METADATA:
        return target.partition("#")[0]
    raise UrlSyntax(
        "a '#' cannot stand in a URL, because it ends the query",
        target="url",
        at=target.index("#"),
        hint="write %23 for the character itself",
    )


def _check_path(path: str) -> None:
    """Refuse a path such as `Message&apikey=...` before an error message can repeat it."""
    if "&" in path and "'" not in path and "=" in path.partition("&")[2]:
        raise UrlSyntax(
            "the path cannot contain a query option",
            target="path",
            at=path.index("&"),
            hint="write '?' before the first option, '&' before others",
        )


def _segments(path: str) -> tuple[str, ...]:
    path = path.removeprefix("/").removesuffix("/")
    if not path:
        return ()
    segments = path.split("/")
    if "%" in path or not path.isascii() or "\0" in path:
        segments = [_decode(segment, "path") for segment in segments]
    if "filter(" in path and any(segment.startswith("$filter(") for segment in segments):
        segments = _with_whole_filters(segments)
    return tuple(segments)


def _with_whole_filters(segments: list[str]) -> list[str]:
    """The segments, with each `$filter(a/b eq 1)` in one piece: the ABNF lets it contain
    slashes."""
    joined: list[str] = []
    parts: list[str] = []
    depth, quoted = 0, False
    for segment in segments:
        if parts or segment.startswith("$filter("):
            parts.append(segment)
            depth, quoted = _nesting(segment, depth, quoted)
            if depth > 0 or quoted:
                continue
            segment = "/".join(parts)
            parts = []
        joined.append(segment)
    return [*joined, "/".join(parts)] if parts else joined


def _nesting(text: str, depth: int, quoted: bool) -> tuple[int, bool]:
    """The depth of parentheses after a text, and whether it ends inside a string."""
    for char in text:
        if char == "'":
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
    return depth, quoted


def _option(raw: str, at: int, strict: bool) -> QueryOption:
    name, equals, value = raw.partition("=")
    if name not in SPELLED_OPTIONS:
        name = _decode(name.replace("+", " ") if "+" in name else name, "url")
    if name not in SPELLED_OPTIONS:
        name = option_name(name, strict=strict)
    if not equals:
        return QueryOption(name, None, raw, at)
    if "+" in value:
        value = _SIGN.sub(r"\1%2B", value).replace("+", " ")
    return QueryOption(name, _decode(value, name), raw, at)


def _coded(value: str) -> Iterator[int]:
    at = offset = 0
    for match in _CODED.finditer(value):
        offset += len(unquote(value[at : match.start()]))
        yield offset
        offset += 1
        at = match.end()


def _decode(text: str, target: str) -> str:
    # Most escapes are blanks. Every "%" begins an escape, so replacing these first cannot make
    # another one.
    if "%20" in text:
        text = text.replace("%20", " ")
    if "%" in text:
        bad = _BAD_ESCAPE.search(text)
        if bad:
            raise UrlEncoding(
                "'%' must be followed by two hexadecimal digits",
                target=target,
                at=bad.start(),
                hint="write %25 for the percent sign itself",
            )
        try:
            text = unquote_to_bytes(text).decode("utf-8")
        except UnicodeEncodeError:
            raise UrlEncoding("the text contains a lone surrogate", target=target) from None
        except UnicodeDecodeError as error:
            raise UrlEncoding(
                "the percent-encoded bytes are not UTF-8", target=target, at=error.start
            ) from None
        if "\0" in text:
            raise UrlEncoding(
                "the text contains a NUL character (%00)", target=target, at=text.index("\0")
            )
    elif not text.isascii() or "\0" in text:
        bad = _FORBIDDEN.search(text)
        if bad:
            raise UrlEncoding(
                "the text contains a NUL character or a lone surrogate",
                target=target,
                at=bad.start(),
            )
    return text
