"""What agents are told of the model of a caller beyond $metadata: indexes, and how a request would
be answered."""

from __future__ import annotations

from collections.abc import Mapping

from odata_gateway.compiler.explain import explain_query
from odata_gateway.edm.model import EntityType
from odata_gateway.formats.registry import DEFAULT_ENCODING
from odata_gateway.handlers.service import Service
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.protocol.message import Reply, Request


class AgentView:
    """A service as agents see it: its answers, and these facts for the callers that it admits."""

    def __init__(self, service: Service, callers: CallerDirectory) -> None:
        self._service = service
        self._callers = callers

    async def answer(self, request: Request) -> Reply:
        """The service's own reply."""
        return await self._service.answer(request)

    async def admit(self, token: str | None) -> Caller:
        """The caller of a token; raises AuthMissing, AuthInvalid, AuthForbidden."""
        return await self._callers.caller(token)

    async def outline(self, token: str | None, target: str) -> Mapping[str, object]:
        """How a request would be answered; raises ODataError for one that would be refused."""
        caller = await self.admit(token)
        compiled = (await self._service.compiler_of(caller)).compile(target)
        explain_query(compiled, caller, encoding=DEFAULT_ENCODING)
        query = compiled.query
        return {
            "answers": query.form,
            "entity_set": query.entity_set.name,
            "rows_are": "made by apply" if query.is_made else "entities",
            "order_follows_an_index": query.follows_index,
            "indexes": _indexes(query.entity_set.entity_type),
        }


def _indexes(entity_type: EntityType) -> list[list[str]]:
    """The properties of each index that has properties only, shortest first."""
    names = {prop.column: prop.name for prop in entity_type.properties.values() if not prop.missing}
    found = [
        [names[column] for column in columns]
        for columns in entity_type.indexes
        if all(column in names for column in columns)
    ]
    return sorted(found, key=lambda index: (len(index), index))
