"""Scripts that stand in the data, in names and in URLs: Chromium must run none of them, on no view of any set."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import asyncpg
import pytest
from tests.harness import tokens
from tests.harness.browser import tab
from tests.harness.gateway import start_gateway
from tests.harness.sample import copied

RUN = "window.stolen=1;alert(1)"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f'"><script>{RUN}</script>',
    f"'><img src=x onerror={RUN}>",
    f'" autofocus onfocus="{RUN}" x="',
    f"' onmouseover='{RUN}' x='",
    f"</title><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"</pre><script>{RUN}</script>",
    f"</style><script>{RUN}</script>",
    f"]]><script>{RUN}</script>",
    f"--><script>{RUN}</script>",
    f"javascript:{RUN}",
    f"<a href=javascript:{RUN}>a</a>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<object data=javascript:{RUN}></object>",
    f"<form action=javascript:{RUN}><button autofocus>b</button></form>",
    f"<base href=https://evil.example/><script>{RUN}</script>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    f"<link rel=stylesheet href=https://evil.example/a.css><style>*{{background:url(https://evil.example/)}}</style>{RUN}",
    f"<math><mi//xlink:href='data:x,<script>{RUN}</script>'>",
    f"<details open ontoggle={RUN}>",
    f"<video><source onerror={RUN}>",
    "{{ 7 * 7 }}{% for x in ().__class__.__base__.__subclasses__() %}x{% endfor %}",
    "${7*7}#{7*7}<%= 7*7 %>",
    f'{{"a": "</pre><script>{RUN}</script>", "<img src=x onerror={RUN}>": [1]}}',
    f'["<script>{RUN}</script>"]',
    f"x\u2028y\u2029z\u202e<script>{RUN}</script>\ufeff",
    f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"<{'b' * 200} onclick={RUN}>" + "<script>" * 40,
]
COLUMNS = """
    SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns AS c JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND c.data_type IN ('text', 'character varying', 'jsonb', 'json')
    AND table_name IN ('messages', 'conversations', 'inboxes', 'labels', 'users')
"""


async def poison(dsn):
    """Put a payload into every text column of every row, as far as it may stand there."""
    connection = await asyncpg.connect(dsn)
    changed = 0
    try:
        for table, column, kind in await connection.fetch(COLUMNS):
            value = "p.text" if kind in ("text", "character varying") else f"to_jsonb(p.text)::{kind}"
            update = f"""
                UPDATE "{table}" AS t SET "{column}" = {value} FROM unnest($1::text[]) WITH ORDINALITY AS p (text, n)
                WHERE p.n = t.id % {len(PAYLOADS)} + 1
            """
            try:
                await connection.execute(update, PAYLOADS)
                changed += 1
            except (asyncpg.UniqueViolationError, asyncpg.StringDataRightTruncationError, asyncpg.CheckViolationError):
                await connection.execute(update.replace(f"= {value}", f"= left({value}, 150) || t.id"), PAYLOADS)
    finally:
        await connection.close()
    assert changed > 10


@pytest.fixture(scope="module")
def poisoned(cluster, reader_url):
    with copied(cluster, "poisoned") as name:
        with ThreadPoolExecutor() as apart:  # Playwright has a loop in this thread
            apart.submit(asyncio.run, poison(cluster.dsn(database=name))).result()
        with start_gateway(ODATA_DSN=reader_url(name)) as running:
            yield running


def is_clean(found):
    assert found.page.evaluate("window.stolen") is None
    assert found.faults == []


def targets(gateway):
    for name in (each["name"] for each in gateway.get("").json()["value"]):
        row = gateway.get(f"{name}?$top=1").rows[0]
        text = next(key for key, value in row.items() if isinstance(value, str) and "<" in value)
        yield from (
            f"{name}?pagesize=200",
            f"{name}?facets=true",
            f"{name}?view=json",
            f"{name}({row['id']})",
            f"{name}({row['id']})/{text}",
        )
        yield f"{name}?$apply=groupby(({text}),aggregate($count as count))"
    yield "Conversation?$expand=messages,inbox,assignee&$top=20"
    yield "Message?$expand=conversation,inbox&$select=content&$top=50"


def test_no_script_of_the_data_runs(browser, poisoned):
    with tab(browser, poisoned.base_url, token=tokens.ADMIN) as found:
        for target in targets(poisoned):
            found.open(target)
            found.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
            found.page.evaluate("document.querySelectorAll('[popover]').forEach(each => { each.showPopover(); each.hidePopover(); })")
            assert "alert(1)" in found.page.content(), target
            is_clean(found)


def test_the_raw_value_of_a_text_is_no_page(browser, poisoned):
    with tab(browser, poisoned.base_url, token=tokens.ADMIN) as found:
        for row in poisoned.get("Message?$select=id&$top=40").rows:
            found.open(f"Message({row['id']})/content/$value")
            assert found.page.evaluate("document.contentType") == "text/plain"
        is_clean(found)


@pytest.mark.parametrize(
    "place", ["{}", "Message?$filter=content eq '{}'", "Message?$orderby={}", "Message?{}=1", "Message?$search={}", "Message({})"]
)
def test_no_script_of_a_url_runs(browser, poisoned, place):
    with tab(browser, poisoned.base_url, token=tokens.ADMIN) as found:
        for payload in PAYLOADS:
            for view in ("", "connect"):
                target = place.format(quote(payload.replace("'", "''") if "'{}'" in place else payload, safe=""))
                found.open(target + ("&" if "?" in target else "?") + f"view={view}" if view else target)
                is_clean(found)


def test_what_a_person_types_runs_nothing(browser, poisoned):
    with tab(browser, poisoned.base_url, token=tokens.ADMIN) as found:
        for payload in PAYLOADS:
            found.open("Label")
            found.page.fill("#url", payload)
            found.page.press("#url", "Enter")
            found.page.wait_for_load_state()
            is_clean(found)
