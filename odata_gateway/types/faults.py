"""Why a text or a value is not a value of a type.

`types` cannot import `errors`: whoever calls a family turns a fault into the error of its reason,
with the place in the request (`url.literals`, `compiler.arguments`).
"""

from __future__ import annotations

from typing import Literal

# syntax       the text is not a literal
# literal      the text is a literal of an impossible value, such as a 13th month
# value        the type cannot hold the value, or a calendar has no such day
# type         a value of another type is expected
# unsupported  a valid value that is not served
FaultReason = Literal["syntax", "literal", "value", "type", "unsupported"]


class ValueFault(ValueError):
    """What is wrong with a text or a value, and what to write instead."""

    def __init__(self, reason: FaultReason, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.hint = hint


class WrongFamily(ValueError):
    """A literal of another family was given; only the caller knows of which."""


def shorten(text: str) -> str:
    """At most 40 characters of the client's text, for messages."""
    return text if len(text) <= 40 else text[:37] + "..."
