"""The three tools as they are offered, from `tools.json`: names, descriptions, schemas, hints."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import orjson

Declaration = dict[str, Any]


def _read() -> Declaration:
    found: Declaration = orjson.loads(files(__package__).joinpath("tools.json").read_bytes())
    return found


_OFFERED = _read()
INSTRUCTIONS: str = _OFFERED["instructions"]
"""What a client tells its agent of the service."""
TOOLS: tuple[Declaration, ...] = tuple(_OFFERED["tools"])
SCHEMAS: dict[str, Declaration] = {tool["name"]: tool["inputSchema"] for tool in TOOLS}
"""What each tool takes."""
