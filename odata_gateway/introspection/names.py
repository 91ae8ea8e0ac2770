"""Identifiers of OData for the names of SQL (CSDL 4.01, section 15.2).

A name stays as it is in SQL where it is an identifier. A character that cannot stand in one becomes
`_`, and a digit at the begin gets a `_` before it. Where two names would become the same, the later
one gets `_2`, `_3` and so on; which one is later is decided by the order in SQL, so a name that is
an identifier itself never changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_NO_PART = re.compile(r"\W")
MAX_LENGTH = 128
RESERVED_NAMESPACES = frozenset(
    {
        *("Edm", "odata", "System", "Transient", "Gateway"),
        *("Core", "Capabilities", "Aggregation", "Validation", "Authorization", "Measures"),
    }
)
"""CSDL 4.01, section 5: namespaces that no schema has; and the aliases of vocabularies."""


def odata_names(
    names: Iterable[str], reserved: Iterable[str] = (), wanted: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The identifier of each name, different from all others and from those that are reserved.

    wanted  those that are given, by name
    """
    result = {}
    given = wanted or {}
    by_rule = {name: given.get(name) or odata_name(name) for name in names}
    taken = {*reserved, *given.values()}
    kept = {name for name, found in by_rule.items() if name == found and name not in taken}
    taken |= kept
    for name, found in by_rule.items():
        result[name] = found if name in given or name in kept else unused(found, taken)
        taken.add(result[name])
    return result


def odata_name(name: str) -> str:
    """A name of SQL as an identifier, which may be that of other names as well."""
    text = _NO_PART.sub("_", name)[:MAX_LENGTH]
    return f"_{text[: MAX_LENGTH - 1]}" if text[:1].isdecimal() or not text else text


def unused(name: str, taken: Iterable[str]) -> str:
    """The name, or with the lowest number that makes it different from those that are taken."""
    known, number, found = set(taken), 2, name
    while found in known:
        ending = f"_{number}"
        found, number = name[: MAX_LENGTH - len(ending)] + ending, number + 1
    return found


def descriptions(comment: str | None) -> dict[str, str]:
    """A comment: its first line as description, and all of it as long description where it has
    more than one."""
    text = (comment or "").strip()
    if not text:
        return {}
    first, *more = text.splitlines()
    found = {"@Core.Description": first.strip()}
    return found | {"@Core.LongDescription": text} if more else found
