"""CHECK constraints of one column as annotations of its property, where that is certain.

A constraint is read as Postgres writes it: comparisons with numbers, a list of texts, one regular
expression, and these joined by AND. Nothing is said of any other, and nothing of a regular
expression that ECMAScript may read differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

_CAST = r"(?:::[\w \"\[\]().,]+?)?"
_VALUE = rf"\(*VALUE\)*{_CAST}"
_NUMBER = rf"\(*'?(-?\d+(?:\.\d+)?)'?\)*{_CAST}"
_BOUND = re.compile(rf"{_VALUE} (>=|<=|>|<) {_NUMBER}\)*")
_TEXT = r"'(?:[^']|'')*'"
_LIST = re.compile(
    rf"{_VALUE} = ANY \(\(?ARRAY\[({_TEXT}{_CAST}(?:, {_TEXT}{_CAST})*)\]\)?{_CAST}\)"
)
_EQUAL = re.compile(rf"{_VALUE} = ({_TEXT}){_CAST}")
_PATTERN = re.compile(rf"{_VALUE} ~ ({_TEXT}){_CAST}")
_SAME_IN_BOTH = re.compile(
    r"(?:[^\\\[\](){}*+?]|\\[-.*+?()\[\]{}^$|/\\]|\\d|\[\^?(?:[^\\\[\]]|\\[-.\]\[^\\])+\]"
    r"|\((?!\?)|\)|[*+?]|\{\d{1,3}(?:,\d{0,3})?\})*"
)
"""Regular expressions that Postgres and ECMAScript read alike."""


def annotations_of_checks(checks: Iterable[str], *, is_integer: bool) -> dict[str, Any]:
    """The annotations of a property, by constraints in which VALUE stands for the column."""
    found: dict[str, Any] = {}
    for check in checks:
        for part in _parts(_bare(check)):
            found |= _of_bound(part, is_integer) or _of_texts(part)
    return found


def _of_bound(part: str, is_integer: bool) -> dict[str, Any]:
    match = _BOUND.fullmatch(part)
    if match is None:
        return {}
    operator, text = match.groups()
    number: int | float = float(text) if "." in text else int(text)
    if len(operator) == 1:
        if not (is_integer and isinstance(number, int)):
            return {}  # the bound itself is excluded, and no number is the next one
        number += 1 if operator == ">" else -1
    return {f"@Validation.{'Minimum' if operator[0] == '>' else 'Maximum'}": number}


def _of_texts(part: str) -> dict[str, Any]:
    if (match := _LIST.fullmatch(part) or _EQUAL.fullmatch(part)) is not None:
        values = [_unquoted(text) for text in re.findall(_TEXT, match[1])]
        return {"@Validation.AllowedValues": [{"Value": value} for value in values]}
    match = _PATTERN.fullmatch(part)
    pattern = "" if match is None else _unquoted(match[1])
    if pattern and not pattern.startswith("***") and _SAME_IN_BOTH.fullmatch(pattern):
        return {"@Validation.Pattern": pattern}
    return {}


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _bare(text: str) -> str:
    """A condition without the parentheses that are around all of it."""
    text = text.strip()
    while text.startswith("(") and _end(text, 0) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _end(text: str, start: int) -> int:
    """The index of the parenthesis that closes the one at `start`."""
    depth = 0
    for match in re.compile(rf"{_TEXT}|[()]").finditer(text, start):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if not depth:
            return match.start()
    return -1


def _parts(text: str) -> Iterator[str]:
    """The conditions that AND joins, all of which hold."""
    depth, start = 0, 0
    for match in re.compile(rf"{_TEXT}|[()]| AND | OR ").finditer(text):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0 and match[0] == " OR ":
            return
        if depth == 0 and match[0] == " AND ":
            yield from _parts(_bare(text[start : match.start()]))
            start = match.end()
    rest = text[start:]
    if start:
        yield from _parts(_bare(rest))
    else:
        yield rest
