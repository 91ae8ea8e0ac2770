"""One Chromium for a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.harness.browser import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A running Chromium; `tests.harness.browser.tab` opens a page in it."""
    with chromium() as running:
        yield running
