"""Values of an earlier answer in the query of a later request of a batch, such as
`$filter=id eq $1/conversation_id`, as literals (Protocol 4.01, section 11.7.6).

The value is the one that was answered, even if the entity has changed since. Its type is that of
the property; for a computed property it is the type that the answer states.
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
"""The literal at each path, or the error that says why there is none."""
# A string, in which nothing is a reference, or a reference: group 1 is the id, group 2 the path.
_VALUE = re.compile(
    r"(?:'|%27)(?:(?!'|%27).)*(?:'|%27)"
    r"|(?:(?<![\w/$])|(?<=%[0-9A-Fa-f]{2}))(?:\$|%24)([A-Za-z0-9._~-]+)"
    r"((?:(?:/|%2F)[^\W\d]\w*)+)",
    re.IGNORECASE,
)
_SYSTEM = frozenset({"it", "this", "these", "root"})


def paths_in(query: str) -> dict[str, set[ValuePath]]:
    """The values that a query refers to: their paths, by the id of the earlier request."""
    found: dict[str, set[ValuePath]] = {}
    for match in _VALUE.finditer(query):
        if match[1] is not None and match[1] not in _SYSTEM:
            found.setdefault(match[1], set()).add(_path(match[2]))
    return found


def _path(text: str) -> ValuePath:
    return tuple(unquote(text).split("/")[1:])


def with_values(query: str, literal: Callable[[str, ValuePath], str | None]) -> str:
    """The query with each reference replaced by a literal.

    literal  gives the literal by id and path; for None the reference stays as it is
    """

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        text = None if name is None or name in _SYSTEM else literal(name, _path(match[2]))
        return match[0] if text is None else quote(text, safe="")

    return _VALUE.sub(replaced, query)


class _Number(str):
    """A number with all the digits that the answer has."""


def literals(
    body: bytes, paths: Iterable[ValuePath], entity_type: EntityType, model: Model
) -> FoundLiterals:
    """The literal at each path of the answer `body` to a request for an entity, or an error."""
    try:
        document = json.loads(body, parse_int=_Number, parse_float=_Number) if body else None
    except ValueError:  # the earlier request asked for another format
        document = None
    return {path: _literal(document, path, entity_type, model) for path in paths}


def _literal(
    document: Any, path: ValuePath, entity_type: EntityType, model: Model
) -> str | ODataError:
    entity: Any = document
    for name in path[:-1]:
        navigation = entity_type.navigation.get(name)
        if navigation is None or not isinstance(entity, dict):
            return _missing(path)
        if name not in entity or isinstance(entity[name], list):
            return _missing(path)
        entity, entity_type = entity[name], model.target_type(navigation)
        if entity is None:
            return "null"
    if not isinstance(entity, dict) or path[-1] not in entity:
        return _missing(path)
    value = entity[path[-1]]
    type_ = _type(entity, path[-1], value, entity_type)
    if isinstance(value, dict | list) or type_ is None:
        return _missing(path)
    return _written(value, type_)


def _missing(path: ValuePath) -> UrlSyntax:
    return UrlSyntax(
        f"the earlier answer has no primitive value '{'/'.join(path)[:60]}'",
        hint="name a primitive property that the answer contains",
    )


def _type(
    entity: Mapping[str, Any], name: str, value: Any, entity_type: EntityType
) -> PrimitiveType | None:
    """The type of a property; for a computed one the type that the answer states, or the JSON
    type."""
    if name in entity_type.properties:
        return entity_type.properties[name].type
    stated = entity.get(f"{name}@odata.type", entity.get(f"{name}@type"))
    if isinstance(stated, str):
        return PRIMITIVE_TYPES.get("Edm." + stated.removeprefix("#"))
    return BOOLEAN if isinstance(value, bool) else DOUBLE if isinstance(value, _Number) else STRING


def _written(value: Any, type_: PrimitiveType) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return type_.family.literal.wrapped(str(value))
