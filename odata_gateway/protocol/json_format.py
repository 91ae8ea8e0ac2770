"""The form of a JSON body: the parameters of its media type (JSON Format 4.01, section 3), and what
else of a request changes its text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import orjson

from odata_gateway.protocol.headers.version import ODataVersion

PLAN_TYPE = "application/vnd.odata-gateway.plan+json"
"""Of a body that says how Postgres would find the rows, in place of these."""
MetadataLevel = Literal["none", "minimal", "full"]


class JsonFormat(NamedTuple):
    """How a JSON body is written.

    level        how much control information it has
    version      of the names of control information, and of the reply
    ieee754      Int64 and Decimal are strings
    streaming    the client asked for it; only the media type says so, every body is streamed
    charset      the client asked for it; only the media type says so, every body is UTF-8
    omits_nulls  members that are null are left out (Prefer: omit-values=nulls)
    names_sets   rows are of several entity sets, and each says of which
    """

    level: MetadataLevel = "minimal"
    version: ODataVersion = "4.0"
    ieee754: bool = False
    streaming: bool = False
    charset: bool = False
    omits_nulls: bool = False
    names_sets: bool = False

    @property
    def prefix(self) -> str:
        """What the names of control information begin with: `@odata.` in 4.0, `@` in 4.01 (JSON
        Format 4.5)."""
        return "@odata." if self.version == "4.0" else "@"

    @property
    def content_type(self) -> str:
        """The media type with every parameter that was applied, under the names of the version."""
        prefix = self.prefix.removeprefix("@")
        text = f"application/json;{prefix}metadata={self.level}"
        text += f";{prefix}streaming=true" if self.streaming else ""
        text += ";IEEE754Compatible=true" if self.ieee754 else ""
        return text + (";charset=utf-8" if self.charset else "")


_SWITCH = {"true": True, "false": False}
_LEVELS: dict[str, MetadataLevel] = {"none": "none", "minimal": "minimal", "full": "full"}
_CHARSETS = {"utf-8": True, "utf8": True}
# The parameters of application/json: the field of JsonFormat that each sets, and its values.
# ExponentialDecimals is understood and changes nothing: no number is written with an exponent.
_PARAMETERS: dict[str, tuple[str, Mapping[str, object]]] = {
    "odata.metadata": ("level", _LEVELS),
    "metadata": ("level", _LEVELS),
    "odata.streaming": ("streaming", _SWITCH),
    "streaming": ("streaming", _SWITCH),
    "ieee754compatible": ("ieee754", _SWITCH),
    "exponentialdecimals": ("exponential", _SWITCH),
    "charset": ("charset", _CHARSETS),
}


def json_format(parameters: Iterable[tuple[str, str]], version: ODataVersion) -> JsonFormat | None:
    """The form that the parameters of application/json ask for, given in lower case; None where one
    is unknown or contradicts another."""
    values: dict[str, object] = {}
    for name, text in parameters:
        field, known = _PARAMETERS.get(name, ("", {}))
        if text not in known or values.get(field, known[text]) != known[text]:
            return None
        values[field] = known[text]
    return JsonFormat(
        level=_LEVELS[str(values.get("level", "minimal"))],
        version=version,
        ieee754=bool(values.get("ieee754")),
        streaming=bool(values.get("streaming")),
        charset=bool(values.get("charset")),
    )


def with_exact_numbers(text: bytes | str) -> Any:
    """The value of a JSON text, of which `orjson` writes each number as it stands there.

    raises  ValueError; RecursionError for a text that is too deep
    """
    return json.loads(text, parse_float=orjson.Fragment, parse_int=orjson.Fragment)
