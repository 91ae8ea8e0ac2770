"""Names of SQL become identifiers, and no two become the same."""

import pytest
from odata_gateway.edm.csdl_properties import is_name
from odata_gateway.introspection.names import odata_name, odata_names, unused

CASES = {
    "id": "id",
    "Größe": "Größe",
    "имя": "имя",
    "a b": "a_b",
    "a-b.c": "a_b_c",
    "1st": "_1st",
    "$filter": "_filter",
    "@odata.id": "_odata_id",
    'has"quote': "has_quote",
    "emoji😀": "emoji_",
    "": "_",
    "x" * 200: "x" * 128,
    "1" * 200: "_" + "1" * 127,
}


@pytest.mark.parametrize(("name", "expected"), CASES.items())
def test_a_character_that_no_identifier_has_becomes_an_underscore(name, expected):
    assert odata_name(name) == expected
    assert is_name(odata_name(name))


def test_names_that_become_the_same_are_numbered_and_identifiers_stay():
    found = odata_names(["a-b", "a.b", "a b", "a_b", "A_B"])
    assert found == {"a-b": "a_b_2", "a.b": "a_b_3", "a b": "a_b_4", "a_b": "a_b", "A_B": "A_B"}


def test_a_number_that_is_taken_is_left_out():
    assert odata_names(["a_b", "a_b_2", "a b"]) == {"a_b": "a_b", "a_b_2": "a_b_2", "a b": "a_b_3"}


def test_a_long_name_is_cut_for_its_number():
    assert unused("x" * 128, {"x" * 128}) == "x" * 126 + "_2"
