"""The page over a model that is made from a catalog: functions that a person calls, octets, listed values, and nulls in charts."""

import html
import re
from urllib.parse import quote, unquote, urljoin

import pytest
from tests.harness.gateway import start_gateway

DATABASE = "page_of_any_model"
BROWSER = {"Accept": "text/html"}
SCRIPT = """
CREATE TYPE mood AS ENUM ('sad', 'very happy', '"quoted" <b>');
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE TYPE place AS (street text, town text);
CREATE TABLE thing (id int PRIMARY KEY, name text, mood mood, colour colour, home place, picture bytea, data bytea, private bool, amount numeric, day date, kind text);
COMMENT ON COLUMN thing.mood IS 'How it feels';
INSERT INTO thing (id, name, mood, colour, picture, data, private, amount, day, kind) VALUES
  (1, 'a/b', 'sad', 'red', 'octets of one', '\\x00ff', true, -5, '2024-01-01', 'x'), (2, NULL, NULL, NULL, NULL, NULL, false, NULL, '2024-01-02', 'y'),
  (3, 'c', NULL, NULL, NULL, NULL, NULL, 7, '2024-01-03', 'z'), (4, 'd', NULL, NULL, NULL, NULL, NULL, 'NaN', '2024-01-04', NULL);
CREATE FUNCTION things_like(words text, most int DEFAULT 5) RETURNS SETOF thing LANGUAGE sql STABLE AS 'SELECT * FROM public.thing WHERE name LIKE words LIMIT most';
COMMENT ON FUNCTION things_like IS 'Things with such a <b>name</b>';
CREATE FUNCTION echo(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT t';
CREATE FUNCTION echo_more(n int, d date, b bool, ns int[], m mood, p place) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT concat_ws(''|'', n, d, b, ns, m, p)';
GRANT SELECT ON thing TO odata_reader;
"""
OVERLAY = """
[table."public.thing".columns]
picture = { type = "stream" }
colour = { type = "enum" }
"""


@pytest.fixture(scope="module")
def service(cluster, reader_url, tmp_path_factory):
    overlay = tmp_path_factory.mktemp("overlay") / "overlay.toml"
    overlay.write_text(OVERLAY)
    cluster.psql("postgres", f"CREATE DATABASE {DATABASE}")
    try:
        cluster.psql(DATABASE, SCRIPT)
        with start_gateway(ODATA_DSN=reader_url(DATABASE), ODATA_MODEL="auto", ODATA_OVERLAY=str(overlay)) as running:
            yield running
    finally:
        cluster.psql("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture(scope="module")
def page(service):
    def get(target, status=200):
        reply = service.get(target, token=None, headers=BROWSER)
        assert reply.status == status, reply.body.decode()
        return html.unescape(reply.body.decode())

    return get


def called(service, **fields):
    """Where the form of a function leads."""
    query = "&".join(f"{quote(name.replace('_of_', ' '))}={quote(value)}" for name, value in fields.items())
    reply = service.get(f"$page/go?{query}", token=None, headers=BROWSER)
    assert reply.status == 303, reply.body.decode()
    return urljoin(f"{service.base_url}$page/go", reply.headers["location"]).removeprefix(service.base_url)


def test_the_root_has_a_form_for_each_function_with_parameters(page):
    text = page("")
    form = re.search(r'value="things_like">(.*?)</form>', text, re.S)[1]
    assert re.findall(r'name="(argument \w+)"[^>]*placeholder="([^"]*)"( required)?', form) == [
        ("argument words", "String", " required"),
        ("argument most", "Int32, optional", ""),
    ]
    assert 'placeholder="Collection(Int32)"' in text and 'placeholder="place"' in text


@pytest.mark.parametrize(
    ("arguments", "target", "ids"),
    [
        ({"words": "%"}, "things_like(words=@words)?@words='%'", [1, 3, 4]),
        ({"words": "c", "most": ""}, "things_like(words='c')", [3]),
        ({"words": "a/b", "most": "2"}, "things_like(words=@words,most=2)?@words='a/b'", [1]),
        ({"words": "null"}, "things_like(words='null')", []),
    ],
)
def test_a_function_is_called_with_what_was_written(service, page, arguments, target, ids):
    found = called(service, call="things_like", **{f"argument_of_{name}": text for name, text in arguments.items()})
    assert unquote(found) == target
    assert [row["id"] for row in service.get(found, token=None).rows] == ids
    assert f"{len(ids)} row" in page(found)


@pytest.mark.parametrize("text", ["it's 5% & #1?", "a b+c", "Ünï\n", "@x", "'", "..", "\\"])
def test_a_text_arrives_as_it_was_written(service, text):
    found = called(service, call="echo", argument_of_t=text)
    assert service.get(found, token=None).json()["value"] == text


def test_every_kind_of_argument_can_be_written(service):
    given = {"n": "null", "d": "2024-02-29", "b": "true", "ns": "[1,2]", "m": "very happy", "p": '{"street":"s","town":null}'}
    found = called(service, call="echo_more", **{f"argument_of_{name}": text for name, text in given.items()})
    assert service.get(found, token=None).json()["value"] == "2024-02-29|t|{1,2}|very happy|(s,)"


def test_what_is_no_argument_and_no_function_is_refused_with_its_name(service, page):
    refused = service.get("$page/go?call=things_like&argument%20words=a&argument%20most=many", token=None, headers=BROWSER)
    assert refused.status == 400 and "is not a value of the type Edm.Int32 of most" in html.unescape(refused.body.decode())
    assert "write things_like(words=...,[most=...])" in page(called(service, call="things_like"), status=404)
    assert "nothing of <b>" in page(called(service, call="nothing of <b>", argument_of_x="1"), status=400)


def test_the_reference_has_objects_enumerations_functions_and_listed_values(page):
    text = page("$metadata")
    assert '<h2 id="public.place">place' in text and '<h2 id="public.colour">colour' in text
    assert "<code>red</code>, <code>green</code>" in text
    assert """One of <code>sad</code>, <code>very happy</code>, <code>"quoted" <b></code>""" in text
    row = re.search(r'<tr><th scope="row">things_like</th>(.*?)</tr>', text, re.S)[1]
    assert "many <code>public.thing</code>" in row and "words <code>String</code>, most <code>Int32</code> optional" in row


def test_a_condition_offers_the_values_that_there_can_be(page):
    found = re.findall(r'<datalist id="values\d+">(.*?)</datalist>', page("thing"))
    assert [re.findall('<option value="(.*?)"></option>', each) for each in found] == [
        ["sad", "very happy", '"quoted" <b>'],
        ["red", "green"],
        ["true", "false"],
    ]


def test_octets_are_links(service, page):
    for target in ("thing", "thing(1)"):
        assert 'href="./thing(1)/picture"' in page(target)
    assert service.get("thing(1)/picture", token=None, headers=BROWSER).body == b"octets of one"
    assert 'href="./thing(1)/data/$value"' in page("thing(1)") and "/data/$value" not in page("thing(2)")
    assert service.get("thing(1)/data/$value", token=None, headers=BROWSER).body == b"\x00\xff"


def test_a_chart_shows_no_number_where_there_is_none(page):
    bars = page("thing?$apply=groupby((kind),aggregate(amount with sum as total))")
    assert bars.count("<rect ") == 2 and ">(null)</text>" in bars
    line = page("thing?$apply=groupby((day),aggregate(amount with sum as total))")
    assert line.count("<circle ") == 2 and line.count("<polyline ") == 2
    assert 'class="chart"' not in page("thing?$apply=filter(id eq 2)/groupby((kind),aggregate(amount with sum as total))")
