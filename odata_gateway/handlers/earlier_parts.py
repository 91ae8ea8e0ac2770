"""What the answered parts of a batch leave for later ones (Protocol 11.7.3): where those with an id
led, values of their answers, and which of them failed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import ODataError, UrlDependency, UrlSyntax
from odata_gateway.protocol.batch.condition import holds
from odata_gateway.protocol.batch.references import FoundLiterals, ValuePath, literals, paths_in
from odata_gateway.protocol.batch.requests import BatchRequest
from odata_gateway.protocol.message import Reply
from odata_gateway.url.resource_kind import RESERVED_NAMES

_REFERENCE = re.compile(r"\$([^/?]+)")


class EarlierParts:
    """The parts of one batch, and what has become of those that were answered."""

    def __init__(self, parts: tuple[BatchRequest, ...]) -> None:
        self._parts = parts
        self._ids = frozenset(part.id for part in parts if part.id is not None)
        self._wanted = _wanted(parts, self._ids)
        self._targets: dict[str, str] = {}
        self._values: dict[str, FoundLiterals] = {}
        self._failed: set[str] = set()

    def check_needs(self, part: BatchRequest) -> None:
        """Raise UrlDependency where a part must not be answered, for what became of others."""
        if part.group is not None and part.group in self._failed:
            raise UrlDependency("another request of its group has failed")
        if part.condition is not None:
            if not holds(part.condition, lambda name: self._succeeded(name, part)):
                raise UrlDependency("the condition is not met", target="if")
            return
        for need in part.needs:
            self._check_success(need)

    def resolved(self, part: BatchRequest, target: str, compiler: Compiler) -> str:
        """A part's target with the path of an earlier part's entity in the place of `$id`.

        raises  UrlDependency where that part failed, UrlSyntax where it is no earlier part, or did
                not lead to an entity
        """
        found = _REFERENCE.match(target)
        name = unquote(found[1]) if found else ""
        if found and name in self._ids and found[0] not in RESERVED_NAMES:
            self._check_success(name)
            if name not in self._targets:
                raise UrlSyntax(f"no earlier request has the id '{name[:40]}'", target="path", at=0)
            target = _entity_path(self._targets[name], compiler) + target[found.end() :]
        if part.id is not None:
            self._targets[part.id] = target
        return target

    def literal(self, name: str, path: ValuePath) -> str | None:
        """A value of an earlier part's answer, as a literal; None where no part has that id.

        raises  UrlDependency where that part failed, UrlSyntax where there is no such value
        """
        if name not in self._ids:
            return None
        self._check_success(name)
        if name not in self._values:
            raise UrlSyntax(f"no earlier request has the id '{name[:40]}'")
        found = self._values[name][path]
        if isinstance(found, ODataError):
            raise found
        return found

    def answered(self, part: BatchRequest, target: str, reply: Reply, compiler: Compiler) -> None:
        """Keep what later parts refer to, and not the whole answer."""
        paths = self._wanted.get(part.id or "")
        if not paths or reply.status >= 400 or part.id is None:
            return
        try:
            body = reply.body if isinstance(reply.body, bytes) else b""
            self._values[part.id] = _values(target, body, paths, compiler)
        except ODataError as error:
            self._values[part.id] = dict.fromkeys(paths, error)

    def failed(self, part: BatchRequest) -> None:
        """Note that a part has failed, and with it every part of its group, whatever the answer to
        that was (JSON Format 19.5)."""
        parts = [
            each for each in self._parts if part.group is not None and each.group == part.group
        ]
        names = (name for each in parts or [part] for name in (each.id, each.group))
        self._failed |= {name for name in names if name is not None}

    def _succeeded(self, name: str, part: BatchRequest) -> bool:
        if name not in part.needs:
            raise UrlSyntax(
                f"the condition names '{name[:40]}', which is not in dependsOn", target="if"
            )
        return name not in self._failed

    def _check_success(self, name: str) -> None:
        if name in self._failed:
            raise UrlDependency(f"the request '{name[:40]}' has failed")


def _wanted(parts: Iterable[BatchRequest], ids: frozenset[str]) -> dict[str, set[ValuePath]]:
    """The values of answers that queries of parts refer to, by the id of the part that is asked for
    them."""
    found: dict[str, set[ValuePath]] = {}
    for part in parts:
        for name, paths in paths_in(part.url.partition("?")[2]).items():
            if name in ids:
                found.setdefault(name, set()).update(paths)
    return found


def _entity_path(target: str, compiler: Compiler) -> str:
    """The path of the entity that a target names, without its options.

    raises  UrlSyntax where it names anything else, or an option has a key of it
    """
    path = target.partition("?")[0].rstrip("/")
    is_entity = path.strip("/") and compiler.compile(target).query.form == "entity"
    if not is_entity or "@" in path or "%40" in path:
        raise UrlSyntax("only the path of a single entity can be referred to", target="path", at=0)
    return path


def _values(
    target: str, body: bytes, paths: Iterable[ValuePath], compiler: Compiler
) -> FoundLiterals:
    """The literals at some paths of the answer to a target, or why there is none.

    raises  UrlSyntax where the target does not name a single entity
    """
    query = compiler.compile(target).query
    if query.form != "entity":
        raise UrlSyntax("only values of a single entity can be referred to")
    return literals(body, paths, query.entity_set.entity_type, compiler.model)
