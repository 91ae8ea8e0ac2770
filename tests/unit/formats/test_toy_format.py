"""A format is one file: this one adds `$format=lines` and serves it from Postgres, through the line that all requests take.

A row is one line, its values are separated by tabs, and null is `-`. A count stands in a line before the rows, the link to the next page in one
after them. The format has no place for expanded navigation, references, or rows of several sets.
"""

from __future__ import annotations

import pytest
from odata_gateway.edm.model import EntitySet
from odata_gateway.formats.encoding import Format, cannot_show
from odata_gateway.formats.registry import FORMATS
from odata_gateway.plan.tree.projection import EntityProjection, Field, Projection
from odata_gateway.protocol.context import ResponseContext
from odata_gateway.protocol.headers.format import Parameters
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.sql.fragment import Sql, build, join, raw
from odata_gateway.sql.pg_types import plain_text
from odata_gateway.sql.renderer import BlockRenderer
from tests.harness.inside import ROOT, inside

# --- the format ---------------------------------------------------------------------------------------------------------------


class LinesEncoding:
    separator = "\n"
    is_export = False
    null_property = None
    omits_nulls = False

    def __init__(self, version: ODataVersion, comments: bool) -> None:
        self.version = version
        self.content_type = "text/x-lines" + ("" if comments else ";comments=no")
        self._comments = comments

    def without_nulls(self) -> LinesEncoding:
        return self

    def of_several_sets(self) -> LinesEncoding:
        raise cannot_show("lines", "entities of several sets")

    def row(self, projection: Projection, blocks: BlockRenderer) -> Sql:
        if not isinstance(projection, EntityProjection) or projection.expands or projection.links or projection.related:
            raise cannot_show("lines", "navigation properties", hint="leave $expand out, or ask for json")
        values = (build("coalesce({0}, '-')", self.property(field, blocks)) for field in projection.fields)
        return join(" || E'\\t' || ", values)

    def reference(self, entity_set: EntitySet, source: int, blocks: BlockRenderer) -> Sql:
        raise cannot_show("lines", "references")

    def property(self, field: Field, blocks: BlockRenderer) -> Sql:
        if field.value is None:
            return raw("NULL::text")
        return build("({0})", plain_text(blocks.expressions.value(field.value), field.type))

    def head(self, context: ResponseContext, count: int | None) -> bytes:
        return b"" if count is None or not self._comments else f"# {count} rows of {context.url}\n".encode()

    def tail(self, next_link: str | None) -> bytes:
        return b"" if next_link is None else f"\n# next {next_link}".encode()

    def entity(self, context: ResponseContext, row: bytes) -> bytes:
        return row

    def property_body(self, context: ResponseContext, field: Field, value: bytes) -> bytes:
        return value


class LinesFormat:
    media_types = ("text/x-lines", "text/lines")
    abbreviations = ("lines",)
    hint = "text/x-lines"

    def encoding(self, parameters: Parameters, version: ODataVersion) -> LinesEncoding | None:
        known: dict[Parameters, LinesEncoding] = {(): LinesEncoding(version, True), (("comments", "no"),): LinesEncoding(version, False)}
        return known.get(parameters)


LINES: tuple[Format, ...] = (FORMATS[0], LinesFormat())

# --- served -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def served(reader_dsn):
    async with inside(reader_dsn, formats=LINES, ODATA_PAGE_ROWS="40") as service:
        yield service


def lines_of(body):
    """The rows, and the link to the next page."""
    rows, _, link = body.decode().partition("\n# next ")
    return rows.split("\n"), link


async def test_a_collection_is_rows_joined_by_the_separator_of_its_format(served):
    asked = "Message?$select=id,status,sender_id&$filter=id lt 60"
    answer = await served.ask(f"{asked}&$format=lines")
    rows = (await served.ask(asked)).json()["value"]
    expected = ["\t".join("-" if value is None else str(value) for value in row.values()) for row in rows]
    assert len(rows) > 4 and any("-" in line for line in expected)
    assert answer.status == 200 and answer.body.decode() == "\n".join(expected)
    assert dict(answer.headers)["Content-Type"] == "text/x-lines"
    assert dict(answer.headers)["OData-Version"] == "4.0"


async def test_pages_follow_each_other_by_the_link_that_the_format_writes(served):
    expected = [row["id"] for page in await served.pages("Message?$select=id&$top=130") for row in page]
    found, link = [], "Message?$select=id&$top=130&$format=lines"
    sizes = []
    while link:
        rows, link = lines_of((await served.ask(link)).body)
        sizes.append(len(rows))
        found += [int(row) for row in rows]
    assert found == expected and sizes == [40, 40, 40, 10]


async def test_a_streamed_page_has_a_separator_between_its_chunks(served):
    asked, large = "Message?$select=id,content&$orderby=id", {"Prefer": "maxpagesize=5000"}
    rows = (await served.ask(asked, headers=large)).json()["value"]
    reply = await served.ask("Message?$select=id&$orderby=id,content", headers={**large, "Accept": "text/x-lines"})
    assert len(rows) > 1000
    assert [int(line) for line in lines_of(reply.body)[0]] == [row["id"] for row in rows]


async def test_a_count_stands_where_the_format_has_it(served):
    number = int((await served.ask("Message/$count")).body)
    answer = await served.ask("Message?$select=id&$top=1&$count=true&$format=lines")
    assert answer.body.decode().startswith(f"# {number} rows of {ROOT}$metadata#Message(id)\n")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/x-lines", "text/x-lines"),
        ("text/lines", "text/x-lines"),
        ("TEXT/X-LINES;comments=no", "text/x-lines;comments=no"),
        ("text/*", "text/x-lines"),
        ("text/x-lines;comments=perhaps, application/json", "application/json;odata.metadata=minimal"),
        ("*/*", "application/json;odata.metadata=minimal"),
        ("application/json;q=0, */*", "text/x-lines"),
        ("application/json;q=0.5, text/x-lines", "text/x-lines"),
        ("application/json, text/x-lines;q=0.5", "application/json;odata.metadata=minimal"),
        ("text/x-lines;q=0, text/*", None),
        ("text/x-lines;comments=perhaps", None),
    ],
)
async def test_accept_chooses_among_all_formats(served, accept, content_type):
    answer = await served.ask("Message?$select=id&$top=1", headers={"Accept": accept})
    assert answer.status == (406 if content_type is None else 200)
    if content_type is None:
        assert answer.code == "Url.Format" and "or text/x-lines" in answer.json()["error"]["details"][0]["message"]
    else:
        assert dict(answer.headers)["Content-Type"] == content_type


async def test_the_format_option_takes_the_abbreviation_and_the_media_type(served):
    for option in ("lines", "LINES", "text/x-lines", "text/lines"):
        answer = await served.ask(f"Message?$select=id&$top=1&$format={option}", headers={"Accept": "application/json"})
        assert dict(answer.headers)["Content-Type"] == "text/x-lines", option
    assert (await served.ask("Message?$format=text/x-lines;comments=perhaps")).code == "Url.Format"


async def test_a_format_that_is_not_registered_is_refused(reader_dsn):
    async with inside(reader_dsn) as service:
        assert (await service.ask("Message?$format=lines")).code == "Url.Syntax"
        assert (await service.ask("Message?$format=text/x-lines")).code == "Url.Format"
        assert (await service.ask("Message", headers={"Accept": "text/x-lines"})).code == "Url.Format"


async def test_single_entities_and_properties(served):
    assert (await served.ask("Message(1)?$select=id&$format=lines")).body == b"1"
    status = (await served.ask("Message(1)/status")).json()["value"]
    answer = await served.ask("Message(1)/status?$format=lines")
    assert answer.body == str(status).encode() and dict(answer.headers)["Content-Type"] == "text/x-lines"
    nothing = (await served.ask("Message?$filter=sender_id eq null&$top=1&$select=id")).json()["value"][0]["id"]
    assert (await served.ask(f"Message({nothing})/sender_id?$format=lines")).status == 204
    assert (await served.ask("Message(999999)?$format=lines")).status == 404


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("Message?$expand=sender&$format=lines", "navigation properties"),
        ("Message(1)?$expand=sender&$format=lines", "navigation properties"),
        ("Message/$ref?$format=lines", "references"),
        ("Message(1)/$ref?$format=lines", "references"),
        ("$all?$format=lines", "entities of several sets"),
    ],
)
async def test_what_the_format_has_no_place_for_is_refused(served, target, what):
    answer = await served.ask(target)
    assert answer.status == 406 and answer.code == "Url.Format"
    assert answer.json()["error"]["message"].startswith(f"$format: lines cannot show {what}")


async def test_a_preference_that_the_format_cannot_follow_is_not_said_to_be_applied(served):
    answer = await served.ask("Message?$top=1&$select=id", headers={"Prefer": "omit-values=nulls,maxpagesize=2", "Accept": "text/x-lines"})
    assert dict(answer.headers)["Preference-Applied"] == "maxpagesize=2"


async def test_values_and_counts_have_no_format(served):
    assert dict((await served.ask("Message/$count?$format=lines")).headers)["Content-Type"] == "text/plain"
    assert (await served.ask("Message(1)/id/$value?$format=lines")).body == b"1"


async def test_documents_have_formats_of_their_own(served):
    for target in ("", "$metadata"):
        assert (await served.ask(f"{target}?$format=lines")).code == "Url.Format"


@pytest.mark.parametrize("top", [3, 5000])
async def test_a_batch_in_json_has_another_format_as_a_string(served, top):
    """Also where the body is streamed."""
    target, large = f"Message?$select=id,content&$top={top}&$format=lines", {"Prefer": "maxpagesize=5000"}
    alone = await served.ask(target, headers=large)
    inside_batch = await served.ask(target, headers=large, way="json batch")
    assert alone.status == inside_batch.status == 200 and alone.body == inside_batch.body
    assert dict(inside_batch.headers)["content-type"] == "text/x-lines"
