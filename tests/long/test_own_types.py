"""A column is compared, ordered, grouped and looked up as its own Postgres type, whatever the model calls it.

A text that is no value of the type equals nothing, and never fails. So an index serves: `test_indexes_of_types.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tests.harness.gateway import Gateway, start_gateway
from tests.harness.kinds import BY_NAME, KINDS, ORDERED, Kind, kinds_database

TEXTS = [kind for kind in KINDS if kind.declared["$Type"] == "Edm.String"]
WITH_ABSENT = [kind for kind in KINDS if kind.absent]
MORE = """
CREATE TABLE kinds.people (id int PRIMARY KEY, mail public.citext, mood kinds.mood, ip inet, code char(4), net macaddr, plain text);
INSERT INTO kinds.people VALUES (1, 'Ann@x', 'happy', '10.0.0.9', 'ab', '08:00:2b:01:02:03', 'ann@X'), (2, 'ann@X', 'sad', '10.0.0.10', 'ab', '08:00:2b:01:02:04', 'ann@X'),
  (3, 'Bob@x', 'ok', '9.0.0.1', 'b', NULL, NULL), (4, NULL, NULL, NULL, NULL, NULL, 'bob@x');
CREATE TABLE kinds.letters (id int PRIMARY KEY, mail public.citext, mood kinds.good_mood); INSERT INTO kinds.letters VALUES (1, 'ANN@X', 'happy'), (2, 'bob@X', 'ok'), (3, 'eve@x', NULL);
GRANT SELECT ON kinds.people, kinds.letters TO odata_reader;
"""


def model_of_more(model: dict[str, Any]) -> None:
    text = {"$Type": "Edm.String", "$Nullable": True}
    join = {"letters": ["source.mail = target.mail"], "moods": ["source.mood = target.mood"], "writers": ["source.mail = target.mail"]}
    schema, container = model["Kinds"], model["Kinds"]["Service"]
    for name, table, columns in (
        ("Person", "people", ("mail", "mood", "ip", "code", "net", "plain")),
        ("Letter", "letters", ("mail", "mood")),
    ):
        schema[name] = {
            "$Kind": "EntityType", "$Key": ["id"], "@Gateway.Table": f"kinds.{table}", "@Gateway.Unscoped": True, "id": {"$Type": "Edm.Int32"},
            **dict.fromkeys(columns, text),
        }  # fmt: skip
        container[name] = {"$Collection": True, "$Type": f"Kinds.{name}"}
    for name, source, target in (("letters", "Person", "Letter"), ("writers", "Letter", "Person")):
        schema[source][name] = {"$Kind": "NavigationProperty", "$Type": f"Kinds.{target}", "$Collection": True, "@Gateway.Join": join[name]}
        container[source]["$NavigationPropertyBinding"] = {name: target}


@pytest.fixture(scope="module")
def kinds(cluster, tmp_path_factory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("kinds")
    with kinds_database(cluster, "kinds_own", folder, more=MORE, change=model_of_more) as settings, start_gateway(**settings) as running:
        yield running


def literal(kind: Kind, shown: Any) -> str:
    """A value as it is shown, as a literal."""
    if isinstance(shown, bool):
        return str(shown).lower()
    if kind.declared["$Type"] == "Edm.String":
        return "'" + quote(shown.replace("'", "''"), safe="") + "'"
    if kind.declared["$Type"] in ("Edm.Duration", "Edm.Binary"):
        return f"{kind.declared['$Type'][4:].lower()}'{shown}'"
    return str(shown)


def found(gateway: Gateway, kind: Kind, condition: str) -> list[int]:
    reply = gateway.get(f"{kind.set_name}?$filter={condition}&$select=n&$orderby=n")
    assert reply.status == 200, (condition, reply.body[:300])
    return [row["n"] for row in reply.rows]


def shown_of(gateway: Gateway, kind: Kind) -> list[Any]:
    return [row["k"] for row in gateway.get(f"{kind.set_name}?$orderby=n").rows]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_value_is_found_by_what_is_shown_of_it(kinds, kind):
    values = kind.values if kind.name == "numeric" else shown_of(kinds, kind)  # JSON in Python rounds them
    everyone = list(range(len(values)))
    for n, value in enumerate(values):
        text = literal(kind, value)
        if kind.name == "float4" and n:
            continue  # a Single is compared with a number of more digits
        assert found(kinds, kind, f"k eq {text}") == found(kinds, kind, f"k in ({text})") == [n], text
        assert found(kinds, kind, f"k ne {text}") == [other for other in everyone if other != n]
        assert n in found(kinds, kind, f"v eq {text} or v eq null") and n not in found(kinds, kind, f"v ne {text} and v ne null")
        if kind.key and kind.declared["$Type"] == "Edm.String":
            assert kinds.get(f"{kind.set_name}({text})/n").json()["value"] == n
    assert found(kinds, kind, "k eq k") == everyone and found(kinds, kind, "k eq v or v eq null") == everyone


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_other_texts_of_a_value_are_the_value(kinds, kind):
    """`'ab  '` is the char(6) `ab`, and `10.0.0.1/32` is 10.0.0.1."""
    for text, value in kind.same:
        n = kind.values.index(value)
        assert found(kinds, kind, f"k eq {text}") == found(kinds, kind, f"k in ({text})") == [n], text
        assert n not in found(kinds, kind, f"k ne {text}")
        if kind.key:
            reply = kinds.get(f"{kind.set_name}({quote(text, safe='')})")
            assert reply.status == 200 and reply.json()["n"] == n, text


@pytest.mark.parametrize("kind", WITH_ABSENT, ids=lambda kind: kind.name)
def test_a_text_that_is_no_value_of_the_type_equals_nothing(kinds, kind):
    everyone = list(range(len(kind.values)))
    for text in kind.absent:
        assert (
            found(kinds, kind, f"k eq {text}") == found(kinds, kind, f"k in ({text},{text})") == found(kinds, kind, f"v eq {text}") == []
        ), text
        assert (
            found(kinds, kind, f"k ne {text}") == found(kinds, kind, f"v ne {text}") == found(kinds, kind, f"not (k eq {text})") == everyone
        ), text
        if kind.key:
            assert kinds.get(f"{kind.set_name}({quote(text, safe=quote(''))})").status == 404, text
        for op in ("lt", "le", "gt", "ge"):
            found(kinds, kind, f"k {op} {text}")


@pytest.mark.parametrize("name", ORDERED)
def test_values_have_the_order_of_their_type(kinds, name):
    kind = BY_NAME[name]
    numbers = list(range(len(kind.values)))
    for order, wanted in (("k", numbers), ("k desc", numbers[::-1])):
        assert [row["n"] for row in kinds.get(f"{kind.set_name}?$orderby={order}").rows] == wanted
    values = kind.values if name == "numeric" else shown_of(kinds, kind)
    for n, value in enumerate(values):
        text = literal(kind, value)
        assert found(kinds, kind, f"k lt {text}") == numbers[:n] and found(kinds, kind, f"k le {text}") == numbers[: n + 1], text
        assert found(kinds, kind, f"k gt {text}") == numbers[n + 1 :] and found(kinds, kind, f"k ge {text}") == numbers[n:], text
    [row] = kinds.get(f"{kind.set_name}?$apply=aggregate(k with min as a,k with max as b,k with countdistinct as c)").rows
    values = shown_of(kinds, kind)
    assert (row["a"], row["b"], row["c"]) == (values[0], values[-1], len(values))


@pytest.mark.parametrize("kind", TEXTS, ids=lambda kind: kind.name)
def test_groups_have_one_row_for_each_value(kinds, kind):
    path = f"{kind.set_name}?$apply=filter(k eq k or n ge 0)/groupby((k),aggregate($count as c,n with max as m))&$orderby=m"
    rows = kinds.get(path)
    assert rows.status == 200, rows.body[:300]
    assert [(row["k"], row["c"], row["m"]) for row in rows.rows] == [(value, 1, n) for n, value in enumerate(shown_of(kinds, kind))]
    for more in (
        "/filter(k eq k)",
        "/topcount(100,m)/filter(k ne null)",
        "/concat(identity,identity)",
        "/orderby(k)",
        "/concat(aggregate(k with min as least),identity)",
    ):
        reply = kinds.get(path.replace("&$orderby=m", more))
        assert reply.status == 200 and reply.rows, (more, reply.body[:300])
    top = kinds.get(f"{kind.set_name}?$apply=topcount(1,n)/groupby((k))").rows
    assert [row["k"] for row in top] == shown_of(kinds, kind)[-1:]


def ids(gateway: Gateway, target: str) -> list[int]:
    reply = gateway.get(target)
    assert reply.status == 200, reply.body[:300]
    return [row["id"] for row in reply.rows]


def test_rows_of_the_faults(kinds):
    """A8."""
    assert found(kinds, BY_NAME["inet"], "k eq '10.0.0.1'") == [2] and found(kinds, BY_NAME["citext"], "k eq 'alpha'") == [1]
    assert kinds.get("ByChar('ab  ')").json()["n"] == 1 and kinds.get("ByChar('ab')").json()["k"] == "ab"


def test_citext_groups_compares_and_joins_without_case(kinds):
    rows = kinds.get("Person?$apply=groupby((mail),aggregate($count as c))&$orderby=c desc").rows
    assert {(row["c"], row["mail"] and row["mail"].lower()) for row in rows} == {(1, None), (1, "bob@x"), (2, "ann@x")} and len(rows) == 3
    assert ids(kinds, "Person?$filter=mail eq 'ANN@X'") == [1, 2] and ids(kinds, "Person?$filter=mail in ('ANN@X','BOB@x')") == [1, 2, 3]
    assert ids(kinds, "Person?$filter=mail ne 'ANN@X'") == [3, 4] and ids(kinds, "Person?$filter=mail gt 'ANN@x'") == [3]
    assert ids(kinds, "Person?$filter=mail eq mail") == [1, 2, 3, 4] and ids(kinds, "Person?$filter=letters/any(l:l/mail eq $it/mail)") == [
        1,
        2,
        3,
    ]
    # beside a text, it is a text
    assert ids(kinds, "Person?$filter=mail eq plain") == [2] and ids(kinds, "Person?$filter=tolower(mail) eq 'ann@x'") == [1, 2]
    assert [[letter["id"] for letter in row["letters"]] for row in kinds.get("Person?$expand=letters").rows] == [[1], [1], [2], []]
    assert ids(kinds, "Person(2)/letters") == [1] and ids(kinds, "Letter(1)/writers") == [1, 2]
    assert kinds.get("Person?$apply=aggregate(mail with countdistinct as c)").rows[0]["c"] == 2
    assert ids(kinds, "Person?$orderby=mail,id") == [4, 1, 2, 3] and ids(kinds, "Person?$orderby=mail desc,id") == [3, 1, 2, 4]


def test_citext_is_searched_without_case(kinds):
    for condition in (
        "contains(mail,'NN@x')",
        "startswith(mail,'ANN')",
        "endswith(mail,'n@X')",
        "indexof(mail,'N@') eq 2",
        "contains(plain,mail)",
    ):
        assert ids(kinds, f"Person?$filter={condition}") == [1, 2], condition
    assert ids(kinds, "Person?$filter=contains(mail,'_') or contains(mail,'%25')") == []
    # a pattern, and what a function makes of the column, have case
    assert ids(kinds, "Person?$filter=matchesPattern(mail,'^Ann')") == [1] and ids(
        kinds, "Person?$filter=contains(concat(mail,''),'Ann')"
    ) == [1]


def test_columns_of_one_type_are_compared_as_it(kinds):
    assert ids(kinds, "Person?$filter=mood gt 'sad' and mood le 'happy'&$orderby=mood") == [3, 1]
    assert ids(kinds, "Person?$filter=mood eq null") == [4] and ids(kinds, "Person?$filter=mood ne 'nope'") == [1, 2, 3, 4]
    assert ids(kinds, "Person?$orderby=ip") == [4, 3, 1, 2] and ids(kinds, "Person?$filter=ip gt '10.0.0.9'") == [2]
    assert ids(kinds, "Person?$orderby=net desc&$filter=net ge '08-00-2B-01-02-04' or net eq null") == [2, 3, 4]
    assert ids(kinds, "Person?$filter=code eq 'ab   '") == [1, 2] and ids(kinds, "Person?$filter=concat(code,'x') eq 'abx'") == [1, 2]
    [row] = kinds.get(
        "Person?$apply=aggregate(mail with max as a,mood with min as b,ip with max as c,code with min as d,net with max as e)"
    ).rows
    assert (row["a"], row["b"], row["c"], row["d"], row["e"]) == ("Bob@x", "sad", "10.0.0.10", "ab", "08:00:2b:01:02:04")
