"""`answer(Request) -> Reply`: the only place where all stages meet.

Free of aiohttp, so that a batch can call it once for each of its parts. Everything that can be refused is refused before the first byte:
the first rows are read before the reply's head is given out, and whatever fails later raises from the body's iterator, which the web
turns into a broken connection.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from odata_gateway.chunks import FIRST_ROWS, FIRST_ROWS_EXPANDED, SLOW_CHUNK_BYTES, Ask, Chunk, Chunks, Keys, Want
from odata_gateway.compile import Compiler, Context, Lifted
from odata_gateway.db.pool import Database
from odata_gateway.db.session import Session
from odata_gateway.db.tokens import TokenDirectory
from odata_gateway.edm.model import Model
from odata_gateway.edm.variants import without_missing_tables
from odata_gateway.errors import AuthMissing, BindNoEntity, BindSegment, DbModel, Unsupported, UrlOption, UrlPrecondition
from odata_gateway.plan.policy import Caller
from odata_gateway.plan.query import Query
from odata_gateway.plan.scope import Limits
from odata_gateway.protocol import context, envelope, links
from odata_gateway.protocol.documents import service_document
from odata_gateway.protocol.metadata import Metadata
from odata_gateway.protocol.negotiate import (
    Format,
    Preferences,
    check_body,
    content_type,
    names_etag,
    negotiate,
    negotiate_metadata,
    preferences,
    version,
    wants_snapshot,
)
from odata_gateway.settings import Settings
from odata_gateway.sql.fragment import Statement
from odata_gateway.sql.json import EVIDENT_TYPES, RowFormat
from odata_gateway.sql.statement import Part, Shape

Headers = tuple[tuple[str, str], ...]


class Request(NamedTuple):
    """One request for the service.

    target   text after the service root as on the wire
    headers  by lower-case name
    root     absolute service root as the client used it, ends in a slash
    token    the access token, from wherever the client put it
    """

    method: str
    target: str
    headers: Mapping[str, str]
    root: str
    token: str | None
    body: bytes = b""


class Reply(NamedTuple):
    """An answer; a body of unknown length is an iterator, which must be closed."""

    status: int
    headers: Headers
    body: bytes | AsyncIterator[bytes] = b""


class Call(NamedTuple):
    """A request for data on its way: compiled, negotiated, and with its caller."""

    request: Request
    lifted: Lifted
    query: Query
    caller: Caller
    format: Format
    preferences: Preferences
    continuation: links.Continuation | None
    shape: Shape
    bound: Callable[[], links.Bound]

    @property
    def is_counted(self) -> bool:
        """Whether this page carries @odata.count: the first one does."""
        return self.query.counted is not None and self.continuation is None

    @property
    def context_url(self) -> str:
        return f"{self.request.root}$metadata{context.fragment(self.query, self.format.version, self.lifted.key_text)}"


class Service:
    """Answers requests against one model and one database."""

    def __init__(self, model: Model, database: Database, tokens: TokenDirectory, settings: Settings) -> None:
        model = without_missing_tables(model)
        self.model = model
        self._database = database
        self._tokens = tokens
        self._settings = settings
        limits = Limits(
            depth=settings.max_depth,
            nodes=settings.max_nodes,
            expand_depth=settings.max_expand_depth,
            lambda_depth=settings.max_lambda_depth,
            expands=settings.max_expands,
            list_items=settings.max_list_items,
        )
        self.compiler = Compiler(model, limits=limits, max_url_bytes=settings.max_url_bytes, cache_entries=settings.cache_entries)
        self._metadata = Metadata(model)

    async def answer(self, request: Request) -> Reply:
        """The reply to a request; raises ODataError only, before the reply or from its body."""
        first = request.target.removeprefix("/").partition("?")[0].partition("#")[0].partition("/")[0]
        if first == "" or first == "$metadata":
            return await self._document(request, first)
        if first == "$batch":
            check_body(request.headers)
            raise Unsupported("$batch is not supported", target="path", at=0, hint="send the requests one by one")
        caller = await self._caller(request)
        if first == "$entity":
            request = self._resolve_entity_id(request)
        return await self._data(self._call(request, caller))

    def _caller(self, request: Request) -> Awaitable[Caller]:
        if not request.token:
            raise AuthMissing("an access token is needed", hint="send it as Bearer token, as ?apikey=, or as the password of HTTP Basic")
        return self._tokens.caller(request.token)

    # --- documents ------------------------------------------------------------------------------------------------------------

    async def _document(self, request: Request, name: str) -> Reply:
        """The service document and $metadata."""
        if not self._settings.public_metadata:
            await self._caller(request)
        lifted = self.compiler.lift(request.target)
        self.compiler.check_syntax(lifted)
        _check_schema_version(lifted)
        if name == "":
            form = negotiate(request.headers, lifted.side.format)
            body = service_document(self.model, request.root, form.version, form.level)
            return Reply(200, (("Content-Type", content_type(form)), ("OData-Version", form.version)), body)
        kind, odata_version = negotiate_metadata(request.headers, lifted.side.format)
        body, etag = self._metadata.get(kind, odata_version)
        headers: Headers = (("OData-Version", odata_version), ("ETag", etag))
        if names_etag(request.headers.get("if-none-match", ""), etag):
            return Reply(304, headers)
        return Reply(200, (("Content-Type", f"application/{kind}"), *headers), body)

    def _resolve_entity_id(self, request: Request) -> Request:
        """`$entity?$id=...` as the request for the entity itself (URL Conventions 4.3.4)."""
        lifted = self.compiler.lift(request.target)
        self.compiler.check_syntax(lifted)
        entity_id = lifted.side.id
        if entity_id is None:
            raise UrlOption("$entity needs $id", target="$id", hint="write $entity?$id=Message(1)")
        path = _relative(entity_id, request.root)
        cast = "/" + lifted.target.segments[1] if len(lifted.target.segments) > 1 else ""
        options = [o.raw for o in lifted.target.options if o.name.lower().removeprefix("$") != "id"]
        resolved = request._replace(target=f"{path}{cast}?{'&'.join(options)}")
        if self.compiler.query(self.compiler.lift(resolved.target)).form != "entity":
            raise BindSegment("$id names no entity", target="$id", at=0)
        return resolved

    # --- data -----------------------------------------------------------------------------------------------------------------

    def _call(self, request: Request, caller: Caller) -> Call:
        """Everything that is known before the database is asked for rows."""
        lifted = self.compiler.lift(request.target)
        query = self.compiler.query(lifted)
        _check_schema_version(lifted)
        if wants_snapshot(request.headers):
            raise UrlPrecondition("snapshot isolation over all pages is not available", target="OData-Isolation")
        is_text = query.form in ("count", "value")
        form = Format(version=version(request.headers)) if is_text else negotiate(request.headers, lifted.side.format)

        def bound() -> links.Bound:
            return links.Bound(lifted.binding(), lifted.path_text())

        token = lifted.side.skiptoken
        continuation = None if token is None else links.read_skiptoken(token, bound(), keys=len(query.order))
        shape = Shape(len(caller.accounts) > 1, _row_format(form), None if continuation is None else continuation.mask)
        return Call(request, lifted, query, caller, form, preferences(request.headers), continuation, shape, bound)

    def _statement(self, call: Call, part: Part = "rows") -> Statement:
        return self.compiler.statement(call.lifted, call.query, call.shape, part)

    def _data(self, call: Call) -> Awaitable[Reply]:
        match call.query.form:
            case "entity" | "reference" | "property" | "value":
                return self._single(call)
            case "collection" | "references":
                return self._collection(call)
            case "count":
                return self._count(call)

    def _arguments(self, call: Call, statement: Statement, *, limit: int = 1, keys: Keys | None = None) -> Sequence[object]:
        if keys is None:
            keys = () if call.continuation is None else tuple(k if isinstance(k, str) else None for k in call.continuation.keys)
        options, token = call.lifted.target.options, call.request.token
        credential = links.credential(token) if options and token and any(o.name == "apikey" for o in options) else None
        values = Context(call.caller, limit, self._page_rows(call), call.request.root, credential, keys)
        return self.compiler.arguments(statement, call.query, call.lifted, values)

    def _page_rows(self, call: Call) -> int:
        """Rows of a page: as the client prefers now, or preferred when the link was made, or as set."""
        asked = call.preferences.maxpagesize or (call.continuation.page_rows if call.continuation is not None else self._settings.page_rows)
        return max(1, min(asked, self._settings.max_page_rows))

    async def _count(self, call: Call) -> Reply:
        statement = self._statement(call)
        arguments = self._arguments(call, statement)
        async with self._database.session(call.caller.user_id, accounts=call.caller.accounts) as session:
            rows = await session.fetch(statement.text, arguments, anew=statement.has_ranges)
        if rows[0][0] == 0:
            await self._require_parent(call)
        return Reply(200, _headers(call, "text/plain"), str(rows[0][0]).encode())

    async def _single(self, call: Call) -> Reply:
        """An entity, a reference, a property or its raw value; 204 for null."""
        statement = self._statement(call)
        arguments = self._arguments(call, statement)
        async with self._database.session(call.caller.user_id, accounts=call.caller.accounts) as session:
            rows = await session.fetch(statement.text, arguments)
        if len(rows) > 1:
            raise DbModel(f"the key of {call.query.entity_set.name} is not unique in the database")
        if not rows:
            if call.query.optional and call.query.parent is not None:
                await self._require_parent(call)
                return Reply(204, _headers(call, None))
            raise _no_entity(call)
        text = rows[0][0]
        if call.query.form == "value":
            return (
                Reply(204, _headers(call, None)) if text is None else Reply(200, _headers(call, "text/plain;charset=utf-8"), text.encode())
            )
        if call.query.form == "property":
            return self._property(call, text)
        return Reply(200, _headers(call, content_type(call.format)), envelope.entity(call.format, call.context_url, text))

    def _property(self, call: Call, text: str) -> Reply:
        if text == "null":
            return Reply(204, _headers(call, None))
        field = call.query.field
        name = None if field is None or field.type in EVIDENT_TYPES else field.type.name.removeprefix("Edm.")
        body = envelope.property_value(call.format, call.context_url, text, name)
        return Reply(200, _headers(call, content_type(call.format)), body)

    async def _require_parent(self, call: Call) -> None:
        """Nothing found: 404 where the path before it leads nowhere (Protocol 11.2.7)."""
        if call.query.parent is None:
            return
        statement = self._statement(call, "parent")
        arguments = self._arguments(call, statement)
        async with self._database.session(call.caller.user_id, accounts=call.caller.accounts) as session:
            if not await session.fetch(statement.text, arguments):
                raise _no_entity(call)

    # --- collections ----------------------------------------------------------------------------------------------------------

    async def _collection(self, call: Call) -> Reply:
        call = await self._completed(call)
        page = self._page(call)
        first_rows = FIRST_ROWS_EXPANDED if call.query.projection is not None and call.query.projection.expands else FIRST_ROWS
        lane = call.caller.user_id
        chunks = Chunks(self._database, self._asker(call), rows=page.rows, first_rows=first_rows, peeks=not page.ends, lane=lane,
                        accounts=call.caller.accounts, marks=page.rows > first_rows and call.query.is_plain)  # fmt: skip
        async with self._database.session(call.caller.user_id, accounts=call.caller.accounts, snapshot=call.is_counted) as session:
            count = await self._counted(call, session)
            first = await chunks.first(session)
        if not first.rows:
            await self._require_parent(call)
        headers = _headers(call, content_type(call.format), call.preferences.applied("maxpagesize"))
        head = envelope.collection_head(call.format, call.context_url, count)
        if chunks.is_complete(first.rows, first) and len(first.text) < SLOW_CHUNK_BYTES:
            return Reply(200, headers, head + first.text + self._tail(call, page, first))
        return Reply(200, headers, self._streamed(call, page, head, chunks.after(first)))

    async def _completed(self, call: Call) -> Call:
        """The call with order values read again that its link had no room for."""
        if call.continuation is None or not call.continuation.is_short:
            return call
        statement = self._statement(call, "order values")
        arguments = self._arguments(call, statement)
        async with self._database.session(call.caller.user_id, accounts=call.caller.accounts) as session:
            rows = await session.fetch(statement.text, arguments)
        if not rows:
            raise links.moved()
        return call._replace(continuation=call.continuation.completed(tuple(rows[0])))

    def _page(self, call: Call) -> Page:
        """How many rows this page may show, and whether the client's $top ends with it."""
        sent = 0 if call.continuation is None else call.continuation.sent
        page_rows = self._page_rows(call)
        if call.query.top is None:
            return Page(sent, page_rows, page_rows, ends=False)
        value = call.lifted.values[call.query.top.index].value
        left = max(0, (value if isinstance(value, int) else 0) - sent)
        return Page(sent, page_rows, min(left, page_rows), ends=left <= page_rows)

    def _asker(self, call: Call) -> Ask:
        """The statements of a page's chunks: the first follows the page before, the others each other."""

        def ask(keys: Keys | None, rows: int, want: Want) -> tuple[Statement, Sequence[object]]:
            mask = call.shape.mask if keys is None else tuple(key is None for key in keys)
            shape = call.shape._replace(mask=mask, peeks=want == "last rows")
            statement = self.compiler.statement(call.lifted, call.query, shape, "mark" if want == "mark" else "rows")
            return statement, self._arguments(call, statement, limit=rows, keys=keys)

        return ask

    async def _counted(self, call: Call, session: Session) -> int | None:
        if not call.is_counted:
            return None
        statement = self._statement(call, "count")
        rows = await session.fetch(statement.text, self._arguments(call, statement), anew=statement.has_ranges)
        return int(rows[0][0])

    async def _streamed(self, call: Call, page: Page, head: bytes, chunks: AsyncGenerator[Chunk]) -> AsyncIterator[bytes]:
        """A page of several chunks; what fails after the first is raised from here."""
        pending, last = head, None
        try:
            async for chunk in chunks:
                if chunk.text:
                    yield pending
                    yield chunk.text  # as it is: a row may have 100 MB, and a copy of it as well
                    pending = b","
                last = chunk
        finally:
            await chunks.aclose()
        yield self._tail(call, page, last)

    def _tail(self, call: Call, page: Page, last: Chunk | None) -> bytes:
        """The end of the body, with a link to the next page where there is more."""
        if last is None or not last.more or page.ends:
            return envelope.collection_tail(call.format, None)
        following = links.Continuation(page.sent + page.rows, page.page_rows, last.keys).shortened(call.query.key_positions)
        token = links.skiptoken(following, call.bound())
        path = call.request.target.removeprefix("/").partition("?")[0]
        options = [(_plain_name(o.name), o.raw) for o in call.lifted.target.options]
        return envelope.collection_tail(call.format, links.next_link(call.request.root, path, options, token))


@dataclass(frozen=True, slots=True)
class Page:
    """One page: rows `sent` before it, the size of pages, the rows it may show, and whether the client's $top ends with it."""

    sent: int
    page_rows: int
    rows: int
    ends: bool


def _headers(call: Call, media_type: str | None, applied: str | None = None) -> Headers:
    headers: Headers = (("OData-Version", call.format.version),)
    if media_type is not None:
        headers = (("Content-Type", media_type), *headers)
    return headers if applied is None else (*headers, ("Preference-Applied", applied))


@lru_cache(maxsize=128)
def _row_format(form: Format) -> RowFormat:
    return RowFormat(form.level, "@odata." if form.version == "4.0" else "@", form.ieee754)


def _no_entity(call: Call) -> BindNoEntity:
    """The same answer for what does not exist and for what belongs to another account."""
    return BindNoEntity("no such entity", target="path")


def _plain_name(name: str) -> str:
    """The name under which an option is kept once: `$skiptoken` however it is spelled."""
    return "$skiptoken" if name.lower() == "$skiptoken" else name


def _check_schema_version(lifted: Lifted) -> None:
    """No version of the schema is published by name, so only `*` exists (Protocol 11.2.12)."""
    asked = lifted.side.schemaversion
    if asked is not None and asked != "*":
        raise BindSegment(f"there is no schema version '{asked[:40]}'", target="$schemaversion", at=0, hint="leave $schemaversion out")


def _relative(entity_id: str, root: str) -> str:
    """An entity-id, absolute or relative to the service root, as a path after it."""
    if entity_id.startswith(root):
        return entity_id[len(root) :]
    parts, own = urlsplit(entity_id), urlsplit(root)
    if parts.scheme or parts.netloc:
        raise BindSegment("$id belongs to another service", target="$id", at=0, hint=f"entity-ids of this service begin with {root}")
    return entity_id.removeprefix(own.path).removeprefix("/")
