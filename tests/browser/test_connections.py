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
]


def test_every_m_is_read_by_the_parser_of_power_query(gateway):
    found = []
    for target in TARGETS:
        coded = quote(target, safe="$?=()/").replace("%26$", "&$")
        odc = gateway.get(f"$page/odc/{coded}").body.decode()
        island = ET.fromstring(re.search(r"<xml id=msodc>(.*)</xml>", odc, re.S)[1])
        mashup = ET.fromstring(island.findtext("{urn:schemas-microsoft-com:office:odc}PowerQueryMashupData"))
        found.append(mashup.findtext(".//{http://schemas.microsoft.com/DataMashup}Formula"))
        page = gateway.get(coded + ("&" if "?" in coded else "?") + "view=connect" if coded else "", headers=BROWSER).body.decode()
        found.append(html.unescape(re.search(r"<h3>Power Query.*?<pre[^>]*>(.*?)</pre>", page, re.S)[1]))
    answer = subprocess.run(["node", "parse_m.mjs"], cwd=PARSER, input=json.dumps(found), capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == [None] * (2 * len(TARGETS))


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
