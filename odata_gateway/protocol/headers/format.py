"""What the client can read and would like: the answer's format, version and preferences, from
headers and $format.

Sources: Protocol 4.01 sections 7, 8.2 and 11.2.11 (headers, $format), JSON Format 4.01 section 3
(format parameters), RFC 9110 section 12 (Accept) and RFC 7240 (Prefer). Real clients are sloppier
than any of them: a member of an Accept list that cannot be understood is passed over, and only a
list without any acceptable member is refused. Header names in the mappings given to this module are
in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple

from odata_gateway.errors import UrlFormat, UrlHeader, UrlOption, UrlPrecondition
from odata_gateway.protocol.message import RequestHeaders

MetadataLevel = Literal["none", "minimal", "full"]
ODataVersion = Literal["4.0", "4.01"]


class JsonFormat(NamedTuple):
    """The form of a JSON answer; its media type is `content_type(format)`."""

    level: MetadataLevel = "minimal"
    version: ODataVersion = "4.0"
    ieee754: bool = False
    streaming: bool = False
    exponential: bool = False
    charset: bool = False

    @property
    def prefix(self) -> str:
        """What stands between `@` and the name of control information: `odata.` in 4.0, nothing in
        4.01 (JSON Format 4.5)."""
        return "odata." if self.version == "4.0" else ""


@lru_cache(maxsize=128)
def content_type(form: JsonFormat) -> str:
    """The media type that names every parameter which was applied (JSON Format 4.01, section 3)."""
    text = f"application/json;{form.prefix}metadata={form.level}"
    text += f";{form.prefix}streaming=true" if form.streaming else ""
    text += ";IEEE754Compatible=true" if form.ieee754 else ""
    return text + (";charset=utf-8" if form.charset else "")


# --- Version --------------------------------------------------------------------------------------

_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def version(headers: RequestHeaders) -> ODataVersion:
    """The version of the answer: 4.01 for a client that names it or more as its maximum, otherwise
    4.0 (Protocol 8.2.7).

    raises  UrlHeader for a maximum that is no decimal number or below 4.0
    """
    return _version(headers.get("odata-maxversion"))


@lru_cache(maxsize=256)
def _version(text: str | None) -> ODataVersion:
    if text is None:
        return "4.0"
    numbers = {part.strip() for part in text.split(",")}
    only = numbers.pop()
    if numbers or not _DECIMAL.fullmatch(only):
        raise UrlHeader(f"'{text[:40]}' is no version number", target="OData-MaxVersion")
    if Decimal(only) < Decimal("4.0"):
        raise UrlHeader(
            f"this service speaks OData 4.0 and 4.01, nothing up to {only}",
            target="OData-MaxVersion",
        )
    return "4.01" if Decimal(only) >= Decimal("4.01") else "4.0"


def version_of_error(headers: RequestHeaders) -> ODataVersion:
    """The version of an error, which is 4.0 also where the client's own version header is the
    error."""
    try:
        return version(headers)
    except UrlHeader:
        return "4.0"


def check_body(headers: RequestHeaders) -> None:
    """The version of a request's body (Protocol 8.1.5), before what it asks for; raises
    UrlHeader."""
    body_version = headers.get("odata-version", "4.0").strip()
    if body_version not in ("4.0", "4.01"):
        raise UrlHeader(
            f"a body of version '{body_version[:40]}' cannot be read",
            target="OData-Version",
            hint="4.0 and 4.01 are known",
        )


# --- Media ranges ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One member of an Accept list, in lower case; parameters in the order given, without q."""

    kind: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()
    quality: float = 1.0

    @property
    def specificity(self) -> int:
        return (self.kind != "*") + (self.subtype != "*")

    def covers(self, kind: str, subtype: str) -> bool:
        return self.kind in ("*", kind) and self.subtype in ("*", subtype)


_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PARAMETER = re.compile(rf"\s*;\s*(?:({_TOKEN})\s*=\s*({_TOKEN}|{_QUOTED}))?\s*")
_RANGE = re.compile(rf"\s*({_TOKEN})/({_TOKEN})\s*")
_MEMBER = re.compile(rf"(?:[^,\"]|{_QUOTED})+")
_QUALITY = re.compile(r"[01]?(\.[0-9]*)?")


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _parameters(text: str) -> tuple[tuple[str, str], ...] | None:
    """The `;name=value` pairs of a text, or None where it holds anything else."""
    found, at = [], 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            return None
        if match[1]:
            found.append((match[1].lower(), _unquote(match[2]).lower()))
        at = match.end()
    return tuple(found)


def _quality(text: str) -> float:
    return min(float(text), 1.0) if _QUALITY.fullmatch(text) and text not in ("", ".") else 1.0


def media_range(text: str) -> MediaRange | None:
    """One media range with its parameters, or None for a text that is none."""
    head = _RANGE.match(text)
    if head is None:
        bare = re.match(r"\s*\*\s*(?=;|$)", text)  # Java's HttpURLConnection sends a lone star
        kind, subtype, rest = ("*", "*", text[bare.end() :]) if bare else ("", "", "")
    else:
        kind, subtype, rest = head[1].lower(), head[2].lower(), text[head.end() :]
    parameters = _parameters(rest)
    if not kind or parameters is None:
        return None
    quality = next((_quality(value) for name, value in parameters if name == "q"), 1.0)
    return MediaRange(kind, subtype, tuple(pair for pair in parameters if pair[0] != "q"), quality)


def accept(text: str) -> tuple[MediaRange, ...] | None:
    """The members of an Accept header that can be read, best first; None where the client names no
    type at all."""
    if not text.strip():
        return None
    members = [found for part in _MEMBER.findall(text) if (found := media_range(part)) is not None]
    return tuple(sorted(members, key=lambda member: (-member.quality, -member.specificity)))


# --- Format parameters ----------------------------------------------------------------------------

_SWITCH = {"true": True, "false": False}
_LEVELS: dict[str, MetadataLevel] = {"none": "none", "minimal": "minimal", "full": "full"}
_CHARSETS = {"utf-8": True, "utf8": True}
_FORMAT_PARAMETERS: dict[str, tuple[str, Mapping[str, object]]] = {
    "odata.metadata": ("level", _LEVELS),
    "metadata": ("level", _LEVELS),
    "odata.streaming": ("streaming", _SWITCH),
    "streaming": ("streaming", _SWITCH),
    "ieee754compatible": ("ieee754", _SWITCH),
    "exponentialdecimals": ("exponential", _SWITCH),
    "charset": ("charset", _CHARSETS),
}


def _json_form(member: MediaRange, answer_version: ODataVersion) -> JsonFormat | None:
    """The format a JSON member asks for, or None where a parameter is unknown or contradicts
    another."""
    values: dict[str, object] = {}
    for name, text in member.parameters:
        attribute, known = _FORMAT_PARAMETERS.get(name, ("", {}))
        if text not in known or values.get(attribute, known[text]) != known[text]:
            return None
        values[attribute] = known[text]
    level = values.get("level", "minimal")
    return JsonFormat(
        level=_LEVELS[str(level)],
        version=answer_version,
        ieee754=bool(values.get("ieee754")),
        streaming=bool(values.get("streaming")),
        exponential=bool(values.get("exponential")),
        charset=bool(values.get("charset")),
    )


def negotiate(headers: RequestHeaders, format_option: str | None) -> JsonFormat:
    """The form of a JSON answer; $format goes before Accept (Protocol 4.01, section 11.2.11).

    raises  UrlFormat (406) where JSON is not acceptable, UrlOption (400) for a malformed $format,
            UrlHeader for a bad version
    """
    return _negotiate(headers.get("accept", ""), version(headers), format_option)


@lru_cache(maxsize=1024)
def _negotiate(
    accepted: str, answer_version: ODataVersion, format_option: str | None
) -> JsonFormat:
    """The same few headers come with every request of a client, so what they mean is kept."""
    if format_option is not None:
        return _json_option(format_option, answer_version)
    members = accept(accepted)
    if members is None:
        return JsonFormat(version=answer_version)
    refused = any(
        m.quality == 0
        and m.covers("application", "json")
        and m.specificity == 2
        and not m.parameters
        for m in members
    )
    for member in members:
        if (
            member.quality == 0
            or not member.covers("application", "json")
            or (refused and member.specificity < 2)
        ):
            continue
        form = (
            _json_form(member, answer_version)
            if member.specificity == 2
            else JsonFormat(version=answer_version)
        )
        if form is not None:
            return form
    raise UrlFormat(
        f"none of the acceptable types is available: {accepted[:200]}",
        target="Accept",
        hint=_AVAILABLE,
    )


_AVAILABLE = "application/json with odata.metadata=none, minimal or full is available"
_ABBREVIATIONS = {
    "json": "application/json",
    "xml": "application/xml",
    "atom": "application/atom+xml",
}


def _format_member(text: str) -> MediaRange:
    """The media type $format names (ABNF rule `format`); an abbreviation takes no parameters (JSON
    Format 3).

    raises  UrlOption for a text that is neither an abbreviation nor a media type
    """
    member = media_range(_ABBREVIATIONS.get(text.lower(), text))
    if member is None or "*" in (member.kind, member.subtype):
        hint = (
            "write application/json;... with the parameters"
            if text.lower().startswith("json;")
            else "json, or a media type, is expected"
        )
        raise UrlOption(f"'{text[:60]}' is no format", target="$format", at=0, hint=hint)
    return member


def _json_option(text: str, answer_version: ODataVersion) -> JsonFormat:
    member = _format_member(text)
    form = (
        _json_form(member, answer_version)
        if (member.kind, member.subtype) == ("application", "json")
        else None
    )
    if form is None:
        raise UrlFormat(
            f"the format '{text[:60]}' is not available", target="$format", hint=_AVAILABLE
        )
    return form


# --- $metadata ------------------------------------------------------------------------------------

METADATA_TYPES: dict[Literal["xml", "json"], str] = {
    "xml": "application/xml",
    "json": "application/json",
}


def negotiate_metadata(
    headers: RequestHeaders, format_option: str | None
) -> tuple[Literal["xml", "json"], ODataVersion]:
    """The form of $metadata: XML, unless $format says JSON, or a client of 4.01 accepts JSON and no
    XML.

    Clients of 4.0 name JSON first, or alone, in the Accept header of every request and can still
    read only XML here (Breeze, Power Query).

    raises  UrlFormat or UrlOption for a $format that is not available or malformed, UrlHeader for a
            bad version
    """
    answer_version = version(headers)
    if format_option is not None:
        member = _format_member(format_option)
        for form, media_type in METADATA_TYPES.items():
            if media_type == f"{member.kind}/{member.subtype}":
                return form, answer_version
        raise UrlFormat(
            f"the format '{format_option[:60]}' is not available",
            target="$format",
            hint="xml and json are available",
        )
    members = accept(headers.get("accept", "")) or ()
    takes_xml = any(m.quality > 0 and m.covers("application", "xml") for m in members)
    takes_json = any(
        m.quality > 0 and m.covers("application", "json") and m.specificity == 2 for m in members
    )
    return (
        "json" if answer_version == "4.01" and takes_json and not takes_xml else "xml"
    ), answer_version


# --- Preferences ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the client would like (Protocol 4.01, section 8.2.8); malformed and unknown preferences
    are left out.

    `spelled` holds each preference that was understood under its plain name, as the client wrote
    it.
    """

    maxpagesize: int | None = None
    omit_nulls: bool = False
    include_annotations: str | None = None
    minimal: bool = False
    respond_async: bool = False
    track_changes: bool = False
    continue_on_error: bool | None = None
    spelled: Mapping[str, str] = field(default_factory=dict)

    def applied(self, *names: str) -> str | None:
        """The value of Preference-Applied for those of the named preferences that the client sent,
        or None."""
        return ", ".join(self.spelled[name] for name in names if name in self.spelled) or None


_PREFERENCE = re.compile(rf"\s*({_TOKEN})\s*(?:=\s*({_TOKEN}|{_QUOTED})?\s*)?(?:;.*)?", re.DOTALL)


def _preference_members(text: str) -> Iterator[tuple[str, str, str]]:
    """(name without `odata.`, value, as written) of each member; the first of several with one name
    counts (RFC 7240, section 2)."""
    seen = set()
    for part in _MEMBER.findall(text):
        match = _PREFERENCE.fullmatch(part)
        if match is None:
            continue
        name = match[1].lower().removeprefix("odata.")
        if name not in seen:
            seen.add(name)
            yield name, _unquote(match[2] or ""), part.split(";")[0].strip()


_CONTINUES = {"": True, "true": True, "false": False}


def _page_size(value: str) -> int | None:
    return (
        int(value)
        if value.isascii() and value.isdigit() and len(value) <= 18 and int(value) > 0
        else None
    )


def preferences(headers: RequestHeaders) -> Preferences:
    """The preferences of the Prefer header, that can be understood, with or without the prefix
    `odata.`."""
    return _preferences(headers.get("prefer", ""))


@lru_cache(maxsize=256)
def _preferences(header: str) -> Preferences:
    found = {name: (value, written) for name, value, written in _preference_members(header)}
    text = {name: value for name, (value, _) in found.items()}
    size = _page_size(text.get("maxpagesize", ""))
    known = {
        "maxpagesize": size is not None,
        "omit-values": text.get("omit-values", "").lower() == "nulls",
        "include-annotations": bool(text.get("include-annotations")),
        "return": text.get("return", "").lower() in ("minimal", "representation"),
        "respond-async": text.get("respond-async") == "",
        "track-changes": text.get("track-changes") == "",
        "continue-on-error": text.get("continue-on-error", "-").lower() in _CONTINUES,
    }
    return Preferences(
        maxpagesize=size,
        omit_nulls=known["omit-values"],
        include_annotations=text.get("include-annotations") or None,
        minimal=text.get("return", "").lower() == "minimal",
        respond_async=known["respond-async"],
        track_changes=known["track-changes"],
        continue_on_error=_CONTINUES.get(text.get("continue-on-error", "-").lower()),
        spelled={name: found[name][1] for name, understood in known.items() if understood},
    )


# --- Conditions -----------------------------------------------------------------------------------


def wants_snapshot(headers: RequestHeaders) -> bool:
    """Whether the whole answer must come from one snapshot (Protocol 4.01, section 8.2.6).

    raises  UrlPrecondition for an isolation this service does not know
    """
    value = headers.get("odata-isolation", headers.get("isolation"))
    if value is None:
        return False
    if value.strip().lower() != "snapshot":
        raise UrlPrecondition(
            f"the isolation '{value[:40]}' cannot be provided", target="OData-Isolation"
        )
    return True


_ETAG = re.compile(r'(?:W/)?("[^"]*")')


def names_etag(header: str, etag: str) -> bool:
    """Whether an If-Match or If-None-Match header names this ETag, by weak comparison (RFC 9110,
    section 8.8.3.2); `*` names every one."""
    own = _ETAG.fullmatch(etag)
    return header.strip() == "*" or (own is not None and own[1] in _ETAG.findall(header))
