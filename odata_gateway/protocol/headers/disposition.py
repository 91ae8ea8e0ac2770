"""The header Content-Disposition (RFC 6266)."""

from __future__ import annotations

from urllib.parse import quote


def attachment(name: str) -> str:
    """A file that is saved under a name; names of other scripts are percent-encoded."""
    if name.isascii():
        return f'attachment; filename="{name}"'
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
