"""A text as a literal of other languages."""

from __future__ import annotations

import json
import shlex


def shell_text(text: str) -> str:
    """A word of a shell, always in quotes."""
    return shlex.quote(text + " ")[:-2] + "'"


def quoted_text(text: str) -> str:
    """A literal of Python and of R."""
    return json.dumps(text)


def sql_constant(text: str) -> str:
    """A literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def m_text(text: str) -> str:
    """A literal of M, the language of Power Query."""
    return '"' + text.replace("#(", "#(#)(").replace('"', '""') + '"'
