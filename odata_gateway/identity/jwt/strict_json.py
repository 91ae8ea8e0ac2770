"""JSON text to a value, where every reader of the text comes to the same value.

JSON allows a name twice in an object (RFC 8259, section 4), and readers differ in which one they
take. A token in which two programs read two roles is refused instead (RFC 7519, section 4).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonFault(ValueError):
    """The text is not JSON of one meaning; the message ends the sentence "it ..."."""


def read_object(text: bytes) -> dict[str, Any]:
    """The object that a JSON text in UTF-8 is.

    raises  JsonFault
    """
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_number,
        )
    except UnicodeDecodeError:
        raise JsonFault("is not UTF-8") from None
    except JsonFault:
        raise
    except RecursionError:
        raise JsonFault("is nested too deeply") from None
    except ValueError:  # also from numbers of thousands of digits
        raise JsonFault("is not JSON") from None
    if not isinstance(value, dict):
        raise JsonFault("is not a JSON object")
    return value


def check_storable(value: dict[str, Any]) -> None:
    """Refuse an object with a text that Postgres could not read as jsonb.

    raises  JsonFault
    """
    text = json.dumps(value, ensure_ascii=False)
    if r"\u0000" in text or _SURROGATE.search(text):
        raise JsonFault("has a character that Postgres cannot store")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise JsonFault(f"has the member {twice[:40]!a} twice")
    return found


def _constant(name: str) -> None:
    raise JsonFault(f"has {name}, which is not JSON")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise JsonFault("has a number that is too large")
    return value
