"""The format of an answer, from $format and the Accept header.

Sources: Protocol 4.01, sections 7 and 11.2.11. What the client asks for in $format goes before its
Accept header. The formats that are offered are given to `negotiate`; this module knows none of them
but the two of $metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeVar

from odata_gateway.errors import UrlFormat, UrlOption
from odata_gateway.protocol.headers.accept import MediaRange, accept, media_range
from odata_gateway.protocol.headers.version import ODataVersion, version
from odata_gateway.protocol.message import RequestHeaders
from odata_gateway.url.options import FORMAT_MEDIA_TYPES, format_hint

Encoding = TypeVar("Encoding", covariant=True)
Parameters = tuple[tuple[str, str], ...]
"""Parameters of a media type, names and values in lower case, without q."""


class OfferedFormat(Protocol[Encoding]):
    """A format that an answer may have."""

    @property
    def media_types(self) -> tuple[str, ...]:
        """The media types that name it, in lower case; replies use the first."""
        ...

    @property
    def abbreviations(self) -> tuple[str, ...]:
        """The values of $format that stand for its first media type."""
        ...

    @property
    def hint(self) -> str:
        """How to ask for it, to go on after `ask for`."""
        ...

    def encoding(self, parameters: Parameters, version: ODataVersion) -> Encoding | None:
        """The encoding that the parameters of a media type ask for; None where they are not
        understood."""
        ...


def negotiate(
    headers: RequestHeaders,
    format_option: str | None,
    offered: tuple[OfferedFormat[Encoding], ...],
    elsewhere: frozenset[str] = frozenset(),
) -> Encoding:
    """The encoding of an answer; the first format is that of clients which name none.

    elsewhere  values of $format that stand for a format of other resources
    raises  UrlFormat  where no format is acceptable
            UrlOption  for a malformed $format
            UrlHeader  for a bad version
    """
    if format_option is not None and format_option.lower() in elsewhere:
        own = {name for each in offered for name in each.abbreviations}
        if format_option.lower() not in own:
            raise _unavailable(format_option, _available(offered))
    found: Encoding
    found = _negotiate(headers.get("accept", ""), version(headers), format_option, offered)
    return found


@lru_cache(maxsize=1024)
def _negotiate(
    accepted: str,
    answer_version: ODataVersion,
    format_option: str | None,
    offered: tuple[OfferedFormat[Any], ...],
) -> Any:
    """Kept, because a client sends the same few headers with every request."""
    if format_option is not None:
        return _of_option(format_option, answer_version, offered)
    members = accept(accepted)
    if members is None:
        return offered[0].encoding((), answer_version)
    wanted = offered
    for member in members:
        found = _of_member(member, members, answer_version, wanted)
        if found is not None:
            return found
        if member.quality > 0 and _names(member, offered[0]):
            # JSON of a kind that there is not, as `application/json;odata=verbose, text/plain, */*`
            # has it: what stands behind it is taken for that, and not for a file.
            wanted = offered[:1]
    raise _unacceptable(accepted, _available(offered))


def _unacceptable(accepted: str, hint: str) -> UrlFormat:
    what = f"the service cannot answer in any of the types '{accepted[:200]}'"
    return UrlFormat(what, target="Accept", hint=hint)


def _of_member(
    member: MediaRange,
    members: tuple[MediaRange, ...],
    answer_version: ODataVersion,
    offered: tuple[OfferedFormat[object], ...],
) -> object | None:
    """The encoding that a member of an Accept header asks for; a range such as `*/*` asks for the
    first format in it that no other member refuses."""
    if member.quality == 0:
        return None
    for each in offered:
        if member.specificity == 2 and _names(member, each):
            return each.encoding(member.parameters, answer_version)
        is_refused = any(_refuses(other, each) for other in members)
        if member.specificity < 2 and _covers(member, each) and not is_refused:
            return each.encoding((), answer_version)
    return None


def _names(member: MediaRange, offered: OfferedFormat[object]) -> bool:
    return f"{member.kind}/{member.subtype}" in offered.media_types


def _covers(member: MediaRange, offered: OfferedFormat[object]) -> bool:
    types = (media_type.partition("/") for media_type in offered.media_types)
    return any(member.covers(kind, subtype) for kind, _, subtype in types)


def _refuses(member: MediaRange, offered: OfferedFormat[object]) -> bool:
    return member.quality == 0 and not member.parameters and _names(member, offered)


def _available(offered: tuple[OfferedFormat[object], ...]) -> str:
    return f"ask for {', or '.join(each.hint for each in offered)}"


def _option_member(text: str, abbreviations: Mapping[str, str]) -> MediaRange:
    """The media type that $format names (ABNF rule `format`); an abbreviation takes no parameters
    (JSON Format 3).

    raises  UrlOption  for a text that is neither an abbreviation nor a media type
    """
    member = media_range(abbreviations.get(text.lower(), text))
    if member is None or "*" in (member.kind, member.subtype):
        raise UrlOption(
            f"'{text[:60]}' is not a format", target="$format", at=0, hint=format_hint(text)
        )
    return member


def _of_option(
    text: str, answer_version: ODataVersion, offered: tuple[OfferedFormat[object], ...]
) -> object:
    own = {name: each.media_types[0] for each in offered for name in each.abbreviations}
    member = _option_member(text, {**own, **FORMAT_MEDIA_TYPES})
    for each in offered:
        if _names(member, each):
            found = each.encoding(member.parameters, answer_version)
            if found is not None:
                return found
    raise _unavailable(text, _available(offered))


def _unavailable(text: str, hint: str) -> UrlFormat:
    return UrlFormat(f"the format '{text[:60]}' is not available", target="$format", hint=hint)


def require_json(headers: RequestHeaders, format_option: str | None, names: frozenset[str]) -> None:
    """Refuse a client that wants anything but JSON of a document that has no other form.

    names   values of $format that stand for some format
    raises  UrlFormat
    """
    if format_option is not None:
        if _metadata_option(format_option, names) != "json":
            raise UrlFormat("the document is JSON", target="$format", hint="leave $format out")
    elif not _accepts(headers, ("json", "html")):
        raise _unacceptable(headers["accept"], "ask for application/json")


# --- $metadata ------------------------------------------------------------------------------------

METADATA_TYPES: dict[Literal["xml", "json"], str] = {
    "xml": "application/xml",
    "json": "application/json",
}


def negotiate_metadata(
    headers: RequestHeaders, format_option: str | None, names: frozenset[str] = frozenset()
) -> tuple[Literal["xml", "json"], ODataVersion]:
    """The form of $metadata and its version. The form is XML, unless $format asks for JSON, or a
    client of 4.01 accepts JSON and not XML.

    Clients of 4.0 name JSON first, or alone, in the Accept header of every request, and can still
    read only XML here (Breeze, Power Query). So XML is the answer to whatever names XML, JSON or
    HTML, in any version of them.

    names   values of $format that stand for some format
    raises  UrlFormat  where neither form is acceptable
            UrlOption  for a malformed $format
            UrlHeader  for a bad version
    """
    answer_version = version(headers)
    if format_option is not None:
        return _metadata_option(format_option, names), answer_version
    if not _accepts(headers, ("xml", "json", "html")):
        raise _unacceptable(headers["accept"], "ask for application/xml or application/json")
    members = accept(headers.get("accept", "")) or ()
    takes_xml = any(m.quality > 0 and m.covers("application", "xml") for m in members)
    takes_json = any(
        m.quality > 0 and m.covers("application", "json") and m.specificity == 2 for m in members
    )
    is_json = answer_version == "4.01" and takes_json and not takes_xml
    return "json" if is_json else "xml", answer_version


def _accepts(headers: RequestHeaders, subtypes: tuple[str, ...]) -> bool:
    """Whether a client names no type, or one of these: `application/xml`, `text/xml`, `*/*`."""
    members = accept(headers.get("accept", ""))
    known = ("*", *subtypes)
    return not members or any(
        each.quality > 0 and each.subtype.rpartition("+")[2] in known for each in members
    )


def _metadata_option(text: str, names: frozenset[str]) -> Literal["xml", "json"]:
    if text.lower() in names and text.lower() not in FORMAT_MEDIA_TYPES:
        raise _unavailable(text, "ask for xml or json")
    member = _option_member(text, FORMAT_MEDIA_TYPES)
    for form, media_type in METADATA_TYPES.items():
        if media_type == f"{member.kind}/{member.subtype}":
            return form
    raise _unavailable(text, "ask for xml or json")
