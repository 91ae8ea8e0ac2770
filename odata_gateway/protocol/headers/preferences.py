"""What a client prefers but does not require: the Prefer header (RFC 7240; Protocol 4.01, section
8.2.8).

A preference that is malformed or unknown is ignored, as RFC 7240 demands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from odata_gateway.protocol.headers.accept import LIST_MEMBER, QUOTED_STRING, TOKEN, unquoted
from odata_gateway.protocol.message import RequestHeaders

# Names of time zones have a slash, which a token has not.
_WORD = f"{TOKEN}(?:/{TOKEN})*"
_PREFERENCE = re.compile(
    rf"\s*({TOKEN})\s*(?:=\s*({_WORD}|{QUOTED_STRING})?\s*)?(?:;.*)?", re.DOTALL
)
_MOST_ROWS = 10**18
"""What stands for any larger page size, beyond every limit of the service."""
_CONTINUES = {"": True, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Preferences:
    """The preferences that change an answer.

    continue_on_error  None if the client did not say
    timezone           the name of a time zone, as the client wrote it
    spelled            every preference that was understood, also those that change nothing: its
                       text as the client wrote it, by its name without `odata.`
    """

    maxpagesize: int | None = None
    omit_nulls: bool = False
    continue_on_error: bool | None = None
    timezone: str | None = None
    spelled: Mapping[str, str] = field(default_factory=dict)

    def applied(self, *names: str) -> str | None:
        """The value of Preference-Applied: those of the named preferences that the client sent;
        None if it sent none."""
        return ", ".join(self.spelled[name] for name in names if name in self.spelled) or None

    def with_page_rows(self, rows: int) -> Preferences:
        """The preferences with the page size that is applied in place of the one that was asked
        for, which may be beyond what the service allows."""
        if self.maxpagesize is None or self.maxpagesize == rows:
            return self
        name = self.spelled["maxpagesize"].partition("=")[0].rstrip()
        spelled = {**self.spelled, "maxpagesize": f"{name}={rows}"}
        return replace(self, maxpagesize=rows, spelled=spelled)


def preferences(headers: RequestHeaders) -> Preferences:
    """The preferences of the Prefer header; names may have the prefix `odata.`."""
    return _preferences(headers.get("prefer", ""))


@lru_cache(maxsize=256)
def _preferences(header: str) -> Preferences:
    found = {name: (value, written) for name, value, written in _members(header)}
    text = {name: value for name, (value, _) in found.items()}
    size = _page_size(text.get("maxpagesize", ""))
    understood = {
        "maxpagesize": size is not None,
        "omit-values": text.get("omit-values", "").lower() == "nulls",
        "include-annotations": bool(text.get("include-annotations")),
        "return": text.get("return", "").lower() in ("minimal", "representation"),
        "respond-async": text.get("respond-async") == "",
        "track-changes": text.get("track-changes") == "",
        "continue-on-error": text.get("continue-on-error", "-").lower() in _CONTINUES,
        "timezone": bool(text.get("timezone")),
    }
    return Preferences(
        maxpagesize=size,
        omit_nulls=understood["omit-values"],
        continue_on_error=_CONTINUES.get(text.get("continue-on-error", "-").lower()),
        timezone=text.get("timezone") or None,
        spelled={name: found[name][1] for name, is_known in understood.items() if is_known},
    )


def _members(header: str) -> Iterator[tuple[str, str, str]]:
    """(name without `odata.`, value, text as written) of each member; of several with one name the
    first (RFC 7240, section 2)."""
    seen = set()
    for part in LIST_MEMBER.findall(header):
        match = _PREFERENCE.fullmatch(part)
        if match is None:
            continue
        name = match[1].lower().removeprefix("odata.")
        if name not in seen:
            seen.add(name)
            yield name, unquoted(match[2] or ""), part.split(";")[0].strip()


def _page_size(value: str) -> int | None:
    digits = value.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) if len(digits) < len(str(_MOST_ROWS)) else _MOST_ROWS
