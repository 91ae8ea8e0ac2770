"""A function is one row: this file adds three, and the program serves them wherever an expression may stand.

Nothing but the rows below is added anywhere.
"""

from __future__ import annotations

import asyncpg
import pytest
from odata_gateway.types.families.integer import INTEGERS
from odata_gateway.types.families.string import STRING, STRINGS
from odata_gateway.types.function import FunctionOverload, takes
from odata_gateway.types.primitive import DECIMAL
from odata_gateway.types.registry import registered
from tests.harness.cases import compiled
from tests.harness.inside import inside

# --- the definitions ----------------------------------------------------------------------------------------------------------------

REVERSE = FunctionOverload("reverse", STRING, (takes(STRINGS),), "reverse({0})", can_fail=False)
INVERSE = FunctionOverload("inverse", DECIMAL, (takes(INTEGERS),), "(1 / {0}::numeric)", is_listed=False)
LIKENESS = FunctionOverload(
    "likeness",
    DECIMAL,
    (takes(STRINGS), takes(STRINGS, mode="infix", literal_only=True)),
    "(CASE WHEN {0} LIKE {1} THEN 1.0 ELSE 0.0 END)",
    can_fail=False,
    spelling="likeNess",
)


@pytest.fixture
async def toy(reader_dsn):
    """The program with the functions, over the sample data."""
    with registered(REVERSE, INVERSE, LIKENESS):
        async with inside(reader_dsn) as running:
            yield running


@pytest.fixture
async def names(dsn):
    """The titles of the labels that the caller sees, by id; one is null, one is empty."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT id, title FROM labels WHERE account_id = 1 ORDER BY id")
    await connection.close()
    return {row["id"]: row["title"] for row in rows}


def back(title):
    return None if title is None else title[::-1]


async def rows(toy, target):
    answer = await toy.ask(target)
    assert answer.status == 200, answer.body
    return answer.json()["value"]


async def test_a_condition_calls_it_in_any_case(toy, names):
    for call in ("reverse", "Reverse"):
        found = await rows(toy, f"Label?$filter={call}(title) lt 'n'&$select=id&$orderby=id")
        assert [row["id"] for row in found] == [id_ for id_, name in names.items() if name is not None and back(name) < "n"]
    assert 0 < len(found) < len(names)


async def test_an_order_follows_it_through_next_links(toy, names):
    pages = await toy.pages("Label?$orderby=reverse(title)&$select=id", headers={"prefer": "maxpagesize=2"})
    found = [row["id"] for page in pages for row in page]
    assert found == sorted(names, key=lambda id_: (names[id_] is not None, back(names[id_]) or "", id_)) and len(pages) > 2


async def test_a_computed_property_has_its_value_and_type(toy, names):
    found = await rows(toy, "Label?$compute=reverse(title) as back,inverse(id) as part&$select=id,back,part")
    assert {row["id"]: row["back"] for row in found} == {id_: back(name) for id_, name in names.items()}
    assert found[0]["part@odata.type"] == "#Decimal"


async def test_an_argument_has_its_mode(toy, names):
    found = await rows(toy, "Label?$filter=likeNess(title,'a') eq 1&$select=id&$orderby=id")
    assert [row["id"] for row in found] == [id_ for id_, name in names.items() if name and "a" in name]
    found = await rows(toy, "Label?$filter=likeNess(title,'%25') eq 1&$select=title")
    assert [row["title"] for row in found] == [name for name in names.values() if name and "%" in name]
    answer = await toy.ask("Label?$filter=likeNess(title,title) eq 1")
    assert answer.status == 501 and "argument 2 of likeNess must be a literal" in answer.body.decode()


async def test_metadata_lists_what_is_to_be_listed(toy):
    document = (await toy.ask("$metadata?$format=json")).json()
    [container] = [e for e in document["LiveAgent"].values() if isinstance(e, dict) and e.get("$Kind") == "EntityContainer"]
    listed = container["@Capabilities.FilterFunctions"]
    assert {"reverse", "likeNess"} <= set(listed) and "inverse" not in listed


async def test_what_can_fail_is_computed_for_rows_within_the_policy_only(toy):
    def condition(text):
        return compiled(f"Message?$filter={text}", (1,))["rows"][0].rpartition("WHERE ")[2].partition(" ORDER BY")[0]

    assert '(CASE WHEN t0."account_id" = $2::int8 THEN (1 / t0."id"::numeric) END)' in condition("inverse(id) gt 0")
    assert "CASE" not in condition("reverse(content) eq 'a'")


async def test_a_misfit_says_what_fits(toy):
    answer = await toy.ask("Label?$filter=reverse(id) eq 'a'")
    assert answer.code == "Bind.Type"
    assert "reverse cannot be applied to (Edm.Int64)" in answer.body.decode() and "write reverse(String)" in answer.body.decode()


async def test_without_its_row_it_is_unknown(reader_dsn):
    async with inside(reader_dsn) as running:
        assert (await running.ask("Label?$filter=reverse(title) eq 'a'")).code == "Bind.Name"
