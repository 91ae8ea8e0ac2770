"""The settings in force as `odata-gateway check` prints them: each with its value and its origin,
and with every secret masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from odata_gateway.config.dsn import MASK, completing_notes, masked_dsn
from odata_gateway.config.setting import Setting
from odata_gateway.config.settings import SETTINGS, Settings


def settings_lines(
    settings: Settings, origins: Mapping[str, str], environ: Mapping[str, str], home: Path
) -> Iterator[str]:
    """One line a setting under the name of its group: variable, value and origin. What completes
    the DSN follows it."""
    width = max(len(setting.variable) for setting in SETTINGS)
    for group, members in groupby(SETTINGS, attrgetter("group")):
        yield f"{group}:"
        for setting in members:
            value = getattr(settings, setting.name)
            text = _shown(setting, value)
            yield f"  {setting.variable:{width}} = {text}  ({origins[setting.name]})"
            if setting.name == "dsn":
                notes = completing_notes(value, environ, home)
                yield from (f"  {'':{width}}   {note}" for note in notes)


def _shown(setting: Setting, value: Any) -> str:
    if not setting.secret:
        return value_text(value)
    if setting.name == "dsn":
        return masked_dsn(value)
    return MASK if value else ""


def value_text(value: Any) -> str:
    """A setting's value as one would write it into the variable."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case tuple():
            return ",".join(map(value_text, value)) or "none"
        case None:
            return ""
        case _:
            return str(value)
