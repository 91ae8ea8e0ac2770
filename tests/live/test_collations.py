"""Texts of columns with different collations are compared, put together and ordered; columns of one collation keep theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.harness import tokens
from tests.harness.cluster import READER
from tests.harness.gateway import Gateway, start_gateway

COLUMNS = {
    "txt": "text",
    "c": 'text COLLATE "C"',
    "u": 'varchar(20) COLLATE "ucs_basic"',
    "x": 'text COLLATE "POSIX"',
    "ci": 'public.citext COLLATE "ucs_basic"',
}
SCRIPT = f"""
CREATE EXTENSION citext; CREATE SCHEMA words; GRANT USAGE ON SCHEMA words TO {READER};
CREATE TABLE words.word (id int PRIMARY KEY, {", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())});
CREATE TABLE words.twin (id int PRIMARY KEY, {", ".join(f"{name} {kind}" for name, kind in reversed(COLUMNS.items()))}, parent text COLLATE "C");
INSERT INTO words.word VALUES (1, 'a', 'a', 'a', 'a', 'A'), (2, 'B', 'b', 'Bc', 'B', 'b'), (3, 'Ä', 'ab', 'Ä', NULL, 'Ä'), (4, NULL, 'x', NULL, 'x', NULL);
INSERT INTO words.twin SELECT id, ci, x, u, c, txt, c FROM words.word;
GRANT SELECT ON ALL TABLES IN SCHEMA words TO {READER};
"""
PAIRS = [(left, right) for left in COLUMNS for right in COLUMNS]


def model() -> dict[str, Any]:
    texts = {name: {"$Type": "Edm.String", "$Nullable": True, "@Gateway.Search": True} for name in COLUMNS}
    kinds = {"$Kind": "EntityType", "$Key": ["id"], "@Gateway.Unscoped": True, "id": {"$Type": "Edm.Int32"}}
    link = {"$Kind": "NavigationProperty", "$Type": "Words.Twin", "$Collection": True}
    links = {f"to_{left}_{right}": {**link, "@Gateway.Join": [f"source.{left} = target.{right}"]} for left in COLUMNS for right in COLUMNS}
    word = {**kinds, "@Gateway.Table": "words.word", **texts, **links}
    twin = {**kinds, "@Gateway.Table": "words.twin", **texts}
    bindings = dict.fromkeys(links, "Twin")
    sets = {
        "Word": {"$Collection": True, "$Type": "Words.Word", "$NavigationPropertyBinding": bindings},
        "Twin": {"$Collection": True, "$Type": "Words.Twin"},
    }
    container = {"$Kind": "EntityContainer", **tokens.TABLES, **sets}
    return {"$Version": "4.01", "$EntityContainer": "Words.Service", "Words": {"Word": word, "Twin": twin, "Service": container}}


@pytest.fixture(scope="module")
def words(cluster, tmp_path_factory) -> Iterator[Gateway]:
    path = tmp_path_factory.mktemp("words") / "model.json"
    path.write_text(json.dumps(model()))
    cluster.load("words")
    cluster.psql("words", SCRIPT)
    with start_gateway(ODATA_DSN=cluster.dsn(user=READER, database="words"), ODATA_MODEL=str(path)) as running:
        yield running
    cluster.psql("postgres", "DROP DATABASE words WITH (FORCE)")


def ids(gateway: Gateway, target: str) -> list[int]:
    reply = gateway.get(target)
    assert reply.status == 200, (target, reply.body[:300])
    return [row["id"] for row in reply.rows]


def rows(gateway: Gateway) -> list[dict[str, Any]]:
    return gateway.get("Word?$orderby=id").rows


def same(left: str, right: str, row: dict[str, Any], other: dict[str, Any]) -> bool:
    a, b = row[left], other[right]
    if left == right == "ci" and a is not None and b is not None:
        return a.lower() == b.lower()
    return a == b


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_two_columns_are_compared(words, left, right):
    everyone = rows(words)
    assert ids(words, f"Word?$filter={left} eq {right}&$orderby=id") == [row["id"] for row in everyone if same(left, right, row, row)]
    assert ids(words, f"Word?$filter={left} ne {right}&$orderby=id") == [row["id"] for row in everyone if not same(left, right, row, row)]
    for op in ("lt", "le", "gt", "ge"):
        ids(words, f"Word?$filter={left} {op} {right} or concat({left},{right}) {op} {right}")
    assert ids(words, f"Word?$filter={left} in [{right},'q'] and {left} ne null&$orderby=id") == [
        row["id"] for row in everyone if row[left] is not None and same(left, right, row, row)
    ]


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_two_columns_are_put_together(words, left, right):
    def folded(text: str) -> str:
        return text.lower() if "ci" in (left, right) else text  # citext is searched without case

    def kept(function: Any) -> list[int]:
        both = [row for row in rows(words) if row[left] is not None and row[right] is not None]
        return [row["id"] for row in both if function(folded(row[left]), folded(row[right]))]

    assert ids(words, f"Word?$filter=contains({left},{right})&$orderby=id") == kept(lambda a, b: b in a)
    assert ids(words, f"Word?$filter=startswith({left},{right})&$orderby=id") == kept(lambda a, b: a.startswith(b))
    assert ids(words, f"Word?$filter=endswith({left},{right})&$orderby=id") == kept(lambda a, b: a.endswith(b))
    assert ids(words, f"Word?$filter=indexof({left},{right}) eq 0&$orderby=id") == kept(lambda a, b: a.startswith(b))
    assert ids(
        words,
        f"Word?$filter=concat({left},{right}) eq concat(concat({left},''),{right}) and {left} ne null and {right} ne null&$orderby=id",
    ) == kept(lambda a, b: True)
    for order in (f"concat({left},{right})", f"tolower(concat({left},{right})) desc", f"trim(concat(concat({left},{right}),txt))"):
        assert sorted(ids(words, f"Word?$orderby={order}")) == [1, 2, 3, 4]
        pages = words.pages(f"Word?$orderby={order}", headers={"Prefer": "maxpagesize=1"})
        assert [row["id"] for page in pages for row in page] == ids(words, f"Word?$orderby={order}")
    for target in (
        f"Word?$compute=concat({left},{right}) as both,case(id eq 1:{left},id eq 2:{right},true:'x') as one&$orderby=both,one&$filter=one ne both",
        f"Word?$apply=groupby(({left},{right}))/filter({left} eq {right} or {left} gt {right})&$orderby={left},{right}",
        f"Word?$apply=compute(concat({left},{right}) as both)/groupby((both),aggregate({left} with max as a,{right} with min as b))/filter(a ge b or contains(both,a))&$orderby=both",
        f"Word?$apply=concat(aggregate({left} with max as m),aggregate({right} with min as m))/filter(m ge 'A')&$orderby=m",
        f"Word?$filter=[{left},{right}] eq [{right},{left}] or hassubset([{left},{right}],[{left}])",
    ):
        assert words.get(target).status == 200, (target, words.get(target).body[:300])


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_joins_over_two_columns(words, left, right):
    twins = words.get("Twin").rows
    for row in words.get(f"Word?$expand=to_{left}_{right}").rows:
        wanted = [twin["id"] for twin in twins if row[left] is not None and twin[right] is not None and same(left, right, row, twin)]
        assert sorted(each["id"] for each in row[f"to_{left}_{right}"]) == wanted, row
    assert words.get(f"Word?$filter=to_{left}_{right}/any(t:t/{right} eq {left} and contains(t/txt,txt))").status == 200


def test_search_looks_at_all_of_them(words):
    assert ids(words, "Word?$search=Ä&$orderby=id") == [3] and ids(words, "Word?$search=a AND NOT ab&$orderby=id") == [1]
    assert ids(words, "Word?$filter=matchesPattern(concat(c,u),'^b') or matchesPattern(ci,'^Ä')&$orderby=id") == [2, 3]


def test_a_column_keeps_its_own_collation_beside_a_literal(words):
    assert ids(words, "Word?$filter=c lt 'b'&$orderby=c") == [1, 3] and ids(words, "Word?$filter=ci eq 'a'") == [1]


@pytest.mark.parametrize("name", COLUMNS)
def test_upper_and_lower_case_are_known_for_every_column(words, name):
    """Also for those of collation C and its kin, which know the letters of ASCII only."""
    for function, change in (("toupper", str.upper), ("tolower", str.lower)):
        shown = words.get(f"Word?$compute={function}({name}) as t,{function}(concat({name},{name})) as tt&$orderby=id").rows
        assert [(row["t"], row["tt"]) for row in shown] == [
            (None, None) if row[name] is None else (change(row[name]), change(row[name] * 2)) for row in rows(words)
        ]
        for row in shown:
            if row["t"] is not None:
                assert row["id"] in ids(words, f"Word?$filter={function}({name}) eq '{row['t']}'")
    grouped = words.get(f"Word?$apply=compute(tolower({name}) as t)/groupby((t),aggregate($count as n))").rows
    assert {row["t"] for row in grouped} == {None if row[name] is None else row[name].lower() for row in rows(words)}
