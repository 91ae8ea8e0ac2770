"""What the loader refuses is left out, and told; all else is served."""

from dataclasses import replace

import pytest
from odata_gateway.edm.json_reader import ModelError
from odata_gateway.introspection import columns, document, loaded
from odata_gateway.introspection.loaded import loaded_model
from tests.unit.introspection.catalogs import table

CATALOG = (table("good", "id", "bad_id", keys=[(["bad_id"], "bad")]), table("bad", "id", "wrong"), table("other", "id"))


def test_one_relation_does_not_keep_others_from_being_served(monkeypatch):
    def wrong(column, *arguments, **options):
        node = columns.property_of(column, *arguments, **options)
        return node | ({"$Type": "Edm.Nothing"} if column.name == "wrong" else {})

    monkeypatch.setattr(document, "property_of", wrong)
    made = loaded_model(CATALOG)
    assert list(made.model.entity_sets) == ["good", "other"] and list(made.model.entity_types["good"].navigation) == []
    (item,) = made.found.not_served
    assert str(item).startswith("public.bad: the model cannot have it: ") and "Edm.Nothing" in str(item)


def test_a_mistake_of_no_relation_is_raised(monkeypatch):
    def wrong(*arguments):
        found = document.model_of_catalog(*arguments)
        return replace(found, document=found.document | {"$Version": "9"})

    monkeypatch.setattr(loaded, "model_of_catalog", wrong)
    with pytest.raises(ModelError):
        loaded_model(CATALOG)


def test_nothing_to_serve_is_no_model():
    assert loaded_model(()).model is None
