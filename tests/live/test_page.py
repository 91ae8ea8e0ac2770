"""The page that a browser gets of a URL: what it shows, where its links lead, what it never has, and that programs never see it."""

import asyncio
import html
import json
import re
import xml.etree.ElementTree as ET
from urllib.parse import quote, unquote, urljoin

import asyncpg
import pytest
from tests.harness import tokens
from tests.harness.gateway import start_gateway

ACCEPTED = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
BROWSER = {"Accept": ACCEPTED, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}


@pytest.fixture(scope="module")
def page(gateway):
    """Asks as a browser does, and gives the text of the answer, which has what every page has."""

    def get(target, *, status=200, token=tokens.ADMIN):
        reply = gateway.get(target, token=token, headers=BROWSER)
        assert reply.status == status, reply.body.decode()
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert reply.headers["referrer-policy"] == "no-referrer" and reply.headers["x-frame-options"] == "DENY"
        text = reply.body.decode()
        assert not re.search(r"<script(?! src=)|\son\w+=|\sstyle=|javascript:", text, re.I)
        return text

    return get


def links(text):
    return [html.unescape(link) for link in re.findall(r'href="([^"]*)"', text)]


def cells(text):
    """The texts of the cells of a page's rows."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.S)
    return [[html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)] for row in rows]


@pytest.mark.parametrize("accepted", ["*/*", "application/json", "application/json, text/html", "application/json;q=0.9,*/*;q=0.8", ""])
def test_a_program_gets_json(gateway, accepted):
    for target in ("", "Message?$top=1", "Message(1)"):
        reply = gateway.get(target, headers={"Accept": accepted} if accepted else {})
        assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, "application/json")
        assert "content-security-policy" not in reply.headers


def test_a_browser_that_names_a_format_gets_it(gateway):
    for target in ("Message?$top=1&$format=json", "Message?$top=1&format=json", "Message?$top=1&%24format=json"):
        assert gateway.get(target, headers=BROWSER).headers["content-type"].startswith("application/json")


def test_each_set_has_a_page_of_the_rows_that_json_has(gateway, page):
    names = [each["name"] for each in gateway.get("").json()["value"]]
    root = page("", token=None)
    assert all(f"./{name}" in links(root) for name in names)
    for name in names:
        rows = gateway.get(f"{name}?$top=3").rows
        shown = cells(page(f"{name}?$top=3"))
        assert len(shown) == max(len(rows), 1), name
        for row, texts in zip(rows, shown, strict=False):
            assert all(str(value) in texts for value in row.values() if type(value) is int), name
        if rows and "id" in rows[0]:
            assert ">id" in page(f"{name}({rows[0]['id']})")


def test_the_reference_has_each_property_with_its_type(gateway, page):
    text = page("$metadata", token=None)
    for name in gateway.get("Message?$top=1").rows[0]:
        assert re.search(rf'<th scope="row">{name}\b', text)
    assert "DateTimeOffset" in text and "./$metadata?$format=xml" in links(text)


def test_texts_of_the_database_are_texts_of_the_page(gateway, page):
    hostile = "<b>bold?</b> & more; </script>"
    text = page("Message?$filter=" + quote(f"content eq '{hostile}'") + "&$top=1")
    assert html.escape(hostile) in text and hostile not in text


def test_the_first_tab_says_whether_there_is_one_row(page):
    assert ">Rows</a>" in page("Message?$top=1") and ">Row</a>" in page("Message(1)")


def test_links_of_a_row_lead_to_the_related_rows(gateway, page):
    message = gateway.get("Message?$top=1").rows[0]
    found = links(page("Message?$top=1"))
    assert f"./Message({message['id']})" in found
    inbox = f"./Message({message['id']})/inbox"
    assert inbox in found
    assert f"../Inbox({message['inbox_id']})" in links(page(inbox[2:])) or str(message["inbox_id"]) in page(inbox[2:])


def test_pages_follow_each_other_without_a_gap(gateway, page):
    seen, target = [], "Message?$orderby=created_at desc&$top=65&pagesize=30&$select=id"
    while target:
        text = page(target)
        seen += [row[1] for row in cells(text)]
        following = re.search(r'rel="next" href="\./([^"]*)"', text)
        target = html.unescape(following[1]) if following else None
    assert seen == [str(row["id"]) for row in gateway.get("Message?$orderby=created_at desc&$top=65&$select=id").rows]


def test_a_page_has_at_most_a_thousand_rows(page):
    assert len(cells(page("Message?pagesize=99999&$select=id"))) == 1000


def test_an_expanded_collection_that_is_cut_leads_to_its_further_rows(gateway, page):
    target = "Conversation?$expand=messages($select=id)&$top=1&pagesize=2"
    link = next(link for link in links(page(target)) if "/messages" in link and "$skiptoken" in link)
    every = [row["id"] for row in gateway.get("Conversation?$expand=messages($select=id)&$top=1").rows[0]["messages"]]
    assert len(every) > 2 and [row[1] for row in cells(page(link[2:]))] == [str(each) for each in every[2:52]]


def test_the_time_zone_of_a_page_stays_on_the_way_to_other_rows(gateway, page):
    zone = "?timezone=Europe/Berlin"
    for target in (f"Message{zone}", f"Message(1){zone}", f"Conversation{zone}&$expand=messages($top=1)", f"Message{zone}&pagesize=20"):
        text = page(target)
        assert "+01:00" in text
        ways = [
            unquote(each) for each in links(text) if re.match(r"[.]/(Message|Conversation|Inbox|User)[(]", each) and "view=" not in each
        ]
        plain = [each for each in ways if "timezone" not in each and "$format" not in each and each != "./Message(1)"]
        assert len(ways) > 2 and plain == [], plain
    assert "timezone" not in page("Message").partition("<table")[2]


def test_the_number_of_rows_is_right(gateway, page):
    count = int(gateway.get("Message/$count").body)
    assert f"{count:,} rows" in page("Message")
    some = int(gateway.get("Message/$count?$filter=message_type eq 1 and inbox_id ne 3").body)
    assert f"{some:,} rows" in page("Message?$filter=message_type eq 1 and inbox_id ne 3")
    assert f"{some:,} rows, 50 shown" in page("Message?$filter=message_type eq 1 and inbox_id ne 3&$count=true")


def test_values_are_counted_and_lead_to_their_rows(gateway, page):
    text = page("Conversation?$filter=inbox_id ne 3&facets=true")
    counts = gateway.get("Conversation?$apply=filter(inbox_id ne 3)/groupby((status),aggregate($count as n))").rows
    for row in counts:
        target = f"./Conversation?facets=true&$filter=inbox_id%20ne%203%20and%20status%20eq%20{row['status']}"
        assert target in links(text)
        assert re.search(rf'href="{re.escape(html.escape(target))}">\s*{row["status"]}\s*</a> <span class="number">{row["n"]}</span>', text)


def test_grouped_rows_are_drawn_and_lead_to_their_rows(gateway, page):
    text = page("Conversation?$apply=groupby((status),aggregate($count as count))&$orderby=count desc")
    rows = gateway.get("Conversation?$apply=groupby((status),aggregate($count as count))").rows
    assert text.count("<rect ") == len(rows)
    assert all(f"./Conversation?$filter=status%20eq%20{row['status']}" in links(text) for row in rows)
    two = page("Conversation?$apply=groupby((status,inbox_id),aggregate($count as count))")
    assert two.count('class="key c') > 1


def test_rows_are_counted_by_month_and_by_day_and_drawn_as_lines(gateway, page):
    text = page("Conversation?$filter=inbox_id ne 3")
    for parts, orders in (("year(created_at) as year,month(created_at) as month", "year,month"), ("date(created_at) as date", "date")):
        made = f"filter(inbox_id ne 3)/compute({parts})/groupby(({orders}),aggregate($count as count))"
        target = f"Conversation?$apply={made}&$orderby={orders}"
        assert target in [unquote(link)[2:] for link in links(text)]
        rows = gateway.get(target).rows
        chart = page(target + "&pagesize=1000")
        is_line = len(rows) > 2  # the sample data is of two months
        assert chart.count("<circle " if is_line else "<rect ") == len(rows) and chart.count("<polyline ") == is_line
    split = page("Conversation?$apply=groupby((created_at,status),aggregate($count as count))&pagesize=1000")
    assert split.count("<polyline ") == 4
    assert "Count by" not in page("Label?$select=id,title")


def test_a_chart_is_of_groups_by_what_is_counted_of_them(page):
    text = page("Message?$apply=compute(year(created_at) as y)/groupby((y,inbox_id,status),aggregate($count as n))")
    assert 'class="chart"' not in text
    assert "n by odd and inbox_id" in page("Message?$apply=compute(id mod 2 as odd)/groupby((odd,inbox_id),aggregate($count as n))")


def test_a_value_of_an_entity_leads_to_the_rows_that_have_it(gateway, page):
    conversation = gateway.get("Conversation?$filter=assignee_id eq null&$top=1").rows[0]
    found = [unquote(link) for link in links(page(f"Conversation({conversation['id']})"))]
    assert f"./Conversation?$filter=status eq {conversation['status']}" in found
    assert "./Conversation?$filter=assignee_id eq null" in found
    assert not any("filter=id eq" in link for link in found)


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ("url=Message&column=content&operator=eq&value=it's 5%25 %26 more", "Message?$filter=content eq 'it''s 5% & more'"),
        ("url=Message&column=content&operator=contains&value=a%2Bb", "Message?$filter=contains(content,'a+b')"),
        (
            "url=Message?$filter=id lt 9 or id gt 20&column=message_type&operator=eq&value=1",
            "Message?$filter=(id lt 9 or id gt 20) and message_type eq 1",
        ),
        (
            "url=Message&column=created_at&operator=ge&value=2021-11-02T00:00:00Z",
            "Message?$filter=created_at ge 2021-11-02T00:00:00.000000Z",
        ),
        ("url=Message&column=sender_id&operator=eq null&value=", "Message?$filter=sender_id eq null"),
        (
            "url=Message?$top=5&$filter=&$orderby=id desc&all_select=9&select=id&select=content",
            "Message?$top=5&$orderby=id desc&$select=id,content",
        ),
        ("url=Message?$skiptoken=x&pagesize=20", "Message?pagesize=20"),
        ("url=Message?view=json&all_select=many&select=id", "Message?$select=id"),
        ("url=Label?$top=1&hide=title", "Label?$top=1&$select=id,description,color,show_on_sidebar,account_id,created_at,updated_at"),
    ],
)
def test_a_form_becomes_a_url(gateway, page, fields, target):
    reply = gateway.get("$page/go?" + fields.replace(" ", "+").replace("'", "%27"), headers=BROWSER)
    assert reply.status == 303
    found = urljoin(gateway.base_url + "$page/go", reply.headers["location"]).removeprefix(gateway.base_url)
    assert unquote(found) == target
    page(found)


def test_a_form_with_too_many_fields_is_refused(page):
    assert "Limit.Url" in page("$page/go?url=Message&" + "select=a&" * 2100, status=414)


def test_the_root_without_its_slash_leads_to_the_root(gateway):
    reply = gateway.ask("GET", f"/v1.0/odata?view=connect&apikey={tokens.ADMIN}", BROWSER)
    assert (reply.status, reply.headers["location"]) == (303, f"{gateway.base_url}?view=connect")


def test_values_are_counted_where_a_condition_has_an_alias(page):
    assert "took too long" not in (text := page("Conversation?$filter=inbox_id ne @n&@n=3&facets=true")) and text.count('class="facet"') > 2
    assert "<li>" in text


def test_a_value_of_another_type_is_refused_with_its_column(page):
    text = page("$page/go?url=Message&column=message_type&operator=eq&value=abc", status=400)
    assert "&#39;abc&#39; is not a value of the type Edm.Int32 of message_type" in text


def test_an_error_shows_its_place_and_its_remedy(page):
    text = html.unescape(page("Message?$filter=id gt 1 and contnt eq 'a'", status=400))
    shown = re.search(r'<pre class="caret"[^>]*>(.*)\n( *)<b>\^</b>', text)
    assert shown[1][len(shown[2]) :].startswith("contnt") and "did you mean 'content'?" in text
    assert "Bind.Segment" in page("Nothing", status=404)
    assert "<b>^</b>" in page("Message?$filter=" + "id eq 1 or " * 40 + "contnt eq 'a'", status=400)


def test_an_error_that_may_pass_and_a_wrong_token_say_what_a_person_can_do(gateway, page, gateways):
    text = page("Message", status=403, token=tokens.AGENT)
    assert "close them to sign in with another one" in text
    away = gateways(ODATA_DSN="postgresql://nobody@127.0.0.1:1/nothing", wait_for="/health/liveness")
    reply = away.get("Message?$top=1", headers=BROWSER)
    assert reply.status == 503 and 'href="./Message?$top=1">Try again</a>' in reply.body.decode()
    assert "Try again" not in text


def test_entities_of_all_sets_are_json_and_nothing_else(page):
    tabs = re.search(r'<nav class="tabs"[^>]*>(.*?)</nav>', page("$all"), re.S)[1]
    assert re.findall(r">(\w+)</a>", tabs) == ["JSON"]


def test_a_browser_is_asked_to_sign_in(gateway):
    for token in (None, "nobodyHasThisAccessToken1"):
        reply = gateway.get("Message", token=token, headers=BROWSER)
        assert (reply.status, reply.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert reply.headers["www-authenticate"].startswith("Basic")


def test_a_token_in_the_url_is_in_no_link_and_nowhere_in_the_page(gateway):
    for target in (
        "Message",
        "Message?$top=1",
        "Message(1)",
        "",
        "$metadata",
        "Message?view=json",
        "Message?view=connect",
        "Message?facets=true",
        "No",
    ):
        mark = "&" if "?" in target else "?"
        reply = gateway.get(f"{target}{mark}apikey={tokens.ADMIN}", token=None, headers=BROWSER)
        assert reply.headers["content-type"].startswith("text/html")
        assert tokens.ADMIN not in reply.body.decode() and tokens.ADMIN not in str(reply.headers)


def test_nobody_sees_rows_of_others(gateway, page):
    mine = gateway.get("Message?$top=1&$orderby=id").rows[0]["id"]
    assert "no such entity" in page(f"Message({mine})", status=404, token=tokens.OTHER_ADMIN)


def test_a_raw_value_can_run_nothing(gateway):
    reply = gateway.get("Message(28)/content/$value", headers=BROWSER)
    assert "sandbox" in reply.headers["content-security-policy"] and reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "target", ["Message", "Message?$filter=content eq 'a\"b]]><x>'&$orderby=id", "Message(1)/conversation/messages", ""]
)
def test_connection_files_name_the_url_and_no_token(gateway, target):
    reply = gateway.get("$page/pbids/" + target, headers=BROWSER)
    (connection,) = json.loads(reply.body)["connections"]
    url = connection["details"]["address"]["url"]
    assert connection["details"]["protocol"] == "odata" and not set(url) & set('"<> ')
    assert unquote(url) == gateway.base_url + (target if target != "Message" else "")
    reply = gateway.get("$page/odc/" + target, headers=BROWSER)
    assert reply.headers["content-type"] == "text/x-ms-odc" and ".odc" in reply.headers["content-disposition"]
    text = reply.body.decode()
    island = re.search(r"<xml id=msodc>(.*)</xml>", text, re.S)[1]
    mashup = ET.fromstring(island).findtext("{urn:schemas-microsoft-com:office:odc}PowerQueryMashupData")
    formula = ET.fromstring(mashup).findtext(".//{http://schemas.microsoft.com/DataMashup}Formula")
    assert formula.startswith("OData.Feed(") and url in formula
    assert tokens.ADMIN not in text


def test_connection_files_of_what_is_not_there_are_refused(page):
    page("$page/odc/Nothing", status=404)
    page("$page/pbids/Message?$filter=nothing eq 1", status=400)


def test_the_files_of_a_page_may_be_kept_for_ever(gateway, page):
    for link in links(page("Message(1)")) + re.findall(r'src="([^"]*)"', page("Message(1)")):
        if "$page/page-" in link:
            reply = gateway.get(urljoin(gateway.base_url + "Message(1)", link), token=None)
            assert reply.status == 200 and "immutable" in reply.headers["cache-control"]
    assert gateway.get("$page/page.css", token=None).status == 404


# --- plans: a gateway that names account 1's administrator among those who may see them


PLAN = "application/vnd.odata-gateway.plan+json"


async def value_of(dsn, sql):
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def planned(reader_dsn, dsn):
    admin = asyncio.run(value_of(dsn, f"SELECT owner_id FROM access_tokens WHERE token = '{tokens.ADMIN}'"))
    with start_gateway(ODATA_DSN=reader_dsn, ODATA_PLAN_CALLERS=f"0, {admin}") as running:
        yield running


def test_a_plan_has_the_statement_and_what_postgres_would_do(planned):
    reply = planned.get("Message?$filter=id gt 5&$count=true&$top=3", headers={"Accept": PLAN})
    assert (reply.status, reply.headers["content-type"]) == (200, PLAN)
    found = reply.json()
    rows, count = found["statements"]
    assert (rows["kind"], count["kind"], found["analyzed"]) == ("rows", "count", False)
    assert "messages" in rows["sql"] and "account_id" in rows["sql"] and "int8" in rows["arguments"] and "unknown" not in rows["arguments"]
    assert "Plan" in rows["plan"][0] and "Execution Time" not in rows["plan"][0]


@pytest.mark.parametrize(
    "target", ["Message(1)", "Message(1)/inbox", "Message(1)/content", "Message/$count", "Message(1)/content/$value", "Message/$ref"]
)
def test_every_form_of_answer_has_a_plan(planned, target):
    (statement, *_) = planned.get(target, headers={"Accept": PLAN}).json()["statements"]
    assert "Plan" in statement["plan"][0]


def test_a_statement_is_run_only_when_asked(planned):
    reply = planned.get("Message?$top=3", headers={"Accept": f"{PLAN};analyze=true"})
    assert reply.json()["analyzed"] and "Execution Time" in reply.json()["statements"][0]["plan"][0]
    lines = planned.get("Message?$top=3", headers={"Accept": f"{PLAN};plan=text"}).json()["statements"][0]["plan"]
    assert lines and all(type(line) is str for line in lines)
    assert planned.get("Message", headers={"Accept": f"{PLAN};analyze=perhaps"}).status == 406


def test_nobody_else_sees_a_plan(gateway, planned):
    reply = planned.get("Message", token=tokens.OTHER_ADMIN, headers={"Accept": PLAN})
    assert (reply.status, reply.json()["error"]["code"]) == (403, "Auth.Plan")
    assert planned.get("Message", token=None, headers={"Accept": PLAN}).status == 401
    assert gateway.get("Message", headers={"Accept": PLAN}).status == 406
    for view in ("sql", "plan", "analyze"):
        assert planned.get(f"Message?view={view}", token=tokens.OTHER_ADMIN, headers=BROWSER).status == 403
    assert "view=sql" not in planned.get("Message", token=tokens.OTHER_ADMIN, headers=BROWSER).body.decode()


def test_the_page_shows_statement_and_plan(planned):
    text = planned.get("Message?$top=3&view=sql", headers=BROWSER).body.decode()
    assert "SELECT" in text and "int8" in text and "view=plan" in text
    assert "Scan" in planned.get("Message?$top=3&view=plan", headers=BROWSER).body.decode()
    assert "actual" in planned.get("Message?$top=3&view=analyze", headers=BROWSER).body.decode()


def test_a_page_is_for_browsers_and_who_asks_for_nothing_but_html(gateway):
    for headers, is_page in (
        (BROWSER, True),
        ({"Accept": ACCEPTED, "Sec-Fetch-Dest": "document"}, True),
        ({"Accept": "text/html"}, True),
        ({"Accept": "application/xhtml+xml, text/html;q=0.9"}, True),
        ({"Accept": ACCEPTED}, False),  # programs copy this one
        ({"Accept": "text/html, image/gif, image/jpeg, */*; q=.2", "User-Agent": "Java/17"}, False),
        ({"Accept": "application/json, text/html", "User-Agent": "Mozilla/5.0"}, False),
    ):
        reply = gateway.get("Label?$top=1", headers=headers)
        assert reply.headers["content-type"].startswith("text/html" if is_page else "application/json"), headers
