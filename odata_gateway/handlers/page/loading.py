"""Which requests want a page. What answers them is loaded when the first one comes: Jinja2 and the
templates take 0.1 s of processor time and 4 MB, which a process that only programs ask does not
need."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from odata_gateway.config.settings import Settings
from odata_gateway.handlers.questions.client import AskedService
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.protocol.headers.accept import prefers_html
from odata_gateway.protocol.message import Reply, Request, RequestHeaders
from odata_gateway.url.addresses.address import address_of

OWN_PATH = "$page/"
"""What begins the targets of the pages' own files and forms."""
_PAGES = "odata_gateway.handlers.page.pages"


class LoadedPages:
    """Answers requests of browsers with `pages.Pages`."""

    def __init__(self, service: AskedService, callers: CallerDirectory, settings: Settings) -> None:
        self._parts = service, callers, settings
        self._pages: Any = None

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
            and not address_of(target).value("$format")
        )

    async def answer(self, request: Request) -> Reply:
        """As `Pages.answer`."""
        pages = await self._loaded()
        reply: Reply = await pages.answer(request)
        return reply

    async def refusal(self, error: Exception, reply: Reply, request: Request) -> Reply:
        """As `Pages.refusal`."""
        pages = await self._loaded()
        page: Reply = await pages.refusal(error, reply, request)
        return page

    async def _loaded(self) -> Any:
        """The pages; loaded in a thread, so that other requests go on."""
        if self._pages is None:
            module = await asyncio.to_thread(import_module, _PAGES)
            self._pages = module.Pages(*self._parts)
        return self._pages


def _is_browser(headers: RequestHeaders) -> bool:
    """Whether a header says so that programs do not copy."""
    return headers.get("user-agent", "").startswith("Mozilla/") or "sec-fetch-dest" in headers
