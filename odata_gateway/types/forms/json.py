"""A value as it is written in JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True, slots=True)
class JsonForm:
    """How a value is written in JSON: its text, or what is given here instead.

    quoted    the text stands in quotes
    text      instead of the family's text
    whole     instead of all: a complete JSON text, `null` included
    can_miss  the text of a value that is not null may be null
    """

    quoted: bool = True
    text: LiteralString | None = None
    whole: LiteralString | None = None
    can_miss: bool = False
