"""Reads a JSON document and collects its mistakes, each with its place.

A `JsonNode` is one JSON value with its JSON pointer (RFC 6901). Its methods never raise: a mistake
goes into the list that all nodes of the document share, and the method returns a harmless value, so
that the rest is read too. At the end the caller raises the list as one `ModelError`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from odata_gateway.errors import nearest

# XML 1.0, production 2
_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake of a model file: `path` is the JSON pointer of the value, "" the whole
    document."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.message}"


class ModelError(ValueError):
    """A model file that cannot be used, with all its mistakes in document order."""

    def __init__(self, mistakes: Collection[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(m) for m in self.mistakes))


@dataclass(frozen=True, slots=True)
class JsonNode:
    """One JSON value, its JSON pointer, and the mistakes found so far."""

    value: Any
    path: str
    mistakes: list[Mistake]

    def fail(self, message: str, member: str | None = None) -> None:
        path = self.path if member is None else self._below(member)
        self.mistakes.append(Mistake(path, message))

    def _below(self, member: str) -> str:
        return f"{self.path}/{member.replace('~', '~0').replace('/', '~1')}"

    @property
    def is_object(self) -> bool:
        return isinstance(self.value, dict)

    def has(self, member: str) -> bool:
        return self.is_object and member in self.value

    def child(self, member: str) -> JsonNode:
        return JsonNode(self.value[member], self._below(member), self.mistakes)

    def members(self) -> Iterator[tuple[str, JsonNode]]:
        """The members that declare something: not control members ($...) and not annotations
        (names with an @)."""
        if self.is_object:
            yield from (
                (name, self.child(name))
                for name in self.value
                if not name.startswith("$") and "@" not in name
            )

    def pairs(self, member: str) -> Iterator[tuple[str, str, JsonNode]]:
        """The members of an object of strings; nothing where the object is absent."""
        if not self.has(member):
            return
        parent = self.child(member)
        if not parent.is_object:
            parent.fail("must be an object")
        for name, node in parent.members():
            if isinstance(node.value, str):
                yield name, node.value, node
            else:
                node.fail("must be a string")

    def texts(self, member: str) -> list[tuple[str, JsonNode]]:
        """The elements of an array of strings; nothing where the array is absent."""
        if not self.has(member):
            return []
        parent = self.child(member)
        if not isinstance(parent.value, list):
            parent.fail("must be an array of strings")
            return []
        nodes = [
            JsonNode(value, f"{parent.path}/{i}", self.mistakes)
            for i, value in enumerate(parent.value)
        ]
        for node in nodes:
            if not isinstance(node.value, str):
                node.fail("must be a string")
        return [(node.value, node) for node in nodes if isinstance(node.value, str)]

    def text(self, member: str, default: str | None = None) -> str | None:
        if not self.has(member):
            return default
        value = self.value[member]
        if not isinstance(value, str):
            self.fail("must be a string", member)
            return default
        if _NOT_XML.search(value):
            self.fail("has a character that XML cannot contain", member)
        return value

    def required_text(self, member: str) -> str:
        if not self.has(member):
            self.fail(f"{member} is missing")
            return ""
        text = self.text(member)
        if text == "":
            self.fail("is empty", member)
        return text or ""

    def flag(self, member: str) -> bool:
        value = self.value.get(member, False)
        if not isinstance(value, bool):
            self.fail("must be true or false", member)
        return value is True

    def number(self, member: str) -> int | None:
        """A whole number of zero or more."""
        if not self.has(member):
            return None
        value = self.value[member]
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.fail("must be a whole number of zero or more", member)
            return None
        return value

    def allow(self, known: Collection[str]) -> None:
        """Report control members and @Gateway annotations that are not among `known`. Annotations
        of other vocabularies are not checked."""
        for name in self.value:
            if name in known or not (name.startswith(("$", "@Gateway."))):
                continue
            hint = nearest(name, known)
            kind = "annotation" if name.startswith("@") else "member"
            self.fail(f"this {kind} is not supported here" + (f"; {hint}" if hint else ""), name)
