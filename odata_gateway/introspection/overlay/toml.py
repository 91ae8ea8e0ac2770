"""The values of a TOML file, with the place of each for mistakes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from odata_gateway.edm.json_reader import Mistake
from odata_gateway.errors import nearest

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class TomlNode:
    """A value. All nodes of a file share one list of mistakes."""

    value: Any
    place: str
    mistakes: list[Mistake]

    def fail(self, text: str) -> None:
        """Note a mistake at this place."""
        self.mistakes.append(Mistake(self.place, text))

    def child(self, name: str) -> TomlNode:
        """A member of a table, which must have it."""
        return TomlNode(self.value[name], self._below(name), self.mistakes)

    def table(self, known: Iterable[str] | None = None) -> Iterator[tuple[str, TomlNode]]:
        """The members of a table. Others than those that are known are mistakes; None: all are."""
        if not isinstance(self.value, dict):
            self.fail("must be a table")
            return
        names = None if known is None else list(known)
        for name in self.value:
            node = self.child(name)
            if names is None or name in names:
                yield name, node
            else:
                node.fail(f"is not known here; {nearest(name, names) or _one_of(names)}")

    def text(self) -> str:
        """A string that is not empty."""
        if isinstance(self.value, str) and self.value:
            return self.value
        self.fail("must be a text that is not empty")
        return ""

    def texts(self) -> tuple[str, ...]:
        """An array of strings."""
        if isinstance(self.value, list) and all(isinstance(item, str) for item in self.value):
            return tuple(self.value)
        self.fail('must be an array of texts, such as ["a", "b"]')
        return ()

    def flag(self) -> bool:
        """true or false."""
        if not isinstance(self.value, bool):
            self.fail("must be true or false")
        return self.value is True

    def _below(self, name: str) -> str:
        return toml_place(name, within=self.place)


def toml_place(name: str, *, within: str = "") -> str:
    """How TOML writes a key below another one."""
    return f"{within}.{toml_key(name)}" if within else toml_key(name)


def toml_key(name: str) -> str:
    """A key, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else toml_text(name)


def toml_text(text: str) -> str:
    """A basic string (TOML 1.0)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'


def _one_of(names: Iterable[str]) -> str:
    return f"use one of {', '.join(names)}"
