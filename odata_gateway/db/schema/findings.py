"""What is wrong or could be better about a database, in words for the operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between a database and what the gateway needs.

    level    error: something will not be served; warning: served otherwise than declared, or
             unsafe; note: could be better
    subject  the table, column, property, role or server that it is about
    """

    level: Severity
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.level}: {self.subject}: {self.text}"
