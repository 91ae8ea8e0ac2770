"""People walk through the page in a real Chromium: wide and narrow, light and dark, by keyboard only, without JavaScript."""

import io
import itertools
import zipfile

import pytest
from tests.harness import tokens
from tests.harness.browser import SCHEMES, WIDTHS, tab

VIEWS = [
    "",
    "$metadata",
    "Message",
    "Message?view=json",
    "Message?view=connect",
    "Message?view=timing",
    "Message(1)",
    "Conversation?facets=true",
    "Conversation?$expand=inbox,messages($top=2)&$top=5",
    "Conversation?$apply=groupby((status,inbox_id),aggregate($count as count))",
    "Message?$filter=contnt eq 'a'",
]


@pytest.mark.parametrize(("width", "scheme"), [*itertools.product(WIDTHS, SCHEMES)])
def test_a_walk_from_the_root_to_an_error(browser, gateway, width, scheme):
    with tab(browser, gateway.base_url, token=tokens.ADMIN, width=width, scheme=scheme) as found:
        page = found.page
        found.open("")
        page.fill("#find", "conv")
        assert page.locator("table.sets tbody tr:visible").count() < 5
        page.click("table.sets a:text('Conversation')")
        assert page.url == gateway.base_url + "Conversation"

        page.click("button.head:text-is('status')")
        page.click(".menu:popover-open >> text=Sort descending")
        assert page.url.endswith("?$orderby=status%20desc")
        assert page.get_attribute("th[aria-sort]", "aria-sort") == "descending"

        page.click("text=Build a query")
        page.click("text=Count values")
        page.click(".facet:has(h2:text-is('status')) a >> nth=0")
        assert "$filter=status%20eq%20" in page.url
        page.click("text=Build a query")
        boxes = page.locator("#builder input[name=select]")
        page.click("#builder button.all:text-is('None')")
        assert not any(box.is_checked() for box in boxes.all())
        page.click("#builder button.all:text-is('All')")
        assert all(box.is_checked() for box in boxes.all())
        page.select_option("form[action$='go'] >> nth=1 >> select[name=column]", "inbox_id")
        page.fill("#builder input[name=value]", "2")
        page.click("#builder button:text-is('Show')")
        assert "inbox_id%20eq%202" in page.url
        page.wait_for_load_state()  # the URL is there before the rows are
        shown = page.locator("table.rows tbody tr").count()
        assert shown == len(gateway.get(page.url.replace("&facets=true", "").replace("?facets=true&", "?")).rows)

        page.click("td.open a >> nth=0")
        page.click(".related a:text('messages')")
        assert "/messages" in page.url

        found.open("Conversation")
        page.click("button.head:text-is('status')")
        page.click(".menu:popover-open >> text=Group by, with count")
        page.wait_for_load_state()
        assert page.locator("svg rect").count() == page.locator("table.rows tbody tr").count() == 4
        page.click("td.open a >> nth=0")
        assert "$filter=status%20eq%20" in page.url

        found.open("Message?pagesize=20&$orderby=id")
        first = page.locator("table.rows tbody tr >> nth=0").inner_text()
        page.click("text=Next page")
        page.wait_for_load_state()
        assert page.locator("table.rows tbody tr").count() == 20 and page.locator("table.rows tbody tr >> nth=0").inner_text() != first

        found.open("Label")
        for name, begins in (("csv", b'"id"'), ("xlsx", b"PK")):
            with page.expect_download() as download:
                page.click(f".downloads a:text-is('{name}')")
            body = download.value.path().read_bytes()
            assert body.startswith(begins) and download.value.suggested_filename.endswith(name)
        assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None

        page.click(".tabs a:text('Connect')")
        page.click(".snippet:has(h3:text-is('curl')) button")
        assert page.evaluate("navigator.clipboard.readText()").startswith("curl -H ")

        page.fill("#url", "Message?$filter=contnt eq 'a'")
        page.press("#url", "Enter")
        assert page.locator("pre.caret").inner_text().splitlines() == ["contnt eq 'a'", "^"]
        assert "did you mean 'content'?" in page.locator(".remedy").inner_text()
        assert found.faults == []


@pytest.mark.parametrize(("width", "scheme"), [*itertools.product(WIDTHS, SCHEMES)])
def test_nothing_is_wider_than_the_window_and_axe_finds_no_serious_fault(browser, gateway, width, scheme):
    with tab(browser, gateway.base_url, token=tokens.ADMIN, width=width, scheme=scheme) as found:
        for target in VIEWS:
            found.open(target)
            assert found.page.evaluate("document.documentElement.scrollWidth") <= width, target
            found.page.evaluate("document.querySelectorAll('main details').forEach((each, i) => { each.open = i < 3; })")
            assert found.page.evaluate("document.documentElement.scrollWidth") <= width, target
            assert found.violations() == [], target
        assert [fault for fault in found.faults if "axe" not in fault] == []


def test_the_keyboard_is_enough(browser, gateway):
    with tab(browser, gateway.base_url, token=tokens.ADMIN) as found:
        page = found.page

        def tab_to(selector):
            for _ in range(150):
                page.keyboard.press("Tab")
                if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                    return
            pytest.fail(f"the Tab key does not reach {selector}")

        found.open("")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        tab_to("table.sets a[href$='/Message']")
        page.keyboard.press("Enter")
        page.wait_for_url("**/Message")
        tab_to("button.head[popovertarget=menu1]")
        page.keyboard.press("Enter")
        page.wait_for_selector(".menu:popover-open a:focus")
        page.keyboard.press("Escape")
        assert page.locator(".menu:popover-open").count() == 0
        assert page.evaluate("document.activeElement.matches('button.head')")
        page.keyboard.press("Enter")
        page.wait_for_selector(".menu:popover-open a:focus")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/Message?$orderby=id%20desc")
        page.keyboard.press("/")
        page.keyboard.type("Label")
        page.keyboard.press("Enter")
        page.wait_for_url("**/Label")
        assert found.faults == []


@pytest.mark.parametrize("width", WIDTHS)
def test_without_javascript_everything_can_be_read_and_asked(browser, gateway, width):
    with tab(browser, gateway.base_url, token=tokens.ADMIN, width=width, scripts=False) as found:
        page = found.page
        for target in VIEWS:
            found.open(target)
            assert page.locator("h1").is_visible()
            assert page.locator("button.copy:visible, #theme:visible, #find:visible").count() == 0
        found.open("Conversation")
        page.click("button.head:text-is('status')")
        page.click(".menu:popover-open >> text=Group by, with count")
        assert page.locator("svg rect").count() == 4
        found.open("Message")
        page.click("button.head:text-is('message_type')")
        page.fill(".menu:popover-open input[name=value]", "1")
        page.click(".menu:popover-open button:text('Filter')")
        assert page.url.endswith("?$filter=message_type%20eq%201")
        assert found.faults == []


@pytest.mark.parametrize("scripts", [True, False])
def test_who_has_signed_in_is_not_asked_to_again(browser, gateway, scripts):
    with tab(browser, gateway.base_url, token=tokens.ADMIN, scripts=scripts) as found:
        found.open("$metadata")
        found.page.click("text=Sign in")
        assert found.page.url == gateway.base_url and found.page.locator("text=Sign in").count() == 0
        found.page.click("text=Reference")
        assert found.page.locator("text=Sign in").count() == 0 and found.page.locator("h2:text-is('Message')").count() == 1


def test_a_chosen_theme_stays(browser, gateway):
    with tab(browser, gateway.base_url, scheme="dark") as found:
        found.open("")
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        dark = found.page.evaluate(ground)
        found.page.click("#theme")
        light = found.page.evaluate(ground)
        assert light != dark
        found.open("$metadata")
        assert found.page.evaluate(ground) == light


def test_the_token_of_the_prompt_is_in_no_url_and_no_source(browser, gateway):
    with tab(browser, gateway.base_url, token=tokens.ADMIN) as found:
        for target in ("", "Message", "Message?view=connect", "Message(1)", "No"):
            found.open(target)
            assert tokens.ADMIN not in found.page.content()
            for link in found.page.eval_on_selector_all("a", "all => all.map(each => each.href)"):
                assert tokens.ADMIN not in link
        assert all(tokens.ADMIN not in url and "referer" not in headers for url, headers in found.requests)


def test_a_page_cannot_be_framed(browser, gateway, tmp_path):
    outer = tmp_path / "outer.html"
    outer.write_text(f'<iframe src="{gateway.base_url}"></iframe>')
    with tab(browser, gateway.base_url) as found:
        found.page.goto(outer.as_uri())
        frame = found.page.frames[1]
        frame.wait_for_load_state()
        assert "OData" not in frame.content()
