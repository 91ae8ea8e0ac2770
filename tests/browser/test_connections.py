"""The M of snippets and connection files, read by Microsoft's own parser; and the files' grammars."""

import html
import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.harness import tokens
from tests.harness.gateway import start_gateway

PARSER = Path(__file__).parents[1] / "harness" / "page"
BROWSER = {"Accept": "text/html"}
TARGETS = [
    "",
    "Message",
    "Message?$filter=content eq 'a\"b'",
    "Message?$filter=contains(content,'#(lf)')&$orderby=id desc",
    "Message(1)/conversation/messages?$select=id",
    "Message?$filter=content eq ']]><x>&'",
    "Message?$filter=content eq 'Ünï ''cødé'''",
    "Conversation?$apply=groupby((status),aggregate($count as count))",
    "Message?$filter=content eq '100%25 #(tab) \\ {0} {name} 😀\n<!--'",
    "Message?$filter=content eq '&amp;%22%2541' and id ne 5&$orderby=id desc,created_at",
]


def formula(odc):
    """The M in an Office data connection."""
    island = ET.fromstring(re.search(r"<xml id=msodc>(.*)</xml>", odc, re.S)[1])
    mashup = ET.fromstring(island.findtext("{urn:schemas-microsoft-com:office:odc}PowerQueryMashupData"))
    return mashup.findtext(".//{http://schemas.microsoft.com/DataMashup}Formula")


def faults(formulas):
    """What Power Query's parser says of texts that are no M."""
    answer = subprocess.run(["node", "parse_m.mjs"], cwd=PARSER, input=json.dumps(formulas), capture_output=True, text=True, check=True)
    return [each for each in json.loads(answer.stdout) if each is not None]


def test_every_m_is_read_by_the_parser_of_power_query(gateway):
    found = []
    for target in TARGETS:
        coded = quote(target, safe="$?=()/").replace("%26$", "&$")
        found.append(formula(gateway.get(f"$page/odc/{coded}").body.decode()))
        page = gateway.get(coded + ("&" if "?" in coded else "?") + "view=connect" if coded else "", headers=BROWSER).body.decode()
        found.append(html.unescape(re.search(r"<h3>Power Query.*?<pre[^>]*>(.*?)</pre>", page, re.S)[1]))
    assert faults(found) == [] and len(found) == 2 * len(TARGETS)
    assert len(faults(["let x = in"])) == 1


ODD = ("таблица", "日本", 'a"quoted" %41 & <x>', "Größe & Preis", "it''s", "𝒳_tab", "e\u0301", "#(lf)", "x]]>")
DATABASE = "odd_names"


@pytest.fixture(scope="module")
def odd(cluster, reader_url):
    """A gateway over tables whose names are odd."""
    cluster.psql("postgres", f"CREATE DATABASE {DATABASE}")
    try:
        quoted = ['"' + each.replace('"', '""') + '"' for each in ODD]
        cluster.psql(DATABASE, "".join(f"CREATE TABLE {each} (id int PRIMARY KEY, {each} text);" for each in quoted))
        cluster.psql(DATABASE, "".join(f"INSERT INTO {each} VALUES (1, 'a&b'); GRANT SELECT ON {each} TO odata_reader;" for each in quoted))
        with start_gateway(ODATA_DSN=reader_url(DATABASE), ODATA_MODEL="auto") as running:
            yield running
    finally:
        cluster.psql("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")


def address_of_file(gateway, target):
    """What a data source file of Power BI names."""
    [connection] = gateway.get(f"$page/pbids/{target}", token=None).json()["connections"]
    return connection["details"]["address"]["url"]


def test_files_of_sets_and_queries_with_odd_names_lead_to_their_rows(odd):
    """A text of M has the URL as it is sent, and the name as the service document has it."""
    sets = [each["name"] for each in odd.get("", token=None).json()["value"]]
    assert len(sets) == len(ODD)
    formulas = []
    for name in sets:
        path = quote(name)
        key, column = odd.get(f"{path}?$top=1", token=None).rows[0]
        query = f"{path}?$filter={quote(column)}%20eq%20'a%26b'&$select={quote(column)},{key}"
        whole, part = (formula(odd.get(f"$page/odc/{each}", token=None).body.decode()) for each in (path, query))
        assert f'[Name="{name}",' in whole and f'"{odd.base_url}"' in whole
        assert address_of_file(odd, path) == odd.base_url
        for target in (re.search('Feed[(]"([^"]*)"', part)[1], address_of_file(odd, query)):
            assert odd.get(target.removeprefix(odd.base_url), token=None).rows == [{column: "a&b", key: 1}]
        formulas += [whole, part]
    assert faults(formulas) == []


def snippet(gateway, target, title):
    page = gateway.get(target + ("&" if "?" in target else "?") + "view=connect", headers=BROWSER).body.decode()
    return html.unescape(re.search(rf"<h3>{title}</h3>.*?<pre[^>]*>(.*?)</pre>", page, re.S)[1])


@pytest.mark.parametrize(
    "target",
    [
        "Label",
        "Message?$filter=content%20eq%20'It%20says%20%22payment%20declined%22'&$select=id",
        "Message?$filter=id%20lt%209&$orderby=id%20desc",
    ],
)
def test_the_snippets_for_a_shell_and_for_python_read_the_rows_of_the_page(gateway, target):
    rows = gateway.get(target).rows
    assert rows
    shell = subprocess.run(
        ["bash", "-c", snippet(gateway, target, "curl")],
        env={**os.environ, "TOKEN": tokens.ADMIN},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(shell.stdout)["value"] == rows
    program = snippet(gateway, target, "Python").replace('token = "..."', f"token = {tokens.ADMIN!r}")
    names = {}
    exec(program, names)
    assert names["rows"] == rows
