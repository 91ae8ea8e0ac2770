"""A real Chromium, driven by Playwright, that reports what a page must never do.

`apt-get install chromium` and `pip install -e '.[browser]'` bring it, and `npm ci --prefix tests/harness/page` axe-core, which `.ci/run` does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, Request, sync_playwright

AXE = Path(__file__).parent / "page" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1280, 360)
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser without a window."""
    program = shutil.which("chromium")
    assert program is not None, "apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page of the service in a browser of its own, and what happened in it.

    faults    dialogs, errors of scripts, and what the content security policy had to stop
    requests  every request, with its headers
    """

    page: Page
    base_url: str
    faults: list[str] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def open(self, target: str) -> None:
        """Go to a target below the service root."""
        self.page.goto(self.base_url + target)

    def watch(self) -> None:
        """Note from now on what a page must not do."""
        self.page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", lambda message: self._note(message.text))
        self.page.on("request", self._requested)

    def _note(self, text: str) -> None:
        if "Failed to load resource" not in text:  # the status of an answer, such as 400
            self.faults.append(f"console: {text}")

    def _requested(self, request: Request) -> None:
        self.requests.append((request.url, request.headers))
        if not request.url.startswith((self.base_url, "data:", "blob:")):
            self.faults.append(f"request: {request.url}")

    def violations(self) -> list[str]:
        """What axe-core finds that is serious or worse."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate("axe.run().then(result => result.violations)")
        return [
            f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


@contextmanager
def tab(
    browser: Browser, base_url: str, *, token: str = "", width: int = 1280, scheme: Any = "light", scripts: bool = True
) -> Iterator[Tab]:
    """A browser without history or cookies; with a token, its owner has signed in by the browser's own prompt."""
    signed_in: Any = {"username": "me", "password": token} if token else None
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        java_script_enabled=scripts,
        http_credentials=signed_in,
        accept_downloads=True,
        permissions=["clipboard-read", "clipboard-write"],
    )
    found = Tab(context.new_page(), base_url)
    found.watch()
    found.page.set_default_timeout(15_000)
    yield found
    context.close()
