"""One Chromium for a file of tests: Playwright keeps an event loop running in the thread, in which no test of another file could start its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.harness.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium; `tests.harness.browser.tab` opens a page in it."""
    with chromium() as running:
        yield running
