"""Foreign keys become links, named by rules; no name is a number unless two rules collide twice."""

import pytest
from odata_gateway.introspection.document import model_of_catalog
from tests.unit.introspection.catalogs import table


def links(*relations):
    """`type/link -> target`, with `*` for many, in the order of the document."""
    document = model_of_catalog(relations).document
    [types] = [schema for schema in document.values() if isinstance(schema, dict)]
    return [
        f"{type_}/{name} -> {node['$Type'].partition('.')[2]}{'*' if '$Collection' in node else ''}"
        for type_, members in types.items()
        for name, node in members.items()
        if isinstance(node, dict) and node.get("$Kind") == "NavigationProperty"
    ]


PERSON = table("person", "id")
CASES = {
    "column without _id": (
        [PERSON, table("trip", "id", "person_id", keys=[(["person_id"], "person")])],
        ["person/trip -> trip*", "trip/person -> person"],
    ),
    "column without Id": (
        [PERSON, table("trip", "id", "personId", keys=[(["personId"], "person")])],
        ["person/trip -> trip*", "trip/person -> person"],
    ),
    "column that is the name": (
        [PERSON, table("trip", "id", "who", keys=[(["who"], "person")])],
        ["person/trip -> trip*", "trip/to_who -> person"],
    ),
    "a column has the name": (
        [PERSON, table("trip", "id", "person", "person_id", keys=[(["person_id"], "person")])],
        ["person/trip -> trip*", "trip/to_person -> person"],
    ),
    "two columns have both names": (
        [PERSON, table("trip", "id", "person", "to_person", "person_id", keys=[(["person_id"], "person")])],
        ["person/trip -> trip*", "trip/trip_person_id_fkey -> person"],
    ),
    "several columns": (
        [table("area", "a", "b", key=("a", "b")), table("plan", "id", "x", "y", keys=[(["x", "y"], "area", ("a", "b"))])],
        ["area/plan -> plan*", "plan/area -> area"],
    ),
    "two keys to one table": (
        [PERSON, table("trip", "id", "from_id", "to_id", keys=[(["from_id"], "person"), (["to_id"], "person")])],
        ["person/trip_by_from -> trip*", "person/trip_by_to -> trip*", "trip/from -> person", "trip/to -> person"],
    ),
    "the table itself": (
        [table("person", "id", "boss_id", keys=[(["boss_id"], "person")])],
        ["person/boss -> person", "person/person -> person*"],
    ),
    "one to one": (
        [PERSON, table("passport", "person_id", key=("person_id",), keys=[(["person_id"], "person")])],
        ["passport/person -> person", "person/passport -> passport"],
    ),
    "many to many": (
        [
            PERSON,
            table("skill", "id"),
            table(
                "knows", "person_id", "skill_id", key=("person_id", "skill_id"), keys=[(["person_id"], "person"), (["skill_id"], "skill")]
            ),
        ],
        [
            "knows/person -> person",
            "knows/skill -> skill",
            "person/knows -> knows*",
            "person/skill -> skill*",
            "skill/knows -> knows*",
            "skill/person -> person*",
        ],
    ),
    "many to many, the name is taken": (
        [
            table("person", "id", "skill"),
            table("skill", "id"),
            table(
                "knows", "person_id", "skill_id", key=("person_id", "skill_id"), keys=[(["person_id"], "person"), (["skill_id"], "skill")]
            ),
        ],
        [
            "knows/person -> person",
            "knows/skill -> skill",
            "person/knows -> knows*",
            "person/skill_via_knows -> skill*",
            "skill/knows -> knows*",
            "skill/person -> person*",
        ],
    ),
    "a target that is not served": ([table("trip", "id", "person_id", keys=[(["person_id"], "person")])], []),
}


@pytest.mark.parametrize(("relations", "expected"), CASES.values(), ids=CASES.keys())
def test_names_of_links(relations, expected):
    assert sorted(links(*relations)) == sorted(expected)


def test_an_added_foreign_key_changes_no_name_but_that_of_its_twin():
    before = set(links(PERSON, table("trip", "id", "from_id", keys=[(["from_id"], "person")])))
    after = set(links(PERSON, table("trip", "id", "from_id", "to_id", keys=[(["from_id"], "person"), (["to_id"], "person")])))
    assert before - after == {"person/trip -> trip*"}
