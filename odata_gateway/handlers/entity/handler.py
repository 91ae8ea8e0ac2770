"""Answers requests for what is single: an entity, a reference, a property, a raw value."""

from __future__ import annotations

from urllib.parse import urlsplit

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.errors import BindSegment, DbKey
from odata_gateway.handlers.entity.fast_lookup import PreparedLookup
from odata_gateway.handlers.entity.lookups import Lookups, Values
from odata_gateway.handlers.execution import QueryExecutor
from odata_gateway.handlers.request import DataRequest, no_entity, reply_headers
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.protocol.message import Reply


class EntityHandler:
    """Answers requests of which the rows are one row or none."""

    def __init__(self, executor: QueryExecutor, lookups: Lookups) -> None:
        self._executor = executor
        self._lookups = lookups

    async def entity(self, request: DataRequest) -> Reply:
        """An entity, a reference, a property or its raw value; 204 for null.

        raises  BindNoEntity, and DbKey where two rows have the same key
        """
        return await self._answer(request, await self._values(request))

    async def _values(self, request: DataRequest) -> Values:
        if not request.variant.shard_accounts:
            statement = request.compiled.statement("rows", request.variant)
            if statement.is_lookup:
                return await self._lookups.lookup(request, statement.bind(request.values()))
        return [row[0] for row in await self._executor.fetch(request)]

    async def prepared(self, lookup: PreparedLookup, bound: BoundStatement) -> Reply:
        """The same for an entity by a number, of which all but the row is prepared."""
        found = await self._lookups.lookup(lookup.request, bound)
        if len(found) == 1 and (row := found[0]) is not None and row != b"{}":
            current_stats.get().add_rows(1)
            return lookup.reply(row)
        return await self._answer(lookup.request, found)

    async def _answer(self, request: DataRequest, found: Values) -> Reply:
        current_stats.get().add_rows(len(found))
        if not found:
            return await self._nothing(request)
        if len(found) > 1:
            entity_set = request.compiled.query.entity_set
            if entity_set.singleton is not None:
                raise DbKey(f"{entity_set.name} is one entity, and its table has several rows")
            raise DbKey(f"two rows of {entity_set.name} have the same key")
        return _reply(request, found[0])

    async def _nothing(self, request: DataRequest) -> Reply:
        """204 where a single-valued navigation property leads to nothing; raises BindNoEntity where
        the path does."""
        if request.compiled.query.optional:
            await self._executor.require_parent(request)
            return Reply(204, reply_headers(request, None))
        raise no_entity()


def _reply(request: DataRequest, found: bytes | None) -> Reply:
    if request.compiled.query.form == "value" and found is not None:
        return _raw_value(request, found)
    return _document(request, found)


def _raw_value(request: DataRequest, found: bytes) -> Reply:
    """The raw value of a property: a text, or octets of the media type that the model says
    (Protocol 4.01, section 11.2.4.2)."""
    field = request.compiled.query.field
    assert field is not None
    if not field.type.family.is_octets:
        headers = reply_headers(request, "text/plain;charset=utf-8", request.applied)
        return Reply(200, headers, found)
    return Reply(200, reply_headers(request, field.media_type or "application/octet-stream"), found)


def _document(request: DataRequest, text: bytes | None) -> Reply:
    encoding, form = request.encoding, request.compiled.query.form
    if form == "property" and text != encoding.null_property:
        field = request.compiled.query.field
        assert field is not None and text is not None
        body = encoding.property_body(request.context, field, text)
        return Reply(200, reply_headers(request, encoding.content_type, request.applied), body)
    if form == "property" or text is None:
        return Reply(204, reply_headers(request, None))
    headers = reply_headers(request, encoding.content_type, request.applied)
    return Reply(200, headers, encoding.entity(request.context, text))


def path_of_id(entity_id: str, root: str) -> str:
    """An entity-id, absolute or relative to the service root, as a path after the root.

    raises  BindSegment where it is not one of this service
    """
    if entity_id.startswith(root):
        return entity_id[len(root) :]
    own = urlsplit(root)
    if _is_absolute(entity_id):
        raise BindSegment(
            "$id belongs to another service",
            target="$id",
            at=0,
            hint=f"entity-ids of this service begin with {root}",
        )
    return entity_id.removeprefix(own.path).removeprefix("/")


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # a host with one bracket, as in `http://[`
        return True
    return bool(parts.scheme or parts.netloc)
