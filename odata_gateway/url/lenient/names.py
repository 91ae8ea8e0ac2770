"""Option names behind invisible characters, and blanks around path segments.

By the letter of the ABNF, `%20$top` is the name of a custom option, which every service ignores.
The client who pasted it meant $top, and would get all rows.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from odata_gateway.errors import UrlOption
from odata_gateway.types.faults import shorten
from odata_gateway.url import options
from odata_gateway.url.lenient.respelling import is_invisible

_USUAL = re.compile(r"[$@]?[A-Za-z_][A-Za-z0-9_.-]*")
_ENTITIES = re.compile(r"(?:amp;)+", re.IGNORECASE)
_FRAMED = re.compile(r"(?P<before>[^\w$@]*)(?P<name>\$?[^\W\d]\w*)\W*")


def option_name(name: str, *, strict: bool = False) -> str:
    """A decoded option name; one that is a system option or an alias once invisible characters
    are taken off is without them. So is `amp;$filter`, from a link that was escaped for HTML.

    strict  whether such a name is refused
    raises  UrlOption  for it, and for a name that is a system option among visible characters
    """
    if _USUAL.fullmatch(name):
        return name
    visible = _ENTITIES.sub("", "".join([c for c in name if not is_invisible(c)]), count=1)
    known = options.canonical(visible)
    found = visible if known else _ENTITIES.sub("", name[slice(*edges(name))], count=1)
    if found == name or not (known or found[:1] in ("$", "@")):
        _check_resemblance(name, visible)
        return name
    if strict:
        raise UrlOption(
            f"'{shorten(name)}' has invisible characters, or an HTML entity, beside the name",
            target="url",
            hint=f"write {shorten(found)}",
        )
    return found


def _check_resemblance(name: str, visible: str) -> None:
    """Refuse `?$top`, `%24top` (encoded twice) and the like, which would be ignored."""
    plain = unicodedata.normalize("NFKC", unquote(unquote(visible)))
    framed = _FRAMED.fullmatch(plain)
    known = options.canonical(framed["name"]) if framed else None
    if framed is None or known is None or name[:1] in ("$", "@"):
        return
    if framed["name"][0] == "$" or framed["before"] in ("?", "&", "??"):
        raise UrlOption(
            f"'{shorten(name)}' would be a custom option, which is ignored",
            target="url",
            hint=f"write {known}, without other characters, percent-encoded once at most",
        )


def edges(text: str) -> tuple[int, int]:
    """The offsets between which a text has neither leading nor trailing invisible characters."""
    start, end = 0, len(text)
    while start < end and is_invisible(text[start]):
        start += 1
    while end > start and is_invisible(text[end - 1]):
        end -= 1
    return start, end


_LAST = frozenset({"$count", "$value", "$ref"})


def segment_edges(text: str, before: str | None) -> tuple[int, int]:
    """The offsets of a path segment without blanks around it. A segment that may be a key keeps
    them: `Label/vip ` could name the key `vip `.

    before  the segment before; None for the first
    """
    start, end = edges(text)
    name = text[start:end]
    if name[:1] == "$" and not (name in _LAST or name.startswith("$filter")):
        return 0, len(text)
    is_no_key = before is None or "(" in name or name[:1] == "$" or before.rstrip()[-1:] == ")"
    return (start, end) if is_no_key else (0, len(text))
