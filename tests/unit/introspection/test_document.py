"""The document of a catalog is a model that the loader takes, and tells what it leaves out."""

import json
from dataclasses import replace

from odata_gateway.edm.csdl import parse_model
from odata_gateway.edm.model import Table
from odata_gateway.introspection.catalog import ForeignKey
from odata_gateway.introspection.document import model_of_catalog
from odata_gateway.protocol.metadata.document import csdl_json
from tests.unit.introspection.catalogs import column, table


def test_the_loader_takes_the_document():
    knows = table("knows", "person id", "skill", key=("person id", "skill"), keys=[(["person id"], "person"), (["skill"], "skill")])
    catalog = (table("person", "id", "boss", keys=[(["boss"], "person")], comment="People"), table("skill", "id"), knows)
    model = parse_model(model_of_catalog(catalog).document)
    assert list(model.entity_sets) == ["person", "skill", "knows"] and model.namespace == "public"
    assert model.entity_types["person"].description == "People"
    assert [p.column for p in model.entity_types["knows"].key] == ["person id", "skill"]
    assert {n: model.entity_types["person"].navigation[n].target for n in ("to_boss", "person", "knows", "skill")} == {
        "to_boss": "person",
        "person": "person",
        "knows": "knows",
        "skill": "skill",
    }


def test_the_key_comes_first_in_its_own_order():
    document = model_of_catalog((table("t", "x", "b", "a", key=("a", "b")),)).document
    assert document["public"]["t"]["$Key"] == ["a", "b"]
    assert [name for name in document["public"]["t"] if name[0] not in "$@"] == ["a", "b", "x"]


def test_names_carry_the_schema_only_where_two_schemas_have_them():
    catalog = (table("person", "id"), table("Person", "id", schema="other"), table("place", "id", schema="other"))
    model = parse_model(model_of_catalog(catalog).document)
    assert list(model.entity_sets) == ["public_person", "other_Person", "place"]
    names = {name: entity_type.qualified_name for name, entity_type in model.entity_types.items()}
    assert names == {"public_person": "public.public_person", "other_Person": "other.other_Person", "place": "other.place"}


def test_a_link_leads_from_one_namespace_to_another():
    place = table("place", "id", schema="odata")
    person = table("person", "id", "place_id")
    key = ForeignKey("person_place_id_fkey", ("place_id",), place.table, ("id",))
    model = parse_model(model_of_catalog((place, replace(person, foreign_keys=(key,)))).document)
    assert model.namespace == "odata_2", "CSDL reserves the name odata"
    document = json.loads(csdl_json(model))
    assert document["public"]["person"]["place"]["$Type"] == "odata_2.place"
    assert document["odata_2"]["place"]["person"]["$Type"] == "public.person"
    assert list(document["odata_2"]["Service"])[1:3] == ["place", "person"] and "Service" not in document["public"]


def test_what_is_left_out_is_told_with_the_way_out():
    catalog = (
        table("log", "a", key=()),
        table("schema_migrations", "id"),
        table("hidden", "id", is_open=False),
        table("bare", key=()),
        table("person", "id", column("password_hash", "text"), column("boss", readable=False)),
    )
    found = model_of_catalog(catalog)
    assert [str(item) for item in found.not_served] == [
        "public.schema_migrations: it has the state of migrations; serve it with `served = true` in ODATA_OVERLAY",
        "public.hidden: the role may not read it; GRANT SELECT ON public.hidden to the role",
        "public.bare: it has no columns; add a column",
        "public.person.password_hash: its name is that of a secret; serve it with `secret = false` in ODATA_OVERLAY",
        "public.person.boss: the role may not read it; GRANT SELECT (boss) ON public.person to the role",
    ]
    assert list(parse_model(found.document).entity_types["person"].properties) == ["id"]


def test_a_relation_without_a_key_gets_one_that_the_service_makes():
    named = table("v", column("row_key"), column("row_key_2"), column("row_key_3_id"), key=(), kind="v", keys=[(["row_key_3_id"], "t")])
    document = model_of_catalog((table("log", "a", key=(), has_places=True), named, table("t", "id"))).document["public"]
    assert document["log"]["$Key"] == ["row_key"] and document["log"]["row_key"]["@Gateway.RowKey"] == "Place"
    assert document["v"]["$Key"] == ["row_key_3"] and document["v"]["row_key_3"]["@Gateway.RowKey"] == "Digest"
    assert document["v"]["to_row_key_3"]["$Kind"] == "NavigationProperty"


def test_columns_of_other_types_are_joined_without_a_constraint():
    wide = table("widen", "id", column("person_id", "int8"), keys=[(["person_id"], "person")])
    link = model_of_catalog((table("person", "id"), wide)).document["public"]["widen"]["person"]
    assert link["@Gateway.Join"] == ['source."person_id" = target."id"'] and "$ReferentialConstraint" not in link


def test_the_container_has_a_name_of_its_own():
    document = model_of_catalog((table("Service", "id"),)).document
    assert document["$EntityContainer"] == "public.Service_2"


def test_names_with_dots_and_quotes_are_read_back_as_the_same():
    odd = table('a"."b', "id", "a.b", 'x"y', schema='odd."schema')
    model = parse_model(model_of_catalog((odd, table("c.d", "id"))).document)
    assert [t.table for t in model.entity_types.values()] == [odd.table, Table("public", "c.d")]
    assert [p.column for p in model.entity_types["a___b"].properties.values()] == ["id", "a.b", 'x"y']
    document = model_of_catalog((odd,)).document
    assert document["odd__schema"]["a___b"]["@Gateway.Table"] == '"odd.""schema"."a"".""b"'


def test_a_table_that_links_a_table_with_itself_gives_it_two_links_without_numbers():
    knows = table("knows", "a_id", "b_id", key=("a_id", "b_id"), keys=[(["a_id"], "person"), (["b_id"], "person")])
    person = parse_model(model_of_catalog((table("person", "id"), knows)).document).entity_types["person"]
    assert set(person.navigation) == {"knows_by_a", "knows_by_b", "person", "person_via_knows"}


def test_one_row_of_a_table_may_refer_to_one_of_the_same():
    boss = table("person", "id", "boss_id", unique=[("boss_id",)], keys=[(["boss_id"], "person")])
    person = parse_model(model_of_catalog((boss,)).document).entity_types["person"]
    assert {n: (v.collection, v.join.terms[0].left.column) for n, v in person.navigation.items()} == {
        "boss": (False, "boss_id"),
        "person": (False, "id"),
    }
