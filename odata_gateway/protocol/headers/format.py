"""The format of an answer, from $format and the Accept header.

Sources: Protocol 4.01 sections 7 and 11.2.11, JSON Format 4.01 section 3 (format parameters). What
the client asks for in $format goes before its Accept header.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from odata_gateway.errors import UrlFormat, UrlOption
from odata_gateway.protocol.headers.accept import MediaRange, accept, media_range
from odata_gateway.protocol.headers.version import ODataVersion, version
from odata_gateway.protocol.message import RequestHeaders

MetadataLevel = Literal["none", "minimal", "full"]


class JsonFormat(NamedTuple):
    """The form of a JSON answer; its media type is `content_type(format)`."""

    level: MetadataLevel = "minimal"
    version: ODataVersion = "4.0"
    ieee754: bool = False
    streaming: bool = False
    charset: bool = False

    @property
    def prefix(self) -> str:
        """What stands between `@` and the name of control information: `odata.` in 4.0, nothing in
        4.01 (JSON Format 4.5)."""
        return "odata." if self.version == "4.0" else ""


@lru_cache(maxsize=128)
def content_type(form: JsonFormat) -> str:
    """The media type, with every parameter that was applied (JSON Format 4.01, section 3)."""
    text = f"application/json;{form.prefix}metadata={form.level}"
    text += f";{form.prefix}streaming=true" if form.streaming else ""
    text += ";IEEE754Compatible=true" if form.ieee754 else ""
    return text + (";charset=utf-8" if form.charset else "")


# --- Data -----------------------------------------------------------------------------------------

_SWITCH = {"true": True, "false": False}
_LEVELS: dict[str, MetadataLevel] = {"none": "none", "minimal": "minimal", "full": "full"}
_CHARSETS = {"utf-8": True, "utf8": True}
# The parameters of application/json: the field of JsonFormat that each sets, and its values.
# ExponentialDecimals is understood and changes nothing: no number is written with an exponent.
_FORMAT_PARAMETERS: dict[str, tuple[str, Mapping[str, object]]] = {
    "odata.metadata": ("level", _LEVELS),
    "metadata": ("level", _LEVELS),
    "odata.streaming": ("streaming", _SWITCH),
    "streaming": ("streaming", _SWITCH),
    "ieee754compatible": ("ieee754", _SWITCH),
    "exponentialdecimals": ("exponential", _SWITCH),
    "charset": ("charset", _CHARSETS),
}
_AVAILABLE = "ask for application/json with odata.metadata=none, minimal or full"


def negotiate(headers: RequestHeaders, format_option: str | None) -> JsonFormat:
    """The form of a JSON answer (Protocol 4.01, section 11.2.11).

    raises  UrlFormat  where JSON is not acceptable
            UrlOption  for a malformed $format
            UrlHeader  for a bad version
    """
    return _negotiate(headers.get("accept", ""), version(headers), format_option)


@lru_cache(maxsize=1024)
def _negotiate(
    accepted: str, answer_version: ODataVersion, format_option: str | None
) -> JsonFormat:
    """Kept, because a client sends the same few headers with every request."""
    if format_option is not None:
        return _json_option(format_option, answer_version)
    members = accept(accepted)
    if members is None:
        return JsonFormat(version=answer_version)
    is_refused = any(_refuses_json(member) for member in members)
    for member in members:
        if member.quality == 0 or not member.covers("application", "json"):
            continue
        if member.specificity == 2:
            form = _json_form(member, answer_version)
        else:  # "*/*" does not bring back what "application/json;q=0" refuses
            form = None if is_refused else JsonFormat(version=answer_version)
        if form is not None:
            return form
    raise UrlFormat(
        f"the service cannot answer in any of the types '{accepted[:200]}'",
        target="Accept",
        hint=_AVAILABLE,
    )


def _refuses_json(member: MediaRange) -> bool:
    is_json = (member.kind, member.subtype) == ("application", "json")
    return is_json and member.quality == 0 and not member.parameters


def _json_form(member: MediaRange, answer_version: ODataVersion) -> JsonFormat | None:
    """The form that a member `application/json;...` asks for; None where a parameter is unknown or
    contradicts another."""
    values: dict[str, object] = {}
    for name, text in member.parameters:
        field, known = _FORMAT_PARAMETERS.get(name, ("", {}))
        if text not in known or values.get(field, known[text]) != known[text]:
            return None
        values[field] = known[text]
    return JsonFormat(
        level=_LEVELS[str(values.get("level", "minimal"))],
        version=answer_version,
        ieee754=bool(values.get("ieee754")),
        streaming=bool(values.get("streaming")),
        charset=bool(values.get("charset")),
    )


_ABBREVIATIONS = {
    "json": "application/json",
    "xml": "application/xml",
    "atom": "application/atom+xml",
}


def _format_member(text: str) -> MediaRange:
    """The media type that $format names (ABNF rule `format`); an abbreviation takes no parameters
    (JSON Format 3).

    raises  UrlOption  for a text that is neither an abbreviation nor a media type
    """
    member = media_range(_ABBREVIATIONS.get(text.lower(), text))
    if member is None or "*" in (member.kind, member.subtype):
        hint = (
            "write application/json;... with the parameters"
            if text.lower().startswith("json;")
            else "write json, xml or a media type"
        )
        raise UrlOption(f"'{text[:60]}' is not a format", target="$format", at=0, hint=hint)
    return member


def _json_option(text: str, answer_version: ODataVersion) -> JsonFormat:
    member = _format_member(text)
    is_json = (member.kind, member.subtype) == ("application", "json")
    form = _json_form(member, answer_version) if is_json else None
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
    """The form of $metadata and its version. The form is XML, unless $format asks for JSON, or a
    client of 4.01 accepts JSON and not XML.

    Clients of 4.0 name JSON first, or alone, in the Accept header of every request, and can still
    read only XML here (Breeze, Power Query).

    raises  UrlFormat  for a $format that is not available
            UrlOption  for a malformed $format
            UrlHeader  for a bad version
    """
    answer_version = version(headers)
    if format_option is not None:
        return _metadata_option(format_option), answer_version
    members = accept(headers.get("accept", "")) or ()
    takes_xml = any(m.quality > 0 and m.covers("application", "xml") for m in members)
    takes_json = any(
        m.quality > 0 and m.covers("application", "json") and m.specificity == 2 for m in members
    )
    is_json = answer_version == "4.01" and takes_json and not takes_xml
    return "json" if is_json else "xml", answer_version


def _metadata_option(text: str) -> Literal["xml", "json"]:
    member = _format_member(text)
    for form, media_type in METADATA_TYPES.items():
        if media_type == f"{member.kind}/{member.subtype}":
            return form
    raise UrlFormat(
        f"the format '{text[:60]}' is not available", target="$format", hint="ask for xml or json"
    )
