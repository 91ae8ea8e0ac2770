"""A law for links: every id, read link, navigation link, context URL and next link that the service writes, it accepts, and finds the same row.

Over keys of every type that can be one, with texts that may break a URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tests.harness.gateway import Gateway, start_gateway
from tests.harness.kinds import BY_NAME, KINDS, Kind, kinds_database

FULL = {"Accept": "application/json;odata.metadata=full"}
KEYS = [kind for kind in KINDS if kind.key]
NAMES = [kind.name for kind in KEYS]


@pytest.fixture(scope="module")
def kinds(cluster, tmp_path_factory) -> Iterator[Gateway]:
    with kinds_database(cluster, "kinds_links", tmp_path_factory.mktemp("kinds")) as settings, start_gateway(**settings) as running:
        yield running


def row_of(gateway: Gateway, link: str) -> dict[str, Any]:
    assert link.isascii() and not set(link) & set(' "<>\\^`{|}'), link
    reply = gateway.get(link)
    assert reply.status == 200, (link, reply.body[:300])
    return reply.json()


@pytest.mark.parametrize("kind", KEYS, ids=NAMES)
def test_every_link_of_an_entity_leads_to_it(kinds, kind: Kind):
    rows = kinds.get(kind.set_name, headers=FULL).rows
    assert sorted(row["n"] for row in rows) == list(range(len(kind.values)))
    for row in rows:
        link = row["@odata.id"]
        assert row["@odata.readLink"] == link
        for found in (
            row_of(kinds, link),
            row_of(kinds, f"$entity?$id={quote(link, safe='')}"),
            row_of(kinds, row["same@odata.navigationLink"]),
        ):
            assert (found["n"], found["k"]) == (row["n"], row["k"])
        assert row_of(kinds, row["same@odata.associationLink"])["@odata.id"] == link
        assert row_of(kinds, f"{link}/$ref")["@odata.id"] == link
        assert len(row_of(kinds, row["all@odata.navigationLink"])["value"]) == len(rows)
    ids = [row["@odata.id"] for row in kinds.get(f"{kind.set_name}/$ref").rows]
    assert sorted(ids) == sorted(row["@odata.id"] for row in rows) and len(set(ids)) == len(rows)
    assert sorted(row["@odata.id"] for row in kinds.get(f"{rows[0]['all@odata.associationLink']}").rows) == sorted(ids)


@pytest.mark.parametrize("kind", KEYS, ids=NAMES)
def test_the_context_of_a_property_names_it(kinds, kind: Kind):
    for row in kinds.get(kind.set_name, headers=FULL).rows:
        first = row_of(kinds, f"{row['@odata.id']}/n")
        path = first["@odata.context"].partition("$metadata#")[2]
        assert path.isascii() and row_of(kinds, path)["value"] == first["value"] == row["n"]
        segment = row["@odata.id"].partition("(")[2][:-1]
        if "'" not in segment:  # as a segment of its own, the key stands bare
            first = row_of(kinds, f"{kind.set_name}/{segment}/n")
            path = first["@odata.context"].partition("$metadata#")[2]
            assert row_of(kinds, path)["value"] == row["n"]


@pytest.mark.parametrize("kind", KEYS, ids=NAMES)
def test_pages_of_any_size_are_the_whole(kinds, kind: Kind):
    orders = ["", "$orderby=n desc"]
    if kind.declared["$Type"] not in ("Edm.Binary",):
        orders += ["$orderby=k", "$orderby=k desc", "$orderby=v,n", "$orderby=v desc,n", "$orderby=v,k desc"]
    for order in orders:
        whole = kinds.get(f"{kind.set_name}?{order}").rows
        for size in (1, 2, 3):
            pages = kinds.pages(f"{kind.set_name}?{order}", headers={"Prefer": f"maxpagesize={size}"})
            assert [row for page in pages for row in page] == whole, order


@pytest.mark.parametrize("kind", KEYS, ids=NAMES)
def test_next_links_of_expanded_collections_go_on(kinds, kind: Kind):
    options = "$expand=all($select=n;$orderby=v desc,k;$filter=n ge 0)&$select=n"
    whole = {row["n"]: [each["n"] for each in row["all"]] for row in kinds.get(f"{kind.set_name}?{options}").rows}
    for page in kinds.pages(f"{kind.set_name}?{options}", headers={"Prefer": "maxpagesize=2"}):
        for row in page:
            found, link = [each["n"] for each in row["all"]], row.get("all@odata.nextLink")
            while link:
                reply = kinds.get(link, headers={"Prefer": "maxpagesize=40"})
                assert reply.status == 200, (link, reply.body[:300])
                found += [each["n"] for each in reply.rows]
                link = reply.json().get("@odata.nextLink")
            assert found == whole[row["n"]], row["n"]
            if len(whole) > 20:
                break


def test_keys_are_literals_percent_encoded(kinds):
    """A9, and siblings of it."""

    def ids(name: str) -> list[str]:
        prefix = BY_NAME[name].set_name
        return [row["@odata.id"].removeprefix(prefix) for row in kinds.get(f"{prefix}/$ref?$orderby=n").rows]

    assert ids("interval") == [
        "(duration'-PT5566277594880000S')",
        "(duration'-PT1.5S')",
        "(duration'PT0S')",
        "(duration'PT86400S')",
        "(duration'PT2775845.6S')",
        "(duration'PT31104000S')",
        "(duration'PT5751820200038400S')",
    ]
    texts = dict(zip(BY_NAME["text"].values, ids("text"), strict=True))
    assert texts["Ä"] == "('%C3%84')" and texts["O'Neil"] == "('O''Neil')" and texts["%41"] == "('%2541')" and texts["a/b"] == "('a%2Fb')"
    assert (
        texts["🎉"] == "('%F0%9F%8E%89')"
        and texts["\x01"] == "('%01')"
        and texts['"'] == "('%22')"
        and texts["back\\slash"] == "('back%5Cslash')"
    )
    assert texts["(x)"] == "('(x)')" and texts[""] == "('')" and texts["a b"] == "('a%20b')"
    assert ids("bool") == ["(false)", "(true)"] and ids("enum")[3:6] == ["('very%20happy')", "('1st')", "('it''s%20100%25')"]
    assert kinds.get(f"{BY_NAME['bool'].set_name}(true)/n").json()["@odata.context"].endswith("#ByBool(true)/n")
