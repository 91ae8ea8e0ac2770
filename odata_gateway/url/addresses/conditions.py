"""Options that narrow and group the rows of an address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from odata_gateway.url.addresses.address import Address
from odata_gateway.url.options import NESTED

_OF_ROWS = dict.fromkeys((option.name for option in NESTED), "")
"""No option that says which rows there are, and how they are shown."""
_COUNTED = re.compile(r"(?:filter\((.*)\)/)?groupby\(\(([^()]*)\),aggregate\(\$count as \w+\)\)")
_GROUPED = re.compile(r"groupby\(\(([^()]*)\)")
CALENDAR_PARTS = ("year", "month", "day", "hour", "minute", "second")
_CALENDAR = re.compile(rf"\b({'|'.join(CALENDAR_PARTS)})\([\w/]+\) as (\w+)")


class CountedGroups(NamedTuple):
    """What the number of rows is counted of: rows in `address`, for each value of `names`."""

    address: Address
    names: tuple[str, ...]


def narrowed(address: Address, condition: str) -> Address:
    """The address of those of its rows for which a condition is true."""
    return address.changed({"$filter": both(address.value("$filter"), condition)})


def both(first: str, second: str) -> str:
    """Two conditions as one; the first may be empty."""
    if not first:
        return second
    has_or = re.search(r"\bor\b", first)
    return f"({first}) and {second}" if has_or else f"{first} and {second}"


def transformations(address: Address) -> str:
    """What makes the rows of an address, as steps of $apply, each with a slash behind it."""
    apply = address.value("$apply")
    steps = [apply] if apply else []
    for step in ("compute", "search", "filter"):
        value = address.value(f"${step}")
        steps += [f"{step}({value})"] if value else []
    return "".join(f"{step}/" for step in steps)


def with_steps(address: Address, steps: str) -> Address:
    """The address of what further steps of $apply make of the rows of an address."""
    return address.changed({**_OF_ROWS, "$apply": transformations(address) + steps})


def counted(address: Address, names: Sequence[str], number: str) -> Address:
    """The address of the number of rows for each value of columns, the largest first.

    number  the name of the number
    """
    steps = f"groupby(({','.join(names)}),aggregate($count as {number}))"
    return with_steps(address, steps).changed({"$orderby": f"{number} desc"})


def counted_groups(address: Address) -> CountedGroups | None:
    """What the rows of an address count, if they are made as by `counted`; None for other rows."""
    found = _COUNTED.fullmatch(address.value("$apply"))
    if found is None or ")/" in (found[1] or "") or address.value("$filter"):
        return None
    source = address.changed({**_OF_ROWS, "$filter": found[1] or ""})
    return CountedGroups(source, tuple(found[2].split(",")))


def group_names(apply: str) -> tuple[str, ...]:
    """The paths that the last groupby of $apply groups by; empty without one."""
    found = _GROUPED.findall(apply)
    return tuple(name.strip() for name in found[-1].split(",")) if found else ()


def calendar_names(apply: str) -> dict[str, str]:
    """The names that $apply computes as parts of a time, each with the function of its part."""
    return {name: part for part, name in _CALENDAR.findall(apply)}


def by_calendar(address: Address, path: str, parts: Sequence[str], number: str) -> Address:
    """The address of the number of rows for each year, month and so on of a time, in their order.

    parts   functions of a time
    number  the name of the number
    """
    computed = ",".join(f"{part}({path}) as {part}" for part in parts)
    keys = ",".join(parts)
    steps = f"compute({computed})/groupby(({keys}),aggregate($count as {number}))"
    return with_steps(address, steps).changed({"$orderby": keys})
