"""Keys that the service makes, and alternate keys, as a model declares them."""

from __future__ import annotations

import pytest
from odata_gateway.edm.csdl import parse_model
from odata_gateway.edm.json_reader import ModelError

ROW_KEY = {"@Gateway.RowKey": "Place"}


def model(key=("row_key",), **members):
    schema = {"T": {"$Kind": "EntityType", "$Key": list(key), "@Gateway.Table": "s.t", "@Gateway.Unscoped": True, **members}}
    container = {"$Kind": "EntityContainer", "T": {"$Collection": True, "$Type": "M.T"}}
    return {"$Version": "4.01", "$EntityContainer": "M.Service", "M": {**schema, "Service": container}}


def alternate(*names, **more):
    return {"Key": [{"Name": name, **more} for name in names]}


def test_a_key_that_the_service_makes_knows_what_it_is_made_of():
    columns = {
        "a": {"$Type": "Edm.Int32"},
        "j": {"@Gateway.PgType": "json", "$Nullable": True},
        "s": {"@Gateway.Secret": True, "$Nullable": True},
    }
    found = parse_model(model(row_key={"@Gateway.RowKey": "Digest"}, **columns)).entity_types["T"].row_key
    assert (found.form, found.column, found.columns, found.sorted) == ("digest", "row_key", ("a", "j"), ("a",))
    assert parse_model(model(row_key=ROW_KEY, a={})).entity_types["T"].row_key.form == "place"


def test_alternate_keys_name_properties():
    found = parse_model(
        model(("id",), id={"$Type": "Edm.Int32"}, code={}, a={}, **{"@Core.AlternateKeys": [alternate("code"), alternate("a", "code")]})
    )
    assert found.entity_types["T"].alternate_keys == (("code",), ("a", "code"))


def function(**members):
    return [{"$Kind": "Function", "@Gateway.Function": "s.f", "@Gateway.Unscoped": True, "$ReturnType": {}, **members}]


@pytest.mark.parametrize(
    ("members", "mistake"),
    [
        ({"$ReturnType": {"$Type": "M.T"}}, "the key of M.T is made of rows of its table"),
        (
            {"$IsBound": True, "$Parameter": [{"$Name": "it", "$Type": "M.T"}]},
            "T has a key of the service, so a column of it must be passed",
        ),
    ],
)
def test_functions_have_no_rows_with_keys_of_the_service(members, mistake):
    document = model(row_key=ROW_KEY, a={})
    document["M"]["f"] = function(**members)
    with pytest.raises(ModelError) as caught:
        parse_model(document)
    assert mistake in str(caught.value)


@pytest.mark.parametrize(
    ("document", "mistake"),
    [
        (model(row_key={"@Gateway.RowKey": "Row"}), "/M/T/row_key/@Gateway.RowKey: must be one of Place, Digest"),
        (model(row_key={**ROW_KEY, "$Type": "Edm.Int32"}), "must be Edm.String and the key"),
        (model(("id",), id={}, row_key=ROW_KEY), "must be Edm.String and the key"),
        (model(("row_key", "id"), row_key=ROW_KEY, id={}), "a key with @Gateway.RowKey has no other properties"),
        (model(row_key={**ROW_KEY, "@Gateway.Column": "x"}), "cannot stand beside @Gateway.RowKey"),
        (model(row_key=ROW_KEY, a={"@Gateway.Column": "row_key"}), "has the column row_key, which is the name of the row's key"),
        (model(row_key={**ROW_KEY, "$Nullable": True}), "a key property cannot be nullable"),
        (model(("id",), id={}, **{"@Core.AlternateKeys": {}}), "/M/T/@Core.AlternateKeys: must be an array of objects"),
        (model(("id",), id={}, **{"@Core.AlternateKeys": [1]}), "/M/T/@Core.AlternateKeys/0: must be an object"),
        (model(("id",), id={}, **{"@Core.AlternateKeys": [alternate("x")]}), "is no property that can be a key"),
        (model(("id",), id={}, f={"$Type": "Edm.Double"}, **{"@Core.AlternateKeys": [alternate("f")]}), "is no property that can be a key"),
        (model(("id",), id={}, a={}, **{"@Core.AlternateKeys": [alternate("a", Alias="b")]}), "must be the property's name"),
        (model(("id",), id={}, a={}, **{"@Core.AlternateKeys": [alternate("a", "a")]}), "must name properties, each once"),
        (model(("id",), id={}, **{"@Core.AlternateKeys": [{}]}), "must name properties, each once"),
    ],
)
def test_mistakes_about_keys(document, mistake):
    with pytest.raises(ModelError) as caught:
        parse_model(document)
    assert mistake in str(caught.value)
