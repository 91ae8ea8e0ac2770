"""What one setting is: a row of the table of settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from odata_gateway.config.readers import SettingReader

PREFIX = "ODATA_"
Group = Literal["database", "access", "jwt", "paging", "limits", "http", "agents", "operations"]


class SettingsError(Exception):
    """Every mistake of the settings together, one a line."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table.

    name       the field; `page_rows` is ODATA_PAGE_ROWS and --page-rows
    group      the part of docs/settings.md that has it
    default    as text, like in the variable
    secret     whether it is masked everywhere and may come from a file
    fallbacks  the chart's variables that are read where no other source has the setting
    """

    name: str
    group: Group
    default: str
    doc: str
    read: SettingReader
    secret: bool
    fallbacks: tuple[str, ...]

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


def setting(
    group: Group,
    default: str,
    read: SettingReader,
    doc: str,
    *,
    secret: bool = False,
    fallbacks: tuple[str, ...] = (),
) -> Any:
    """A field of the dataclass that carries its row of the table."""
    row = {"group": group, "default": default, "read": read, "doc": doc}
    row |= {"secret": secret, "fallbacks": fallbacks}
    return field(default=read(default), repr=not secret, metadata=row)
