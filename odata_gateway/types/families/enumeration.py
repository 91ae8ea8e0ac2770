"""Enumerations that a model declares: a family for each, over an enum of Postgres or over whole
numbers.

A value is shown by the name of its member, and a literal is one with or without the name of the
type: `'red'`, `Shop.Color'red'`. Over an enum of Postgres, values are compared and ordered as the
enum does it, so that an index serves. Over whole numbers they are compared and ordered as these; a
number without a member is shown as itself, and a value of flags as the names of all members that it
has, `'red,green'`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import LiteralString
from urllib.parse import quote

from odata_gateway.types.families.string import ENUM_COLUMN, TEXT_IN_LINKS
from odata_gateway.types.family import (
    ArgumentType,
    ColumnReading,
    DecodeMode,
    JsonForm,
    LiteralForm,
    PrimitiveType,
    TypeFamily,
    refuse,
)
from odata_gateway.types.faults import ValueFault, shorten

_LITERAL = re.compile(r"([^\W\d][\w.]*)'([^']*)'")
_NUMBER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_LOW, _HIGH = -(2**63), 2**63 - 1
_SHOWN = 12
"""Members that an error lists."""


@dataclass(frozen=True, slots=True)
class EnumMembers:
    """The members of an enumeration with their values, in the order of the declaration."""

    name: str
    values: Mapping[str, int]
    is_flags: bool = False

    def parse(self, text: object) -> tuple[str, ...]:
        """The names and numbers in a literal, with or without the name of the type."""
        found = _LITERAL.fullmatch(str(text))
        if found is not None and found[1] != self.name:
            raise ValueFault(
                "type", f"{shorten(str(text))} is not a value of {self.name}", self._hint()
            )
        parts = (found[2] if found else str(text)).split(",")
        if len(parts) > 1 and not self.is_flags:
            raise ValueFault("value", f"{self.name} has no flags, so a value is one member")
        return tuple(parts)

    def label(self, text: object) -> str:
        """The member in a literal, by name or by number."""
        [part] = self.parse(text)
        if part in self.values:
            return part
        by_number = {str(value): name for name, value in self.values.items()}
        if part in by_number:
            return by_number[part]
        raise self._no_member(part)

    def number(self, text: object) -> int:
        """The value of a literal."""
        total = 0
        for part in self.parse(text):
            if part in self.values:
                total |= self.values[part]
            elif _NUMBER.fullmatch(part) and _LOW <= int(part) <= _HIGH:
                total |= int(part)
            else:
                raise self._no_member(part)
        return total

    def _no_member(self, part: str) -> ValueFault:
        return ValueFault("value", f"{self.name} has no member '{shorten(part)}'", self._hint())

    def _hint(self) -> str:
        names = list(self.values)
        more = ", ..." if len(names) > _SHOWN else ""
        return f"write one of {', '.join(names[:_SHOWN])}{more}"


def label_type(members: EnumMembers) -> PrimitiveType:
    """The type of an enumeration over an enum of Postgres, whose labels are the members."""
    family = _family(members, members.label, ArgumentType("text"), "{0}")
    names = ", ".join(f"'{name}'" for name in members.values)
    return PrimitiveType(
        members.name,
        family,
        "text",
        ("enum",),
        casts={"string": _sql(f"(CASE WHEN {{0}} IN ({names}) THEN {{0}} END)")},
    )


def number_type(members: EnumMembers) -> PrimitiveType:
    """The type of an enumeration over whole numbers."""
    family = _family(members, members.number, ArgumentType("int8"), _text_of_number(members))
    whens = " ".join(f"WHEN '{name}' THEN {value}" for name, value in members.values.items())
    return PrimitiveType(
        members.name,
        family,
        "int8",
        ("int4", "int2", "int8"),
        casts={"string": _sql(f"(CASE {{0}} {whens} END)::int8")},
    )


def _family(
    members: EnumMembers,
    argument: Callable[[object], object],
    argument_type: ArgumentType,
    text: str,
) -> TypeFamily:
    def argument_of(value: object, mode: DecodeMode) -> object:
        return argument(value)

    numbers = {name: ColumnReading() for name in ("int2", "int4", "int8")}
    shown = _sql(text)
    return TypeFamily(
        name="enumeration",
        label=members.name,
        noun=f"a value of {members.name}",
        literal=LiteralForm(
            read=refuse,
            from_text=lambda value, type_: value if argument(value) is not None else refuse(value),
            prefix="",
            quoted=True,
            shorter=frozenset({"integer"}),
            hints={"": "write the name of a member in single quotes"},
        ),
        argument=argument_of,
        argument_type=argument_type,
        columns={"enum": ENUM_COLUMN} if text == "{0}" else numbers,
        text=shown,
        json=JsonForm(),
        link_literal=_sql(f"'{quote(members.name)}' || " + TEXT_IN_LINKS.replace("{0}", text)),
        is_enumeration=True,
        has_flags=members.is_flags,
        written_by_sql=False,
    )


def _text_of_number(members: EnumMembers) -> str:
    """SQL of the text of a number; NULL for NULL."""
    exact = " ".join(
        f"WHEN {value} THEN '{name}'" for value, name in _by_value(members.values).items()
    )
    if not members.is_flags:
        return f"(CASE {{0}} {exact} ELSE {{0}}::text END)"
    flags = list(_flags(members.values))
    mask = 0
    for _, value in flags:
        mask |= value
    parts = ", ".join(
        f"CASE WHEN {{0}} & {value} = {value} THEN '{name}' END" for name, value in flags
    )
    if not parts:
        return f"(CASE {{0}} {exact} ELSE {{0}}::text END)"
    return (
        f"(CASE {{0}} {exact} ELSE CASE WHEN {{0}} & ~({mask}::int8) = 0 THEN "
        f"coalesce(nullif(concat_ws(',', {parts}), ''), {{0}}::text) ELSE {{0}}::text END END)"
    )


def _by_value(values: Mapping[str, int]) -> dict[int, str]:
    """The first name of each value."""
    found: dict[int, str] = {}
    for name, value in values.items():
        found.setdefault(value, name)
    return found


def _flags(values: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """The members that are one bit, of which other values are put together."""
    return (
        (name, value)
        for value, name in _by_value(values).items()
        if value.bit_count() == 1 and value > 0
    )


def _sql(text: str) -> LiteralString:
    """A template that is made of names of the model, which are identifiers, and of numbers."""
    return text
