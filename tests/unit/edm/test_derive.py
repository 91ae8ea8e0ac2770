"""Models made from a model stay whole: what they refer to is their own."""

from dataclasses import replace

from odata_gateway.edm.csdl import load_model
from odata_gateway.edm.derive import served_part, with_secrets_exposed, with_types
from odata_gateway.edm.model import Model
from odata_gateway.protocol.metadata.document import csdl_json, csdl_xml
from odata_gateway.types.primitive import INT64
from tests.harness.csdl import assert_valid_json, assert_valid_xml


def _assert_whole(model: Model) -> None:
    for entity_set in model.entity_sets.values():
        assert model.entity_types[entity_set.entity_type.name] is entity_set.entity_type
        assert set(entity_set.bindings) == set(entity_set.entity_type.navigation)
        assert set(entity_set.bindings.values()) <= set(model.entity_sets)
    for name, entity_set in model.set_of_type.items():
        assert model.entity_sets[entity_set.name] is entity_set
        assert entity_set.entity_type.name == name
    for entity_type in model.entity_types.values():
        assert all(model.target_type(n) for n in entity_type.navigation.values())
    assert_valid_xml(csdl_xml(model))
    assert_valid_json(csdl_json(model))


def _without_table(model: Model, name: str) -> Model:
    return with_types(model, dict(model.entity_types) | {name: replace(model.entity_types[name], missing=True)})


def test_exposed_secrets_are_secret_nowhere():
    model = with_secrets_exposed(load_model())
    _assert_whole(model)
    assert not any(p.secret for t in model.entity_types.values() for p in t.properties.values())
    assert b"reads as null" not in csdl_xml(model)
    assert model.version != load_model().version


def test_a_missing_table_takes_its_set_and_the_ways_to_it_along():
    model = served_part(_without_table(load_model(), "Label"))
    _assert_whole(model)
    assert set(model.entity_sets) == {"Message", "Conversation", "User", "Inbox"}
    assert set(model.set_of_type) == set(model.entity_types) == {"Message", "Conversation", "User", "Inbox"}
    assert "labels" not in model.entity_types["Conversation"].navigation
    assert "Label" not in csdl_xml(model).decode()


def test_nothing_missing_changes_nothing():
    model = load_model()
    assert served_part(model) is model


def test_the_version_follows_what_the_database_says():
    model = load_model()
    message = model.entity_types["Message"]
    changed = replace(message, properties=dict(message.properties) | {"private": replace(message.properties["private"], missing=True)})
    versions = {
        m.version for m in (model, with_types(model, dict(model.entity_types) | {"Message": changed}), _without_table(model, "Label"))
    }
    assert len(versions) == 3
    assert _without_table(load_model(), "Label").version == _without_table(model, "Label").version


def test_the_version_follows_the_type_and_what_metadata_promises_of_null():
    model = load_model()
    message = model.entity_types["Message"]
    private = message.properties["private"]
    versions = {model.version}
    for prop in (replace(private, type=INT64), replace(private, nullable=not private.nullable), replace(private, not_null=True)):
        changed = replace(message, properties=dict(message.properties) | {"private": prop})
        versions.add(with_types(model, dict(model.entity_types) | {"Message": changed}).version)
    assert len(versions) == 4
