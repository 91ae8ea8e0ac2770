"""The key of a relation is an index that proves it."""

import pytest
from odata_gateway.introspection.keys import relation_key
from tests.unit.introspection.catalogs import column, table

CODE = column("code", "text", not_null=True)


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        (table("t", "id", "a"), ("id",)),
        (table("t", "a", "b", key=("b", "a")), ("b", "a")),
        (table("t", "id", CODE, unique=[("code",)]), ("id",)),
        (table("t", CODE, key=(), unique=[("code",)]), ("code",)),
        (table("t", CODE, column("a", not_null=True), key=(), unique=[("code", "a"), ("code",)]), ("code",)),
        (table("m", column("id"), key=(), unique=[("id",)], kind="m"), ("id",)),
        (table("t", column("f", "float8", not_null=True), CODE, key=("f",), unique=[("code",)]), ("code",)),
    ],
    ids=["primary", "order of the index", "primary before unique", "unique", "the smallest", "materialized view", "no float"],
)
def test_the_key_of_a_relation(relation, expected):
    assert relation_key(relation) == expected


@pytest.mark.parametrize(
    "relation",
    [
        table("t", "a", key=()),
        table("t", column("code", "text"), key=(), unique=[("code",)]),
        table("t", column("f", "float8", not_null=True), key=("f",)),
        table("t", column("b", "bytea", not_null=True), key=("b",)),
        table("t", column("id", not_null=True, readable=False)),
    ],
    ids=["no index", "may be null", "float", "binary", "not readable"],
)
def test_a_relation_without_a_key(relation):
    assert relation_key(relation) is None
