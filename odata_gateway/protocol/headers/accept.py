"""The media ranges of an Accept header (RFC 9110, section 12.5.1).

Real clients are sloppier than the RFC. A member that cannot be read is passed over, and so is a
malformed quality. Only a list without any acceptable member is refused, by the caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
QUOTED_STRING = r'"(?:[^"\\]|\\.)*"'
LIST_MEMBER = re.compile(rf"(?:[^,\"]|{QUOTED_STRING})+")
"""A member of a header that is a list; a comma inside a quoted string does not end it."""

_PARAMETER = re.compile(rf"\s*;\s*(?:({TOKEN})\s*=\s*({TOKEN}|{QUOTED_STRING}))?\s*")
_RANGE = re.compile(rf"\s*({TOKEN})/({TOKEN})\s*")
_BARE_STAR = re.compile(r"\s*\*\s*(?=;|$)")
_QUALITY = re.compile(r"[01]?(\.[0-9]*)?")
_HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One member of an Accept header, in lower case.

    parameters  in the order given, without q
    """

    kind: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()
    quality: float = 1.0

    @property
    def specificity(self) -> int:
        """2 for `application/json`, 1 for `application/*`, 0 for `*/*`."""
        return (self.kind != "*") + (self.subtype != "*")

    def covers(self, kind: str, subtype: str) -> bool:
        """Whether the range includes a media type."""
        return self.kind in ("*", kind) and self.subtype in ("*", subtype)


def accept(text: str) -> tuple[MediaRange, ...] | None:
    """The readable members of an Accept header, best first: by quality, then by specificity.

    None  for an empty header: the client names no type
    """
    if not text.strip():
        return None
    parts = LIST_MEMBER.findall(text)
    members = [found for part in parts if (found := media_range(part)) is not None]
    return tuple(sorted(members, key=lambda member: (-member.quality, -member.specificity)))


@lru_cache(maxsize=256)
def prefers_html(text: str) -> bool:
    """Whether an Accept header names HTML before any other type, as those of browsers do."""
    first = (accept(text) or (None,))[0]
    return first is not None and f"{first.kind}/{first.subtype}" in _HTML and first.quality > 0


def media_range(text: str) -> MediaRange | None:
    """One media range with its parameters, or None for a text that is not a media range."""
    head = _RANGE.match(text)
    if head is not None:
        kind, subtype, rest = head[1].lower(), head[2].lower(), text[head.end() :]
    elif bare := _BARE_STAR.match(text):  # Java's HttpURLConnection sends a lone star
        kind, subtype, rest = "*", "*", text[bare.end() :]
    else:
        return None
    parameters = _parameters(rest)
    if parameters is None:
        return None
    quality = next((_quality(value) for name, value in parameters if name == "q"), 1.0)
    return MediaRange(kind, subtype, tuple(pair for pair in parameters if pair[0] != "q"), quality)


def unquoted(text: str) -> str:
    """The content of a quoted string, or a token as it is."""
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _parameters(text: str) -> tuple[tuple[str, str], ...] | None:
    """The `;name=value` pairs of a text in lower case; None if it contains anything else."""
    found, at = [], 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            return None
        if match[1]:
            found.append((match[1].lower(), unquoted(match[2]).lower()))
        at = match.end()
    return tuple(found)


def _quality(text: str) -> float:
    return min(float(text), 1.0) if _QUALITY.fullmatch(text) and text not in ("", ".") else 1.0
