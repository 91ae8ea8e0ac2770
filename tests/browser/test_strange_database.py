"""A database whose names, comments, labels, keys and values are hostile or only strange, as a model from its catalog: no script of it runs, no page
is wider than the window, and every link of a page is answered."""

import html
import random
import re
from urllib.parse import urljoin

import pytest
from tests.browser.test_stored_script import PAYLOADS, is_clean
from tests.harness.browser import WIDTHS, tab
from tests.harness.gateway import start_gateway

DATABASE = "strange_page"
LINKS, OF_A_SHAPE = 150, 2
NUMBERS = '{"a": 12.50, "b": 12345678901234567890.123, "c": 1e400}'


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def name(text):
    """A name that Postgres takes whole: of at most 63 bytes."""
    return '"' + text.encode()[:60].decode(errors="ignore").replace('"', '""') + '"'


def script():
    """The SQL of the database."""
    labels = sorted({each.encode()[:60].decode(errors="ignore") for each in PAYLOADS})
    columns = [f"{name(f'{n} {text}')} text DEFAULT {literal(text)}" for n, text in enumerate(PAYLOADS)]
    hostile = f"<b>&</b> {PAYLOADS[0]} {PAYLOADS[2]}"
    lines = [
        f"CREATE TYPE {name(PAYLOADS[0])} AS ENUM ({', '.join(map(literal, labels))});",
        f"CREATE TYPE place AS ({name(PAYLOADS[2])} text, town text);",
        f"CREATE TABLE {name(PAYLOADS[5])} (key text PRIMARY KEY, label {name(PAYLOADS[0])}, labels {name(PAYLOADS[0])}[], {', '.join(columns)});",
        *(f"COMMENT ON COLUMN {name(PAYLOADS[5])}.{name(f'{n} {text}')} IS {literal(text)};" for n, text in enumerate(PAYLOADS)),
        *(
            f"INSERT INTO {name(PAYLOADS[5])} (key, label, labels) VALUES ({literal(text)}, {literal(label)}, ARRAY[{literal(label)}]::{name(PAYLOADS[0])}[]);"
            for text, label in zip(PAYLOADS, [*labels, *labels], strict=False)
        ),
        f"COMMENT ON TABLE {name(PAYLOADS[5])} IS {literal(hostile)};",
        "CREATE TABLE kinds (id bigint PRIMARY KEY, b bool, n numeric, f float8, t text, d date, at timestamptz, i interval, u uuid, o bytea, j jsonb, ns int[], p place, ps place[], r int4range);",
        "INSERT INTO kinds VALUES (1, true, 12.50, 'NaN', '', '2021-11-23', '2021-11-23', '1 day', '11111111-2222-3333-4444-555555555555', '\\x00ff', '{\"a\": null}', '{1,NULL}', ('a', 'b'), ARRAY[('a', NULL)::place], '[1,5)');",
        "INSERT INTO kinds (id) VALUES (2);",
        f"INSERT INTO kinds (id, f, t, ns, j) VALUES (3, 'Infinity', {literal('long ' * 900)}, array(SELECT generate_series(1, 300)), '[]');",
        f"INSERT INTO kinds (id, t, j, at) VALUES (4, {literal('مرحبا بالعالم')}, {literal(chr(34) + 'text' + chr(34))}, '2020-01-01'), (5, '👩‍👩‍👧‍👦', NULL, '2022-01-01'), (6, E'one\\ntwo\\nthree', NULL, '0044-01-01 BC'), (7, repeat(' ', 300), NULL, NULL), (8, repeat('[', 5000), '{literal(NUMBERS)[1:-1]}', NULL), (9, repeat('[', 5000) || repeat(']', 5000), NULL, NULL);",
        "CREATE TABLE none (id int PRIMARY KEY, name text);",
        f"CREATE TABLE wide (id int PRIMARY KEY, {', '.join(f'column_number_{n} text DEFAULT repeat(chr(97), {n})' for n in range(100))});",
        "INSERT INTO wide SELECT generate_series(1, 60);",
        "CREATE TABLE part (id int PRIMARY KEY, kind bigint REFERENCES kinds, other bigint REFERENCES kinds); INSERT INTO part SELECT n, n % 9 + 1, NULL FROM generate_series(1, 30) AS n;",
        "CREATE TABLE counts (id int PRIMARY KEY, n int, count int, rows int, count_2 int, year int, at timestamptz); INSERT INTO counts SELECT n, n % 3, n % 4, 0, 0, 0, '2020-01-01' FROM generate_series(1, 100) AS n;",
        f"CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql STABLE AS 'SELECT n * 2'; COMMENT ON FUNCTION twice IS {literal(hostile)};",
        f"CREATE FUNCTION {name(PAYLOADS[7])} ({name(PAYLOADS[2])} text) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1';",
    ]
    return "\n".join(lines) + "\nGRANT SELECT ON ALL TABLES IN SCHEMA public TO odata_reader;"


@pytest.fixture(scope="module")
def strange(cluster, reader_url):
    cluster.psql("postgres", f"CREATE DATABASE {DATABASE}")
    try:
        cluster.psql(DATABASE, script())
        with start_gateway(ODATA_DSN=reader_url(DATABASE), ODATA_MODEL="auto") as running:
            yield running
    finally:
        cluster.psql("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")


def sets(gateway):
    return [each["url"] for each in gateway.get("", token=None).json()["value"]]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_script_runs_and_no_page_is_wider_than_the_window(browser, strange, width):
    with tab(browser, strange.base_url, width=width) as found:
        targets = ["", "$metadata"]
        for each in sets(strange):
            row = next(iter(strange.get(f"{each}?$top=1", token=None, headers={"Accept": "application/json;odata.metadata=full"}).rows), {})
            targets += [each, f"{each}?facets=true", f"{each}?view=connect", f"{each}?view=json", *([row["@odata.id"]] if row else [])]
        for target in targets:
            found.open(target)
            found.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
            found.page.evaluate("document.querySelectorAll('[popover]').forEach(each => { each.showPopover(); each.hidePopover(); })")
            assert found.page.evaluate("document.documentElement.scrollWidth") <= width, target
            is_clean(found)


def test_every_link_of_a_page_is_answered(strange):
    waiting, seen, shapes = [strange.base_url], set(), {}
    choose = random.Random(15)
    while waiting and len(seen) < LINKS:
        url = waiting.pop(choose.randrange(len(waiting)))
        shape = re.sub(r"%[0-9A-F]{2}|\d+", "", url)[:90]
        if url in seen or shapes.get(shape, 0) >= OF_A_SHAPE:
            continue
        seen.add(url)
        shapes[shape] = shapes.get(shape, 0) + 1
        reply = strange.get(url.removeprefix(strange.base_url), token=None, headers={"Accept": "text/html"})
        assert reply.status == 200, (url, reply.body[:2000])
        if reply.headers["content-type"].startswith("text/html"):
            links = (urljoin(url, html.unescape(link)) for link in re.findall(r'href="([^"#]+)"', reply.body.decode()))
            waiting += [link for link in links if link.startswith(strange.base_url) and link not in seen]
    assert len(seen) > LINKS / 2


def test_what_stands_for_a_row_or_an_object_is_of_its_values(strange):
    text = strange.get("part?$expand=to_kind", token=None, headers={"Accept": "text/html"}).body.decode()
    titles = set(re.findall("<summary>([^<]*)</summary>", text))
    assert {"2021-11-23", "2", "one\ntwo\nthree"} <= titles and "1, 5, true, false" in titles and "" not in titles
    assert "<summary>blank</summary>" in strange.get("kinds(7)", token=None, headers={"Accept": "text/html"}).body.decode()


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_function_is_called_from_the_page(browser, strange, width, scripts):
    with tab(browser, strange.base_url, width=width, scripts=scripts) as found:
        found.open("")
        found.page.click("summary:has-text('twice')")
        found.page.fill(".call[open] input[name='argument n']", "21")
        found.page.click(".call[open] button")
        assert found.page.url == strange.base_url + "twice(n=21)" and found.page.locator(".value").inner_text() == "42"
        for payload in PAYLOADS[:: 1 if scripts else 9]:
            found.open("")
            found.page.click(".call summary >> nth=0")
            found.page.fill(".call[open] input[name^='argument ']", payload)
            found.page.click(".call[open] button")
            found.page.wait_for_load_state()
            if scripts:
                is_clean(found)
            assert found.page.locator(".error").count() == 0 and found.page.locator(".value").count() == 1


def test_numbers_are_shown_as_they_are_written(strange):
    def lines(target):
        return html.unescape(strange.get(target, token=None, headers={"Accept": "text/html"}).body.decode()).splitlines()

    assert '  "a": 12.50,' in lines("kinds(8)?$select=j")
    assert '  "b": 12345678901234567890.123,' in lines("kinds(8)?$select=j")
    assert '  "n": 12.50' in lines("kinds(1)?$select=n&view=json")


def test_rows_whose_columns_are_called_like_numbers_are_counted(strange):
    def page(target):
        return html.unescape(strange.get(target, token=None, headers={"Accept": "text/html"}).body.decode())

    assert "100 rows" in page("counts")
    for target in ("counts?facets=true", "counts?$select=id,n&facets=true"):
        text = page(target)
        assert "<h2>n</h2>" in text and "<h2>id</h2>" not in text
        [link] = set(re.findall(r'href="[.]/(counts[?][^"]*groupby[^"]*[(][(]n[)][^"]*)"', text))
        assert "Count by month" not in page("counts?$select=id,at") and "Count by day" in page("counts?$select=id,at")
        assert "as%20count_3" in link and strange.get(link.replace("'", "%27"), token=None).status == 200


def test_what_cannot_be_a_condition_is_no_link(strange):
    text = strange.get("kinds(1)", token=None, headers={"Accept": "text/html"}).body.decode()
    assert "n%20eq%2012.5" in text and "filter=t%20eq%20''" in html.unescape(text) and "f%20eq%20NaN" not in text
    assert "filter=t%20eq" not in strange.get("kinds(3)", token=None, headers={"Accept": "text/html"}).body.decode()


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_no_serious_fault(browser, strange, width):
    with tab(browser, strange.base_url, width=width, scheme="dark") as found:
        for target in ("", "kinds", "kinds(1)", "part?$expand=to_kind", "none", "kinds?$apply=groupby((at),aggregate($count as n))"):
            found.open(target)
            found.page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")
            assert found.violations() == [], target
