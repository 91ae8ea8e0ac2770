"""Answers the requests of browsers: a page of the URL that they ask for."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import quote, unquote

from odata_gateway.compiler.compiled_query import CompiledQuery
from odata_gateway.compiler.explain import sql_text
from odata_gateway.config.settings import Settings
from odata_gateway.errors import AuthMissing, BindSegment, Internal, ODataError
from odata_gateway.formats.encoding import Format
from odata_gateway.formats.registry import FORMATS
from odata_gateway.handlers.connections.files import FILES, connection_file
from odata_gateway.handlers.connections.location import rows_location
from odata_gateway.handlers.page.charts import group_chart
from odata_gateway.handlers.page.forms import built, called, form_of
from odata_gateway.handlers.page.loading import OWN_PATH
from odata_gateway.handlers.page.rendering import RAW_SAFETY, asset, html, pretty_json
from odata_gateway.handlers.page.tables import PageTable
from odata_gateway.handlers.page.view import PAGE_SIZES, PageView, page_view, root_prefix
from odata_gateway.handlers.questions.client import AskedService, ServiceClient
from odata_gateway.handlers.questions.columns import RowColumn, row_columns
from odata_gateway.handlers.questions.facets import facets, row_count
from odata_gateway.handlers.questions.groups import number_name
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.protocol.json_format import PLAN_TYPE
from odata_gateway.protocol.message import HeaderPairs, Reply, Request
from odata_gateway.url.addresses.address import Address, address_of, crumbs
from odata_gateway.url.addresses.typed import from_typed
from odata_gateway.url.resource_kind import ResourceKind, classify

TABS = (("", "Rows"), ("json", "JSON"), ("connect", "Connect"), ("timing", "Timing"))
_ONLY_JSON = TABS[1:2]
PLAN_TABS = (("sql", "SQL"), ("plan", "Plan"))
_JSON = "application/json;odata.metadata=minimal"
_PLANS = {
    "sql": f"{PLAN_TYPE};plan=text",
    "plan": f"{PLAN_TYPE};plan=text",
    "analyze": f"{PLAN_TYPE};plan=text;analyze=true",
}
_DOCUMENTS = {
    ResourceKind.SERVICE_DOCUMENT: "root.html",
    ResourceKind.METADATA: "reference.html",
}


class Pages:
    """Answers requests of browsers, each with what the service answers to any client.

    formats  that rows can be downloaded in
    """

    def __init__(
        self,
        service: AskedService,
        callers: CallerDirectory,
        settings: Settings,
        formats: tuple[Format, ...] = FORMATS,
    ) -> None:
        self._service = service
        self._callers = callers
        self._settings = settings
        self._downloads = [f.abbreviations[0] for f in formats if f.encoding((), "4.0") is not None]

    async def answer(self, request: Request) -> Reply:
        """The page of a request, or what one of the pages' own targets stands for.

        raises  ODataError; `refusal` makes its page
        """
        if request.target.startswith(OWN_PATH):
            return await self._own(request)
        view = page_view(request.target)
        if view.name == "sign-in":
            return await self._signed_in(request, view)
        match classify(view.here.target):
            case ResourceKind.SERVICE_DOCUMENT | ResourceKind.METADATA as kind:
                return await self._document(request, view, _DOCUMENTS[kind])
            case ResourceKind.DATA:
                return await self._data(request, view)
            case ResourceKind.OPENAPI:
                return await self._service.answer(request)
            case _:
                return await self._json(request, view, tab_list=_ONLY_JSON)

    async def refusal(self, error: Exception, reply: Reply, request: Request) -> Reply:
        """The page of an error.

        reply  what any other client gets, with the headers of the error
        """
        if not isinstance(error, ODataError):
            error = Internal("an unexpected error; the gateway's log has it under the request's id")
        headers = tuple(pair for pair in reply.headers if pair[0] != "Content-Type")
        view = page_view("" if request.target.startswith(OWN_PATH) else request.target)
        text = unquote(view.here.path) if error.target == "path" else None
        if error.target is not None and error.target.startswith(("$", "@")):
            text = view.here.value(error.target)
        shown = {"error": error, "text": text, "request_id": current_stats.get().id}
        page = await self._html("error.html", request, view, **shown)
        return page._replace(status=reply.status, headers=(*page.headers, *headers))

    # --- documents and data -----------------------------------------------------------------------

    async def _document(self, request: Request, view: PageView, template: str) -> Reply:
        model = await self._service.model_of_documents(request)
        connection = rows_location(request.root, Address(""), model)
        return await self._html(template, request, view, model=model, connection=connection)

    async def _data(self, request: Request, view: PageView) -> Reply:
        client = ServiceClient(self._service, request)
        compiler = await self._service.compiler_of_token(request.token)
        compiled = compiler.compile(view.asked.target)
        form = compiled.query.form
        if form in ("count", "value"):
            reply = await client.get(view.asked.target)
            return reply._replace(headers=(*reply.headers, *RAW_SAFETY))
        if view.name == "json" or form in ("references", "reference"):
            return await self._json(request, view)
        if (accept := _PLANS.get(view.name)) is not None:
            found = await client.json(view.asked.target, rows=view.rows, accept=accept)
            return await self._html("plan.html", request, view, plan=found, sql_text=sql_text)
        started = time.perf_counter()
        found = await client.json(view.asked.target, rows=view.rows)
        shown: dict[str, Any] = {
            "timing": self._timing(time.perf_counter() - started),
            "connection": rows_location(request.root, view.asked, compiler.model),
            "enum_types": compiler.model.enum_types,
        }
        if form == "collection":
            shown |= await _rows(client, view, compiled, found)
            return await self._html("rows.html", request, view, **shown)
        columns = row_columns(compiled.query, [found]) if compiled.query.projection else []
        name = compiled.query.entity_set.name
        is_set, zone = name in compiler.model.entity_sets, view.here.value("timezone")
        of_set = Address(quote(name)).viewed(timezone=zone) if is_set else None
        shown |= {"columns": columns, "entity": found, "of_set": of_set}
        return await self._html("entity.html", request, view, **shown)

    async def _signed_in(self, request: Request, view: PageView) -> Reply:
        """Back to the page, once the browser has a token for all below its folder."""
        if request.token is None:
            raise AuthMissing("sign in with an access token as the password")
        await self._callers.caller(request.token)
        return _redirect(view.here, root_prefix(request.target.partition("?")[0]))

    async def _json(self, request: Request, view: PageView, **values: Any) -> Reply:
        client = ServiceClient(self._service, request)
        body = await client.body(view.asked.target, rows=view.rows, accept=_JSON)
        text = pretty_json(body or b"null")
        return await self._html("json.html", request, view, text=text, **values)

    def _timing(self, total_s: float) -> list[tuple[str, float]]:
        """The stages of the answer with their milliseconds."""
        if not self._settings.server_timing:
            return []
        stats = current_stats.get()
        stages = [
            ("read the URL", stats.parse_s),
            ("look up names, make SQL", stats.bind_s),
            ("wait for a connection", stats.wait_s),
            ("Postgres", stats.query_s),
        ]
        return [(name, s * 1000) for name, s in (*stages, ("all together", total_s))]

    # --- the pages' own targets -------------------------------------------------------------------

    async def _own(self, request: Request) -> Reply:
        """Files, forms and connection files."""
        path, _, query = request.target.removeprefix(OWN_PATH).partition("?")
        kind, _, rest = request.target.removeprefix(OWN_PATH).partition("/")
        if (file := asset(path)) is not None:
            return file
        form = form_of(query) if path == "go" else {}
        if "url" in form:
            names_columns = "column" in form or "hide" in form
            columns = await self._columns(request, form["url"][0]) if names_columns else []
            return _redirect(built(form, columns))
        if "call" in form:
            model = (await self._service.compiler_of_token(request.token)).model
            return _redirect(called(form, model.imports))
        if kind in FILES:
            return await self._connection_file(request, kind, page_view(rest))
        raise BindSegment("no such path", target="path")

    async def _columns(self, request: Request, url: str) -> list[RowColumn]:
        """The columns of a URL that a person wrote."""
        compiler = await self._service.compiler_of_token(request.token)
        view = page_view(from_typed(url).target)
        return row_columns(compiler.compile(view.asked.target).query, [])

    async def _connection_file(self, request: Request, kind: str, view: PageView) -> Reply:
        """A connection file, for a URL that the service would answer."""
        compiler = await self._service.compiler_of_token(request.token)
        if classify(view.here.target) is ResourceKind.DATA:
            compiler.compile(view.asked.target)
        return connection_file(kind, rows_location(request.root, view.asked, compiler.model))

    # --- all pages --------------------------------------------------------------------------------

    async def _html(self, template: str, request: Request, view: PageView, **values: Any) -> Reply:
        """A page with what all pages have. It is made in a thread, since a page of 1,000 rows takes
        a second, and other requests must not wait for it."""
        may_plan = current_stats.get().subject in self._settings.plan_callers
        common: dict[str, Any] = {
            "view": view,
            "here": view.here,
            "prefix": root_prefix(request.target.partition("?")[0]),
            "root": request.root,
            "crumbs": crumbs(view.here.path),
            "page_sizes": PAGE_SIZES,
            "tab_list": TABS + PLAN_TABS if may_plan else TABS,
            "downloads": self._downloads,
            "is_signed_in": request.token is not None or "authorization" in request.headers,
            "has_sign_in": bool(self._callers.ways) and self._settings.basic_auth,
        }
        return await asyncio.to_thread(html, template, **(common | values))


async def _rows(
    client: ServiceClient, view: PageView, compiled: CompiledQuery, found: Any
) -> dict[str, Any]:
    """What the page of a collection has besides what all pages have."""
    rows, following = found["value"], _next(view.here, found)
    columns = row_columns(compiled.query, rows)
    type_ = compiled.query.entity_set.entity_type
    taken = {*type_.properties, *type_.navigation, *(each.name for each in columns)}
    number = number_name(taken)
    is_first = not view.here.value("$skiptoken")
    count = int(found["@odata.count"]) if "@odata.count" in found else None
    rough_count, counted_values = None, None
    if count is None and is_first and following is not None and not compiled.query.top:
        rough_count = await row_count(client, view.asked, len(rows))
    if view.here.value("facets"):
        counted_values = await facets(client, view.here, columns, number)
    return {
        "rows": rows,
        "next": following,
        "is_first": is_first,
        "count": count,
        "rough_count": rough_count,
        "facets": counted_values,
        "columns": columns,
        "number": number,
        "taken": taken,
        "table": PageTable(view.here, compiled.query, columns, rows),
        "chart": group_chart(columns, rows, view.here.value("$apply")),
    }


def _next(here: Address, found: Any) -> Address | None:
    """The address of the next page."""
    if "@odata.nextLink" not in found:
        return None
    token = address_of(found["@odata.nextLink"]).value("$skiptoken")
    return here.without("facets").changed({"$skiptoken": token})


def _redirect(address: Address, prefix: str = "../") -> Reply:
    """To the URL that a form stands for; each of the forms is one segment below the root."""
    headers: HeaderPairs = (
        ("Location", f"{prefix}{address.target}"),
        ("Cache-Control", "no-store"),
    )
    return Reply(303, headers)
