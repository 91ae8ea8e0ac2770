"""The requests that can be sent: sets, entities by key, numbers of entities, links, singletons and
functions.

A key of one property is a segment of the path, so that texts need no quotes. Arguments of functions
are aliases, which stand in the query in the form of literals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, count
from typing import NamedTuple
from urllib.parse import quote

from odata_gateway.protocol.metadata.openapi.csdl import (
    CsdlElements,
    CsdlJson,
    children,
    description_of,
    has_octets,
    plain_name,
    type_name,
)
from odata_gateway.protocol.metadata.openapi.parameters import (
    argument_parameter,
    call_parameters,
    collection_parameters,
    count_parameters,
    entity_parameters,
    key_parameter,
)
from odata_gateway.protocol.metadata.openapi.responses import (
    collection_responses,
    count_responses,
    entity_responses,
    function_responses,
    media_responses,
)
from odata_gateway.protocol.metadata.openapi.schemas import reference
from odata_gateway.types.registry import PRIMITIVE_TYPES

PathItems = Iterator[tuple[str, CsdlJson]]


class PathWriter(NamedTuple):
    """Writes the paths of one model.

    file_types  media types of the formats in which rows are files
    """

    elements: CsdlElements
    file_types: tuple[str, ...]

    def all(self) -> CsdlJson:
        """Every path with what it takes and answers."""
        found = dict(self._written())
        _name_apart(found)
        return found

    def _written(self) -> PathItems:
        for name, child in children(self.elements.container):
            if "$Function" in child:
                yield from self._import(name, child)
            elif not self.elements.is_entity(str(child.get("$Type", ""))):
                continue
            elif child.get("$Collection"):
                yield from self._entity_set(name, child)
            else:
                yield from self._singleton(name, child)

    def _entity_set(self, name: str, child: CsdlJson) -> PathItems:
        type_, path = self.elements.qualified(child["$Type"]), f"/{quote(name)}"
        yield path, self._collection(name, f"{name}.list", f"Rows of {name}", child)
        yield f"{path}/$count", self._count(name, f"{name}.count", child)
        yield from self._bound(name, path, [], _BoundTo(type_, is_collection=True))
        key = self.elements.key(type_)
        if not key:
            return
        by_key = path + _key_predicate(key)
        parameters = [key_parameter(self.elements, each, prop) for each, prop in key]
        entity = self._entity(name, f"{name}.get", f"One of {name}, by its key", type_)
        yield by_key, {"parameters": parameters, **entity}
        for number, other in enumerate(self.elements.alternate_keys(type_)):
            summary = f"One of {name}, by {' and '.join(other)}"
            entity = self._entity(name, f"{name}.get.{number}", summary, type_)
            own = [key_parameter(self.elements, each, prop) for each, prop in other.items()]
            yield path + _named_key([*other.items()]), {"parameters": own, **entity}
        yield from self._octets(name, by_key, parameters, type_)
        yield from self._links(name, by_key, parameters, child)
        yield from self._bound(name, by_key, parameters, _BoundTo(type_, is_collection=False))

    def _singleton(self, name: str, child: CsdlJson) -> PathItems:
        type_, path = self.elements.qualified(child["$Type"]), f"/{quote(name)}"
        may_miss = bool(child.get("$Nullable"))
        entity = self._entity(name, f"{name}.get", f"The entity {name}", type_, may_miss=may_miss)
        yield path, entity
        yield from self._octets(name, path, [], type_)
        yield from self._links(name, path, [], child)
        yield from self._bound(name, path, [], _BoundTo(type_, is_collection=False))

    def _octets(self, name: str, path: str, parameters: list[CsdlJson], type_: str) -> PathItems:
        """What is octets of an entity: those of a media entity, and its streams."""
        lineage = (each for each in self.elements.lineage(type_) if each.get("$HasStream"))
        found = [("$value", "media", each) for each in lineage][-1:]
        for each, prop in self.elements.properties(type_):
            found += [(each, each, prop)] if has_octets(prop) else []
        for segment, part, element in found:
            operation = {
                "operationId": f"{name}.{part}",
                "summary": f"The octets of one of {name}",
                "tags": [name],
                "responses": media_responses(element),
            }
            own = {"parameters": parameters} if parameters else {}
            yield f"{path}/{quote(segment, safe='$')}", {**own, "get": operation}

    def _links(
        self, name: str, path: str, parameters: list[CsdlJson], source: CsdlJson
    ) -> PathItems:
        """The related entities of an entity."""
        bindings = source.get("$NavigationPropertyBinding", {})
        for link, navigation in self.elements.links(source["$Type"]):
            if self.elements.type_of(navigation["$Type"]) is None:
                continue
            target = self.elements.container.get(bindings.get(link), {})
            operation_id = f"{name}.{link}"
            own = {"parameters": parameters} if parameters else {}
            if navigation.get("$Collection"):
                known = {"$Type": navigation["$Type"], **target}
                count = self._count(name, f"{operation_id}.count", known)
                yield f"{path}/{quote(link)}/$count", {**own, **count}
                item = self._collection(name, f"{operation_id}.list", f"Its {link}", known)
            else:
                type_ = self.elements.qualified(navigation["$Type"])
                item = self._entity(
                    name, f"{operation_id}.get", f"Its {link}", type_, may_miss=True
                )
            yield f"{path}/{quote(link)}", {**own, **item}

    def _count(self, tag: str, operation_id: str, source: CsdlJson) -> CsdlJson:
        searchable = self.elements.is_searchable(source)
        operation = {
            "operationId": operation_id,
            "summary": "The number of these rows",
            "tags": [tag],
            "parameters": count_parameters(self.elements, source["$Type"], searchable=searchable),
            "responses": count_responses(),
        }
        return {"get": operation}

    def _collection(self, tag: str, operation_id: str, summary: str, source: CsdlJson) -> CsdlJson:
        type_ = self.elements.qualified(source["$Type"])
        operation = {
            "operationId": operation_id,
            "summary": summary,
            "tags": [tag],
            "parameters": collection_parameters(
                self.elements, type_, searchable=self.elements.is_searchable(source)
            ),
            "responses": collection_responses(reference(type_), self.file_types),
        }
        return {"get": operation}

    def _entity(
        self, tag: str, operation_id: str, summary: str, type_: str, *, may_miss: bool = False
    ) -> CsdlJson:
        operation = {
            "operationId": operation_id,
            "summary": summary,
            "tags": [tag],
            "parameters": entity_parameters(self.elements, type_),
            "responses": entity_responses(type_, may_miss=may_miss),
        }
        return {"get": operation}

    # --- functions --------------------------------------------------------------------------------

    def _import(self, name: str, child: CsdlJson) -> PathItems:
        """A function that is called at the service root, each overload of it."""
        function = self.elements.qualified(child["$Function"])
        overloads = self.elements.functions.get(function, [])
        for number, overload in enumerate(o for o in overloads if not o.get("$IsBound")):
            call = _FunctionCall(f"/{quote(name)}", name, f"{name}.call.{number}", f"Calls {name}")
            yield from self._calls(call, overload, overload.get("$Parameter", []))

    def _bound(self, tag: str, path: str, keys: list[CsdlJson], binding: _BoundTo) -> PathItems:
        """The functions that are called on a resource."""
        for function, overloads in self.elements.functions.items():
            for number, overload in enumerate(overloads):
                parameters = overload.get("$Parameter", [])
                if overload.get("$IsBound") and self._binds(binding, parameters[:1]):
                    part = "rows" if binding.is_collection else "row"
                    operation_id = f"{tag}.{part}.{function}.{number}"
                    call = _FunctionCall(
                        f"{path}/{quote(function)}",
                        tag,
                        operation_id,
                        f"Calls {function}",
                        tuple(keys),
                    )
                    yield from self._calls(call, overload, parameters[1:])

    def _binds(self, binding: _BoundTo, parameters: list[CsdlJson]) -> bool:
        lineage = self.elements.lineage(binding.type)
        return any(
            bool(each.get("$Collection")) == binding.is_collection
            and self.elements.type_of(type_name(each)) in lineage
            for each in parameters
        )

    def _calls(
        self, call: _FunctionCall, overload: CsdlJson, parameters: list[CsdlJson]
    ) -> PathItems:
        """A call with the parameters that are needed, and one with all that there are."""
        needed = [each for each in parameters if "@Core.OptionalParameter" not in each]
        for number, given in enumerate([needed, parameters][: 1 + (needed != parameters)]):
            names = [quote(each["$Name"]) for each in given]
            arguments = [argument_parameter(self.elements, each) for each in given]
            returned = overload.get("$ReturnType", {})
            options = call_parameters(self.elements, returned)
            operation = {
                "operationId": f"{call.operation_id}.{number}" if number else call.operation_id,
                "summary": description_of(overload) or call.summary,
                "tags": [call.tag],
                "parameters": [*call.keys, *arguments, *options],
                "responses": function_responses(self.elements, returned, self.file_types),
            }
            yield f"{call.path}({','.join(f'{n}=@{n}' for n in names)})", {"get": operation}


class _BoundTo(NamedTuple):
    """What a function is called on: an entity of a type, or entities of it."""

    type: str
    is_collection: bool


class _FunctionCall(NamedTuple):
    """A path whose last segment is a function; `keys` are the parameters of the path before."""

    path: str
    tag: str
    operation_id: str
    summary: str
    keys: tuple[CsdlJson, ...] = ()


def _name_apart(paths: CsdlJson) -> None:
    """Name the operations so that they differ in letters and digits, of which generators of clients
    make their names. Of two that do not, the one with the shorter path keeps its name."""
    taken: set[str] = set()
    for path in sorted(paths, key=lambda path: path.count("/")):
        operation = paths[path]["get"]
        own = plain_name(operation["operationId"])
        names = chain([own], (f"{own}.{number}" for number in count(2)))
        name = next(each for each in names if _letters(each) not in taken)
        operation["operationId"] = name
        taken.add(_letters(name))


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _key_predicate(key: list[tuple[str, CsdlJson]]) -> str:
    """A key in a path. One of several properties has the form of literals."""
    return f"/{{{plain_name(key[0][0])}}}" if len(key) == 1 else _named_key(key)


def _named_key(key: list[tuple[str, CsdlJson]]) -> str:
    return f"({','.join(f'{quote(name)}={_literal(name, prop)}' for name, prop in key)})"


def _literal(name: str, prop: CsdlJson) -> str:
    type_ = PRIMITIVE_TYPES.get(type_name(prop))
    hole = f"{{{plain_name(name)}}}"
    return f"'{hole}'" if type_ is None else type_.family.literal.wrapped(hole)
