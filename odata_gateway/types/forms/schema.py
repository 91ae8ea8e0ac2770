"""A value as JSON Schema describes it, for programs that are made from a description of the
service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SchemaKind = Literal["boolean", "integer", "number", "string", "object"]


@dataclass(frozen=True, slots=True)
class SchemaForm:
    """What JSON Schema says of the values of a family. The default says nothing.

    kind      of the JSON value; None: any
    texts     what stands, as a text, for values that JSON has no number for
    encoding  of octets in a text
    pattern   what a text is, where no format of JSON Schema has the same texts
    example   a value as JSON has it
    members   of an object, with the kind of each; the first one is always there
    """

    kind: SchemaKind | None = None
    texts: tuple[str, ...] = ()
    encoding: str | None = None
    pattern: str | None = None
    example: bool | int | float | str | None = None
    members: tuple[tuple[str, str], ...] = ()
