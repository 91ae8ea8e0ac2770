"""The property of a column says no more than its type promises."""

import pytest
from odata_gateway.introspection.columns import SECRET_NAMES, is_secret_name, primitive_property, property_of
from odata_gateway.introspection.structures import DeclaredTypes
from tests.unit.introspection.catalogs import column

NULLABLE = {"$Nullable": True}
TYPES = DeclaredTypes({}, (), primitive_property, is_secret_name)


def numeric(precision, scale):
    return (precision << 16 | scale & 0x7FF) + 4


@pytest.mark.parametrize(
    ("type_", "modifier", "expected"),
    [
        ("bool", -1, {"$Type": "Edm.Boolean"}),
        ("int2", -1, {"$Type": "Edm.Int16"}),
        ("int4", -1, {"$Type": "Edm.Int32"}),
        ("int8", -1, {"$Type": "Edm.Int64"}),
        ("float4", -1, {"$Type": "Edm.Single"}),
        ("float8", -1, {"$Type": "Edm.Double"}),
        ("numeric", -1, {"$Type": "Edm.Decimal"}),
        ("numeric", numeric(12, 2), {"$Type": "Edm.Decimal", "$Precision": 12, "$Scale": 2}),
        ("numeric", numeric(5, -2), {"$Type": "Edm.Decimal", "$Precision": 7, "$Scale": 0}),
        ("numeric", numeric(3, 5), {"$Type": "Edm.Decimal", "$Precision": 5, "$Scale": 5}),
        ("text", -1, {}),
        ("varchar", -1, {}),
        ("varchar", 14, {"$MaxLength": 10}),
        ("bpchar", 9, {"$MaxLength": 5}),
        ("uuid", -1, {"$Type": "Edm.Guid"}),
        ("bytea", -1, {"$Type": "Edm.Binary"}),
        ("date", -1, {"$Type": "Edm.Date"}),
        ("time", -1, {"$Type": "Edm.TimeOfDay", "$Precision": 6}),
        ("timestamp", 0, {"$Type": "Edm.DateTimeOffset", "$Precision": 6}),
        ("timestamptz", -1, {"$Type": "Edm.DateTimeOffset", "$Precision": 6, "@Gateway.PgType": "timestamptz"}),
        ("interval", 0x7FFF0003, {"$Type": "Edm.Duration", "$Precision": 6}),
        ("interval", -1, {"$Type": "Edm.Duration", "$Precision": 6}),
        ("_int4", -1, {}),
        ("mood", -1, {}),
        ("inet", -1, {}),
    ],
)
def test_types_and_facets(type_, modifier, expected):
    assert property_of(column("a", type_, modifier=modifier), "a", TYPES, is_key=False) == expected | NULLABLE


def test_a_column_that_is_not_null_is_not_nullable():
    assert property_of(column("a", "text", not_null=True), "a", TYPES, is_key=False) == {}


def test_a_key_of_a_materialized_view_is_not_nullable():
    assert property_of(column("a", "text"), "a", TYPES, is_key=True) == {}


def test_a_name_that_is_no_identifier_keeps_its_column():
    assert property_of(column("a b", "text"), "a_b", TYPES, is_key=True) == {"@Gateway.Column": "a b"}


def test_a_comment_is_the_description():
    assert property_of(column("a", "text", comment=" One.\nTwo. "), "a", TYPES, is_key=True) == {
        "@Core.Description": "One.",
        "@Core.LongDescription": "One.\nTwo.",
    }


def test_values_that_the_database_makes_are_computed():
    assert property_of(column("a", "text", is_computed=True), "a", TYPES, is_key=True) == {"@Core.Computed": True}


@pytest.mark.parametrize(
    "name", ["password", "encrypted_password", "passwd", "api_token", "token", "client_secret", "SSN", "apiKey", "api_key"]
)
def test_names_of_secrets(name):
    assert SECRET_NAMES.search(name)


@pytest.mark.parametrize("name", ["passenger", "tokens_used", "session", "lesson", "keyword", "key", "passport_no", "token_count"])
def test_names_that_are_not_those_of_secrets(name):
    assert not SECRET_NAMES.search(name)
