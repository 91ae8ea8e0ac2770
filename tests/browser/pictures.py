"""Writes the pictures of the page in docs/images: `python -m tests.browser.pictures URL`, with the URL of a running demo."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from odata_gateway.demo import tokens
from playwright.sync_api import Page
from tests.harness.browser import chromium, tab

FOLDER = Path(__file__).parents[2] / "docs" / "images"


class Picture(NamedTuple):
    """A view in a window, after something was done on it."""

    name: str
    target: str
    width: int
    height: int
    scheme: str = "light"
    act: Callable[[Page], object] = lambda page: None


def _menu(column: str) -> Callable[[Page], object]:
    return lambda page: page.click(f"button.head:text-is('{column}')")


PICTURES = (
    Picture(
        "page_rows",
        "Conversation?$filter=status ne 1&$select=id,status,inbox_id,created_at,identifier&$expand=inbox",
        1000,
        560,
        act=_menu("status"),
    ),
    Picture("page_groups", "Conversation?$apply=groupby((status,inbox/name),aggregate($count as count))", 1000, 700, "dark"),
    Picture("page_error", "Message?$filter=created_at gt 2021-11-01T00:00:00Z and contnt eq 'Hello'", 1000, 300),
    Picture("page_connect", "Message?$filter=message_type eq 1&view=connect", 1000, 760),
)


def main(url: str) -> None:
    """Take each picture as account 1's administrator."""
    with chromium() as browser:
        for picture in PICTURES:
            with tab(browser, url, token=tokens.ADMIN, width=picture.width, scheme=picture.scheme) as found:
                found.page.set_viewport_size({"width": picture.width, "height": picture.height})
                found.open(picture.target)
                picture.act(found.page)
                found.page.screenshot(path=FOLDER / f"{picture.name}.png")


if __name__ == "__main__":
    main(sys.argv[1])
