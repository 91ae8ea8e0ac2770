"""References to values: a query can name a value of an earlier request's answer, as in `$filter=id
eq $1/conversation_id` (Protocol 11.7.6). They become literals.

The value is the one of the answer, even if the entity has changed since. Its type is that of the
property; for a computed property it is the type that the answer names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from odata_gateway.edm.model import EntityType, Model
from odata_gateway.errors import ODataError, UrlSyntax
from odata_gateway.types.primitive import BOOLEAN, DOUBLE, PRIMITIVE_TYPES, STRING, PrimitiveType

ValuePath = tuple[str, ...]
FoundLiterals = Mapping[ValuePath, str | ODataError]
"""Literals by path, or the error that says why there is none."""
_TEXT = r"(?:'|%27)(?:(?!'|%27).)*(?:'|%27)"
_ID = r"(?:(?<![\w/$])|(?<=%[0-9A-Fa-f]{2}))(?:\$|%24)([A-Za-z0-9._~-]+)"
_VALUE = re.compile(rf"{_TEXT}|{_ID}((?:(?:/|%2F)[^\W\d]\w*)+)", re.IGNORECASE)
_SYSTEM = frozenset({"it", "this", "these", "root"})


def paths_in(query: str) -> dict[str, set[ValuePath]]:
    """The values that a query refers to: paths by the id of the request."""
    found: dict[str, set[ValuePath]] = {}
    for match in _VALUE.finditer(query):
        if match[1] is not None and match[1] not in _SYSTEM:
            found.setdefault(match[1], set()).add(_path(match[2]))
    return found


def _path(text: str) -> ValuePath:
    return tuple(unquote(text).split("/")[1:])


def with_values(query: str, literal: Callable[[str, ValuePath], str | None]) -> str:
    """The query with literals in place of references. A reference without a literal stays as it
    is."""

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        text = None if name is None or name in _SYSTEM else literal(name, _path(match[2]))
        return match[0] if text is None else quote(text, safe="")

    return _VALUE.sub(replaced, query)


class _Number(str):
    """A number with all the digits of the answer."""


def literals(
    body: bytes, paths: Iterable[ValuePath], entity_type: EntityType, model: Model
) -> FoundLiterals:
    """The literal at each path of an entity's answer, or the error that says why there is none."""
    try:
        document = json.loads(body, parse_int=_Number, parse_float=_Number) if body else None
    except ValueError:  # the earlier request asked for another format
        document = None
    return {path: _literal(document, path, entity_type, model) for path in paths}


def _literal(
    document: Any, path: ValuePath, entity_type: EntityType, model: Model
) -> str | ODataError:
    whole: Any = document
    known: EntityType | None = entity_type
    for step in path[:-1]:
        navigation = known.navigation.get(step) if known is not None else None
        if (
            navigation is None
            or not isinstance(whole, dict)
            or step not in whole
            or isinstance(whole[step], list)
        ):
            return _missing(path)
        whole, known = whole[step], model.target_type(navigation)
        if whole is None:
            return "null"
    if not isinstance(whole, dict) or path[-1] not in whole or known is None:
        return _missing(path)
    value = whole[path[-1]]
    type_ = _type(whole, path[-1], value, known)
    if isinstance(value, dict | list) or type_ is None:
        return _missing(path)
    return _written(value, type_)


def _missing(path: ValuePath) -> UrlSyntax:
    return UrlSyntax(
        f"the earlier answer has no single value '{'/'.join(path)[:60]}'",
        hint="name a property of that answer",
    )


def _type(
    whole: Mapping[str, Any], name: str, value: Any, entity_type: EntityType
) -> PrimitiveType | None:
    """The type of a property, or of a computed name by what the answer says; None where it names
    an unknown type."""
    if name in entity_type.properties:
        return entity_type.properties[name].type
    said = whole.get(f"{name}@odata.type", whole.get(f"{name}@type"))
    if isinstance(said, str):
        return PRIMITIVE_TYPES.get("Edm." + said.removeprefix("#"))
    return BOOLEAN if isinstance(value, bool) else DOUBLE if isinstance(value, _Number) else STRING


def _written(value: Any, type_: PrimitiveType) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return type_.family.literal.wrapped(str(value))
