"""CHECK constraints, as Postgres writes them, become annotations only where that is certain."""

import pytest
from odata_gateway.introspection.checks import annotations_of_checks


def allowed(*values):
    return {"@Validation.AllowedValues": [{"Value": value} for value in values]}


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("(VALUE > 0)", {"@Validation.Minimum": 1}),
        ("(VALUE >= 0)", {"@Validation.Minimum": 0}),
        ("((VALUE >= 1) AND (VALUE <= 5))", {"@Validation.Minimum": 1, "@Validation.Maximum": 5}),
        ("((VALUE >= 1) AND ((VALUE < 10) AND (VALUE <> 7)))", {"@Validation.Minimum": 1, "@Validation.Maximum": 9}),
        ("(VALUE >= '-5'::integer)", {"@Validation.Minimum": -5}),
        ("((VALUE > 0) OR (VALUE < '-10'::integer))", {}),
        ("((VALUE IS NULL) OR (VALUE > 0))", {}),
        ("(VALUE > (other + 1))", {}),
        ("(length(VALUE) > 3)", {}),
        ("(VALUE = ANY (ARRAY['a'::text, 'it''s'::text]))", allowed("a", "it's")),
        ("((VALUE)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))", allowed("a", "b")),
        ("(VALUE = 'only'::text)", allowed("only")),
        ("(VALUE ~ '^[^@]+@[^@]+$'::text)", {"@Validation.Pattern": "^[^@]+@[^@]+$"}),
        (r"(VALUE ~ '^\d{3}-\d{4}$'::text)", {"@Validation.Pattern": r"^\d{3}-\d{4}$"}),
        ("((VALUE)::text ~ '^[A-Z]{2}( OR )?$'::text)", {"@Validation.Pattern": "^[A-Z]{2}( OR )?$"}),
        ("(VALUE ~ '^[[:alpha:]]+$'::text)", {}),
        (r"(VALUE ~ '\mword\M'::text)", {}),
        (r"(VALUE ~ '^\w+$'::text)", {}),
        ("(VALUE ~ '***:(?i)x'::text)", {}),
        ("(VALUE ~ '(?i)x'::text)", {}),
        ("(VALUE ~* '^a$'::text)", {}),
        ("(VALUE ~~ '%@%'::text)", {}),
        ("(NOT (VALUE > 0))", {}),
    ],
)
def test_certain_constraints(check, expected):
    assert annotations_of_checks([check], is_integer=True) == expected


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("(VALUE > (0)::numeric)", {}),
        ("(VALUE >= (0)::numeric)", {"@Validation.Minimum": 0}),
        ("(VALUE <= 99.5)", {"@Validation.Maximum": 99.5}),
        ("(VALUE <= (0.5)::double precision)", {"@Validation.Maximum": 0.5}),
    ],
)
def test_bounds_of_other_numbers(check, expected):
    assert annotations_of_checks([check], is_integer=False) == expected
