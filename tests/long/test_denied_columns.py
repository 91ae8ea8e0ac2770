"""A column that the database role may not read, or whose type cannot be served, is not guessed as null: what names it is refused."""

from __future__ import annotations

import pytest
from tests.harness import own_model
from tests.harness.faults import wait_until
from tests.harness.own_model import entity, navigation

SQL = """
CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO odata_reader;
CREATE TABLE own.person (id int PRIMARY KEY, name text, boss_id int, note text, mood text, account_id int NOT NULL DEFAULT 1);
INSERT INTO own.person VALUES (1, 'Ann', NULL, 'x', 'sad'), (2, 'Bob', 1, 'secret', 'ok'), (3, 'Cid', 1, NULL, 'ok'), (4, 'Dee', 3, 'y', NULL);
GRANT SELECT (id, name, mood) ON own.person TO odata_reader;
CREATE TABLE own.place (id int PRIMARY KEY, person_id int, secret text); INSERT INTO own.place VALUES (1, 1, 's'), (2, NULL, 't');
GRANT SELECT ON own.place TO odata_reader;
CREATE VIEW own.person_view AS SELECT * FROM own.person; GRANT SELECT (id, name) ON own.person_view TO odata_reader;
CREATE TABLE own.locked (id int PRIMARY KEY, name text); INSERT INTO own.locked VALUES (1, 'l'); GRANT SELECT (name) ON own.locked TO odata_reader;
"""
PERSON = {"id": "Int32", "name": "String?", "boss_id": "Int32?", "note": "String?", "mood": "Int32?"}
TYPES = {
    "Person": entity("id", PERSON, "person")
    | {
        "boss": {"$Kind": "NavigationProperty", "$Type": "Own.Person", "$Nullable": True, "$ReferentialConstraint": {"boss_id": "id"}},
        "places": navigation("Place", "source.id = target.person_id", many=True),
    },
    "Place": entity("id", {"id": "Int32", "person_id": "Int32?", "secret": "String?"}, "place")
    | {
        "person": {"$Kind": "NavigationProperty", "$Type": "Own.Person", "$Nullable": True, "$ReferentialConstraint": {"person_id": "id"}},
        "boss_of": navigation("Person", "source.person_id = target.boss_id", many=True),
    },
    "Viewed": entity("id", {"id": "Int32", "name": "String?", "boss_id": "Int32?"}, "person_view"),
    "Locked": entity("id", {"id": "Int32", "name": "String?"}, "locked"),
}
TYPES["Person"]["note"]["@Gateway.Search"] = True
TYPES["Person"]["name"]["@Gateway.Search"] = True


@pytest.fixture
def served(gateways, cluster, scratch, scratch_reader_dsn, tmp_path):
    cluster.psql(scratch, SQL)
    return own_model.serve(gateways, tmp_path, scratch_reader_dsn, TYPES, ODATA_MODEL_CHECK_S="0")


@pytest.mark.parametrize(
    "target",
    [
        "Persons?$filter=boss_id eq null", "Persons/$count?$filter=boss_id ne null", "Persons?$orderby=boss_id", "Persons?$select=id,boss_id",
        "Persons(1)/boss_id", "Persons(1)/boss_id/$value", "Persons?$compute=boss_id add 1 as x", "Persons?$apply=groupby((boss_id))",
        "Persons?$apply=aggregate(boss_id with sum as s)", "Persons?$apply=filter(boss_id eq null)", "Vieweds?$filter=boss_id eq null",
        "Places?$filter=person/boss_id eq null", "Places?$expand=person($select=boss_id)", "Places?$expand=boss_of($select=name)",
        "Persons?$search=secret", "Persons?$search=NOT secret", "Persons?$filter=note eq null", "$crossjoin(Persons,Places)?$filter=Persons/boss_id eq null",
        "Persons?$expand=boss", "Persons(2)/boss", "Persons?$filter=boss/id eq 1", "Places?$expand=boss_of", "Places?$filter=boss_of/any()",
        "Persons?$filter=$it/boss_id eq null", "Persons?$filter=places/any(p:p/person/boss_id eq null)", "Persons?$compute=1 as boss_id&$select=boss_id",
    ],
)  # fmt: skip
def test_what_names_a_column_that_may_not_be_read_is_refused(served, target):
    reply = served.get(target)
    error = reply.json()["error"]
    if "$compute=1 as" in target:
        assert (reply.status, error["code"]) == (400, "Bind.Name")
        return
    assert (reply.status, error["code"]) == (403, "Db.Denied"), reply.body
    assert "the database role may not read its column" in error["message"]


def test_a_type_that_cannot_be_served_is_not_null_either(served):
    for target in ("Persons?$filter=mood eq null", "Persons?$select=mood", "Persons(1)/mood", "Persons?$orderby=mood desc"):
        reply = served.get(target)
        assert (reply.status, reply.json()["error"]["code"]) == (500, "Db.Model"), reply.body
        assert "Person.mood cannot be read: type text cannot be served as Edm.Int32" in reply.json()["error"]["message"]


def test_the_rest_is_served_and_metadata_has_what_answers_have(served):
    rows = served.get("Persons").rows
    assert [set(row) for row in rows] == [{"id", "name"}] * 4
    assert served.get("Persons?$select=*").rows == rows
    assert [len(row["places"]) for row in served.get("Persons?$expand=*").rows] == [1, 0, 0, 0]
    document = served.get("$metadata?$format=json").json()["Own"]
    assert {name for name in document["Person"] if name[0] not in "$@"} == {"id", "name", "places"}
    assert document["Place"]["person"]["$ReferentialConstraint"] == {"person_id": "id"}
    assert served.get("Places?$expand=person&$orderby=id").rows[0]["person"] == {"id": 1, "name": "Ann"}
    assert "Locked" not in document and served.get("Lockeds").status == 404
    assert served.log().count("own.person.boss_id: the role may not read the column; boss_id is left out") == 1


def test_a_privilege_that_is_revoked_or_granted_meanwhile_is_followed(served, cluster, scratch):
    assert served.get("Places?$filter=secret eq 's'").status == 200
    cluster.psql(scratch, "REVOKE SELECT ON own.place FROM odata_reader; GRANT SELECT (id, person_id) ON own.place TO odata_reader")

    def is_refused():
        reply = served.get("Places?$filter=secret eq null")
        assert (reply.status, reply.json()["error"]["code"]) == (403, "Db.Denied"), reply.body
        return "Place.secret" in reply.json()["error"]["message"]

    wait_until(is_refused, 10)
    wait_until(lambda: served.get("Places").status == 200, 10)
    assert [set(row) for row in served.get("Places").rows] == [{"id", "person_id"}] * 2
    cluster.psql(scratch, "GRANT SELECT ON own.place, own.person TO odata_reader")
    wait_until(lambda: served.get("Places?$filter=secret eq 's'").status == 200, 10)
    assert [row["id"] for row in served.get("Persons?$filter=boss_id eq null").rows] == [1]
    cluster.psql(scratch, "REVOKE SELECT ON own.place FROM odata_reader; REVOKE SELECT (id, person_id) ON own.place FROM odata_reader")
    wait_until(lambda: served.get("Places").json()["error"]["code"] == "Db.Denied", 10)
    assert served.get("Persons").status == 200
