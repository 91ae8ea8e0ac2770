"""Comparisons with null, with NaN, and beside columns that must stay bare for their index: their SQL, as a table.

What these mean is asked of Postgres in tests/live (the oracle); here stands what must not change by accident.
"""

from __future__ import annotations

import pytest
from odata_gateway.sql.fragment import finish
from odata_gateway.sql.relation import Relations
from odata_gateway.types import floats
from tests.harness import cases


def sql_of(text):
    """(where null may stand for false, where it may not), with short names of columns."""
    query, relations = cases.bound(f"Message?$select=id&$compute={text} as v&$orderby=v"), Relations(many_accounts=False)
    relations.enter(query.block)
    expr = query.order[0].expr
    found = (relations.expressions.condition(expr), relations.expressions.value(expr))
    return tuple(finish(sql).text.replace("t0.", "").replace('"', "") for sql in found)


# id is never null, content and status may be
@pytest.mark.parametrize(
    ("text", "condition", "value"),
    [
        ("id eq 1", "(id = $1::int8)", "(id = $1::int8)"),
        ("id ne 1", "(id <> $1::int8)", "(id <> $1::int8)"),
        ("status eq 1", "(status = $1::int8)", "((status = $1::int8) IS TRUE)"),
        ("status ne 1", "((status = $1::int8) IS NOT TRUE)", "((status = $1::int8) IS NOT TRUE)"),
        ("status lt 1", "(status < $1::int8)", "((status < $1::int8) IS TRUE)"),
        ("1 ge status", "(status <= $1::int8)", "((status <= $1::int8) IS TRUE)"),
        ("status eq message_type", "(status IS NOT DISTINCT FROM message_type)", "(status IS NOT DISTINCT FROM message_type)"),
        ("status ne message_type", "(status IS DISTINCT FROM message_type)", "(status IS DISTINCT FROM message_type)"),
        ("status eq id", "(status = id)", "((status = id) IS TRUE)"),
        # the null literal
        ("content eq null", "(content IS NULL)", "(content IS NULL)"),
        ("null ne content", "(content IS NOT NULL)", "(content IS NOT NULL)"),
        ("content lt null", "false::bool", "false::bool"),
        ("null eq null", "true::bool", "true::bool"),
        ("null ne null", "false::bool", "false::bool"),
        # lists
        ("status in (1,2)", "(status = ANY($1::int8[]))", "((status = ANY($1::int8[])) IS TRUE)"),
        # infinite times, which are null: no value equals one, and an order has the end of the column as a second bound
        ("created_at eq null", "(C IS NULL OR C = 'infinity' OR C = '-infinity')", "(C IS NULL OR C = 'infinity' OR C = '-infinity')"),
        ("created_at ne null", "(C IS NOT NULL AND C > '-infinity' AND C < 'infinity')", "(C IS NOT NULL AND C > '-infinity' AND C < 'infinity')"),
        ("created_at eq 2021-01-01T00:00:00Z", "(C = $1::text::timestamp)", "((C = $1::text::timestamp) IS TRUE)"),
        ("created_at ne 2021-01-01T00:00:00Z", "((C = $1::text::timestamp) IS NOT TRUE)", "((C = $1::text::timestamp) IS NOT TRUE)"),
        ("created_at in (2021-01-01T00:00:00Z,2021-01-02T00:00:00Z)", "(C = ANY($1::text[]::timestamp[]))", "((C = ANY($1::text[]::timestamp[])) IS TRUE)"),
        ("created_at le 2021-01-01T00:00:00Z", "((C <= $1::text::timestamp) AND C > '-infinity')", "(((C <= $1::text::timestamp) AND C > '-infinity') IS TRUE)"),
        ("2021-01-01T00:00:00Z lt created_at", "((C > $1::text::timestamp) AND C < 'infinity')", "(((C > $1::text::timestamp) AND C < 'infinity') IS TRUE)"),
        ("created_at gt now()", "((C > (now() AT TIME ZONE 'UTC')) AND C < 'infinity')", "(((C > (now() AT TIME ZONE 'UTC')) AND C < 'infinity') IS TRUE)"),
        ("created_at lt updated_at", "(((C < U) AND C > '-infinity') AND U < 'infinity')", "((((C < U) AND C > '-infinity') AND U < 'infinity') IS TRUE)"),
        ("created_at eq updated_at", "(CV IS NOT DISTINCT FROM UV)", "(CV IS NOT DISTINCT FROM UV)"),
        ("created_at ne updated_at", "(CV IS DISTINCT FROM UV)", "(CV IS DISTINCT FROM UV)"),
        # NaN, which Postgres has equal to itself and above all numbers, equals nothing: X stands for id mul 1e0, Y and Z for others
        ("id mul 1e0 eq 1e0", "(nullif(X, 'NaN') = $3::float8)", "((nullif(X, 'NaN') = $3::float8) IS TRUE)"),
        ("id mul 1e0 ne 1e0", "((nullif(X, 'NaN') = $3::float8) IS NOT TRUE)", "((nullif(X, 'NaN') = $3::float8) IS NOT TRUE)"),
        ("status mul 1e0 eq message_type mul 1e0",
         "(CASE WHEN Y = 'NaN' OR Z = 'NaN' THEN false ELSE (nullif(Y, 'NaN') IS NOT DISTINCT FROM nullif(Z, 'NaN')) END)",
         "(CASE WHEN Y = 'NaN' OR Z = 'NaN' THEN false ELSE (nullif(Y, 'NaN') IS NOT DISTINCT FROM nullif(Z, 'NaN')) END)"),
        ("status mul 1e0 ne message_type mul 1e0",
         "(CASE WHEN Y = 'NaN' OR Z = 'NaN' THEN true ELSE (nullif(Y, 'NaN') IS DISTINCT FROM nullif(Z, 'NaN')) END)",
         "(CASE WHEN Y = 'NaN' OR Z = 'NaN' THEN true ELSE (nullif(Y, 'NaN') IS DISTINCT FROM nullif(Z, 'NaN')) END)"),
    ],
)  # fmt: skip
def test_the_sql_of_a_comparison(text, condition, value):
    found = sql_of(text)
    for name, column, number in (("X", "id", 2), ("Y", "status", 2), ("Z", "message_type", 3)):
        product = floats.MUL.format(f"{column}::float8", f"${number}::float8")
        product = f"(CASE WHEN account_id = $1::int8 THEN {product} END)"  # what can fail is computed behind the policy
        found = tuple(sql.replace(product, name) for sql in found)
    for name, column in (("C", "created_at"), ("U", "updated_at")):
        finite = f"(CASE WHEN {column} > '-infinity' AND {column} < 'infinity' THEN {column} END)"
        found = tuple(sql.replace(finite, f"{name}V").replace(column, name) for sql in found)
    assert found == (condition, value)
