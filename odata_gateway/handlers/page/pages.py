"""Answers the requests of browsers: a page of the URL that they ask for."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import unquote

import orjson

from odata_gateway.compiler.compiled_query import CompiledQuery
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.compiler.explain import sql_text
from odata_gateway.config.settings import Settings
from odata_gateway.errors import AuthMissing, BindSegment, Internal, ODataError
from odata_gateway.formats.encoding import Format
from odata_gateway.formats.plan_encoding import PLAN_TYPE
from odata_gateway.formats.registry import FORMATS
from odata_gateway.handlers.page import conditions, connections
from odata_gateway.handlers.page.address import PageAddress, crumbs, page_address, root_prefix
from odata_gateway.handlers.page.chart import bar_chart
from odata_gateway.handlers.page.choices import TableChoices
from odata_gateway.handlers.page.client import PagedService, ServiceClient
from odata_gateway.handlers.page.columns import PageColumn, page_columns, shown_type
from odata_gateway.handlers.page.facets import facets, row_count
from odata_gateway.handlers.page.rendering import RAW_SAFETY, asset, html
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.observe.request_stats import current_stats
from odata_gateway.protocol.headers.accept import prefers_html
from odata_gateway.protocol.message import HeaderPairs, Reply, Request, RequestHeaders
from odata_gateway.url.resource_kind import ResourceKind, classify

OWN_PATH = "$page/"
"""What begins the targets of the pages' own files and forms."""
TABS = (("", "Rows"), ("json", "JSON"), ("connect", "Connect"), ("timing", "Timing"))
PLAN_TABS = (("sql", "SQL"), ("plan", "Plan"))
PAGE_SIZES = (20, 50, 200, 1000)
_PAGE_ROWS = 50
_JSON = "application/json;odata.metadata=minimal"
_PLANS = {
    "sql": f"{PLAN_TYPE};plan=text",
    "plan": f"{PLAN_TYPE};plan=text",
    "analyze": f"{PLAN_TYPE};plan=text;analyze=true",
}


class Pages:
    """Answers requests of browsers, each with what the service answers to any client.

    formats  that rows can be downloaded in
    """

    def __init__(
        self,
        service: PagedService,
        callers: CallerDirectory,
        settings: Settings,
        formats: tuple[Format, ...] = FORMATS,
    ) -> None:
        self._service = service
        self._callers = callers
        self._settings = settings
        self._downloads = [f.abbreviations[0] for f in formats if f.encoding((), "4.0") is not None]

    def wants(self, target: str, headers: RequestHeaders) -> bool:
        """Whether a request is one of a browser that asks for a page, or for a page's own
        targets. Programs copy the Accept header of a browser, and can read JSON only: what takes
        anything besides HTML must also say that it is a browser."""
        if target.startswith(OWN_PATH):
            return True
        accepted = headers.get("accept", "")
        return (
            "text/html" in accepted
            and prefers_html(accepted)
            and ("*/*" not in accepted or _is_browser(headers))
            and not page_address(target).value("$format")
        )

    async def answer(self, request: Request) -> Reply:
        """The page of a request, or what one of the pages' own targets stands for.

        raises  ODataError; `refusal` makes its page
        """
        if request.target.startswith(OWN_PATH):
            return await self._own(request)
        address = page_address(request.target)
        client = ServiceClient(self._service, request)
        match classify(address.target):
            case ResourceKind.SERVICE_DOCUMENT | ResourceKind.METADATA as kind:
                await client.get(address.of_service(format="json").target)
                is_public = request.token is None and self._callers.anonymous is None
                compiler = self._service.compiler if is_public else await self._compiler(request)
                is_root = kind is ResourceKind.SERVICE_DOCUMENT
                template = "root.html" if is_root else "reference.html"
                return await self._html(
                    template, request, address, model=compiler.model, shown_type=shown_type
                )
            case ResourceKind.DATA:
                return await self._data(request, address, client)
            case ResourceKind.OPENAPI:
                return await self._service.answer(request)
            case _:
                return await self._json(request, address, client)

    async def refusal(self, error: Exception, reply: Reply, request: Request) -> Reply:
        """The page of an error.

        reply  what any other client gets, with the headers of the error
        """
        if not isinstance(error, ODataError):
            error = Internal("an unexpected error; the gateway's log has it under the request's id")
        headers = tuple(pair for pair in reply.headers if pair[0] != "Content-Type")
        address = page_address(request.target)
        if request.target.startswith(OWN_PATH):
            address = PageAddress("")
        text = unquote(address.path) if error.target == "path" else None
        if error.target is not None and error.target.startswith(("$", "@")):
            text = address.value(error.target)
        shown = {"error": error, "text": text, "request_id": current_stats.get().id}
        page = await self._html("error.html", request, address, **shown)
        return page._replace(status=reply.status, headers=(*page.headers, *headers))

    # --- data -------------------------------------------------------------------------------------

    async def _data(self, request: Request, address: PageAddress, client: ServiceClient) -> Reply:
        compiled = (await self._compiler(request)).compile(address.of_service().target)
        form, rows = compiled.query.form, _page_rows(address)
        if form in ("count", "value"):
            reply = await client.get(address.of_service().target)
            return reply._replace(headers=(*reply.headers, *RAW_SAFETY))
        if address.value("view") == "json" or form in ("references", "reference"):
            return await self._json(request, address, client)
        if (accept := _PLANS.get(address.value("view"))) is not None:
            found = await client.json(address.of_service().target, rows=rows, accept=accept)
            return await self._html("plan.html", request, address, plan=found, sql_text=sql_text)
        started = time.perf_counter()
        found = await client.json(address.of_service().target, rows=rows)
        timing = self._timing(time.perf_counter() - started)
        if form != "collection":
            return await self._entity(request, address, compiled, found, timing)
        return await self._rows(request, address, compiled, found, timing)

    async def _rows(
        self, request: Request, address: PageAddress, compiled: CompiledQuery, *answer: Any
    ) -> Reply:
        found, timing = answer
        client, rows = ServiceClient(self._service, request), found["value"]
        columns = page_columns(compiled.query, rows)
        following = _next(address, found)
        is_first = not address.value("$skiptoken")
        count = int(found["@odata.count"]) if "@odata.count" in found else None
        shown: dict[str, Any] = {"count": count, "rough_count": None, "facets": None}
        if count is None and is_first and following is not None and not compiled.query.top:
            shown["rough_count"] = await row_count(client, address, len(rows))
        if address.value("facets"):
            shown["facets"] = await facets(client, address, columns)
        shown |= {"next": following, "is_first": is_first, "timing": timing, "rows": rows}
        shown |= TableChoices(address, compiled.query, columns).shown(rows)
        shown |= {"chart": bar_chart(columns, rows) if compiled.query.is_made else None}
        return await self._html("rows.html", request, address, **shown)

    async def _entity(
        self, request: Request, address: PageAddress, compiled: CompiledQuery, *answer: Any
    ) -> Reply:
        found, timing = answer
        columns = page_columns(compiled.query, [found]) if compiled.query.projection else []
        shown = {"columns": columns, "entity": found, "timing": timing}
        return await self._html("entity.html", request, address, **shown)

    async def _json(self, request: Request, address: PageAddress, client: ServiceClient) -> Reply:
        rows, target = _page_rows(address), address.of_service().target
        found = await client.json(target, rows=rows, accept=_JSON)
        text = orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()
        return await self._html("json.html", request, address, text=text)

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
        """Files, forms, connection files and the sign-in."""
        path, _, query = request.target.removeprefix(OWN_PATH).partition("?")
        if (file := asset(path)) is not None:
            return file
        if path == "go":
            form = conditions.form_of(query)
            if "url" in form:
                return await self._built(request, form)
        if path == "sign-in":
            if request.token is None:
                raise AuthMissing("sign in with an access token as the password")
            await self._callers.caller(request.token)
            return _redirect(PageAddress(""))
        kind, slash, _ = path.partition("/")
        if kind in connections.FILES:
            target = request.target.removeprefix(OWN_PATH).removeprefix(kind + slash)
            return await self._connection(request, kind, page_address(target))
        raise BindSegment("no such path", target="path")

    async def _built(self, request: Request, form: conditions.Form) -> Reply:
        columns: list[PageColumn] = []
        if "column" in form:
            target = conditions.from_typed(form["url"][0]).of_service().target
            compiled = (await self._compiler(request)).compile(target)
            columns = page_columns(compiled.query, [])
        return _redirect(conditions.built(form, columns))

    async def _connection(self, request: Request, kind: str, address: PageAddress) -> Reply:
        """A connection file, for a URL that the service would answer."""
        found = connections.connection(request.root, address)
        compiler = await self._compiler(request)
        if classify(address.target) is ResourceKind.DATA:
            compiler.compile(address.of_service().target)
        return connections.connection_file(kind, found)

    # --- all pages --------------------------------------------------------------------------------

    async def _compiler(self, request: Request) -> Compiler:
        """The compiler of the model that the caller of a request is answered from."""
        return await self._service.compiler_of(await self._callers.caller(request.token))

    def _may_plan(self) -> bool:
        return current_stats.get().subject in self._settings.plan_callers

    async def _html(
        self, template: str, request: Request, address: PageAddress, **values: Any
    ) -> Reply:
        """A page with what all pages have. It is made in a thread, since a page of 1,000 rows takes
        a second, and other requests must not wait for it."""
        prefix = root_prefix(request.target.partition("?")[0])
        values |= {
            "here": address,
            "prefix": prefix,
            "root": request.root,
            "typed": conditions.typed(address),
            "view": address.value("view"),
            "page_sizes": PAGE_SIZES,
            "crumbs": crumbs(address.path),
            "tab_list": TABS + PLAN_TABS if self._may_plan() else TABS,
            "page_rows": _page_rows(address),
            "downloads": self._downloads,
            "is_signed_in": request.token is not None or "authorization" in request.headers,
            "can_be_anonymous": self._callers.anonymous is not None,
            "has_sign_in": bool(self._callers.ways) and self._settings.basic_auth,
            "connection": connections.connection(request.root, address),
            "connections": connections,
            "conditions": conditions,
        }
        return await asyncio.to_thread(html, template, **values)


def _page_rows(address: PageAddress) -> int:
    text = address.value("pagesize")
    is_number = text.isascii() and text.isdigit() and text.strip("0")
    return min(int(text[:9]), PAGE_SIZES[-1]) if is_number else _PAGE_ROWS


def _next(address: PageAddress, found: Any) -> PageAddress | None:
    if "@odata.nextLink" not in found:
        return None
    token = page_address(found["@odata.nextLink"]).value("$skiptoken")
    return address.changed({"$skiptoken": token, "facets": ""})


def _is_browser(headers: RequestHeaders) -> bool:
    """Whether a header says so that programs do not copy."""
    return headers.get("user-agent", "").startswith("Mozilla/") or "sec-fetch-dest" in headers


def _redirect(address: PageAddress) -> Reply:
    """To the URL that a form stands for; each of the forms is one segment below the root."""
    headers: HeaderPairs = (("Location", f"../{address.target}"), ("Cache-Control", "no-store"))
    return Reply(303, headers)
