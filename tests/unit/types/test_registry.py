"""Every family and every function is complete, and the tables of the registry are made of them."""

import re
from string import Formatter

import pytest
from odata_gateway.types.casts import cast_template, castable
from odata_gateway.types.registry import (
    FAMILIES,
    FUNCTIONS,
    LITERAL_PREFIXES,
    LITERAL_TYPES,
    OPERATIONS,
    OVERLOADS,
    PRIMITIVE_TYPES,
    registered,
)

TYPES = list(PRIMITIVE_TYPES.values())
COLUMN_TYPES = {
    "Edm.Boolean": "bool", "Edm.String": "text", "Edm.SByte": "int2", "Edm.Byte": "int2", "Edm.Int16": "int2", "Edm.Int32": "int4",
    "Edm.Int64": "int8", "Edm.Decimal": "numeric", "Edm.Single": "float4", "Edm.Double": "float8", "Edm.DateTimeOffset": "timestamp",
    "Edm.Date": "date", "Edm.TimeOfDay": "time", "Edm.Duration": "interval", "Edm.Guid": "uuid", "Edm.Binary": "bytea", "Edm.Stream": "bytea", "Edm.Untyped": "jsonb",
    **{f"Edm.{kind}{shape}": kind.lower() for kind in ("Geography", "Geometry")
       for shape in ("", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "Collection")},
}  # fmt: skip


def holes(template):
    return {int(name) for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_the_types_of_csdl_are_there_with_their_column_types():
    assert {type_.name: type_.pg_type for type_ in TYPES} == COLUMN_TYPES
    assert {type_ for family in FAMILIES for type_ in family.TYPES} == set(TYPES)


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.name)
def test_a_family_knows_each_column_type_it_reads_and_each_name_it_uses(type_):
    names = {other.family.name for other in TYPES}
    assert type_.column_types[0] == type_.pg_type
    assert set(type_.casts) <= names and set(type_.family.literal.hints) <= {*names, ""}
    assert {rule.result for rule in type_.aggregates.values()} <= {None, *PRIMITIVE_TYPES}
    assert ({"min", "max"} <= set(type_.aggregates)) is type_.family.is_ordered
    assert ("sum" in type_.aggregates) is type_.is_numeric is ("average" in type_.aggregates)
    for operation in type_.family.operations:
        assert operation.result in PRIMITIVE_TYPES and {operation.left, operation.right} <= names


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.name)
def test_a_template_of_a_type_takes_its_value(type_):
    family = type_.family
    templates = [family.text, *type_.casts.values(), *(rule.call for rule in type_.aggregates.values())]
    templates += [call for rule in type_.aggregates.values() for call in rule.further]
    assert all(holes(rule.outcome) == set(range(1 + len(rule.further))) for rule in type_.aggregates.values())
    templates += [t for t in (family.json.text, family.json.whole, family.link_literal) if t]
    for reading in family.columns.values():
        templates += [t for t in (reading.read, reading.pinned) if t]
        named = (reading.compared, reading.compared_list, reading.restored)
        assert all(holes(template) - {1} == {0} for template in named if template)
    templates += [family.negated, type_.of_numeric or family.text]
    assert all(holes(template) == {0} for template in templates)


def test_a_template_of_an_operator_takes_both_sides():
    assert all(holes(operation.sql) == {0, 1} for operation in OPERATIONS.values())
    assert all(holes(sql) == {0, 1} for type_ in TYPES for sql in type_.family.number_operators.values())


@pytest.mark.parametrize("overload", OVERLOADS.values(), ids=lambda overload: overload.id)
def test_a_template_of_a_function_uses_each_argument_it_has(overload):
    for template in filter(None, (overload.sql, overload.pattern_sql)):
        assert set(re.findall(r"(?<!\{)\{(\d)\}(?!\})", template)) == {str(i) for i in range(len(overload.arguments))}


def test_functions_are_found_by_name_and_by_id():
    public = {overload.id for overloads in FUNCTIONS.values() for overload in overloads}
    assert public == {id_ for id_, overload in OVERLOADS.items() if not overload.is_internal}
    assert all(overload.name == name for name, overloads in FUNCTIONS.items() for overload in overloads)


@pytest.mark.parametrize(("kind", "type_"), LITERAL_TYPES.items(), ids=LITERAL_TYPES)
def test_a_kind_of_literals_belongs_to_one_type(kind, type_):
    assert type_.literal_kind == kind
    assert [other for other in TYPES if other.literal_kind == kind] == [type_]
    prefix = type_.family.literal.prefix
    assert not prefix or LITERAL_PREFIXES[prefix] is type_


def test_every_type_has_a_cast_of_null_and_of_what_is_castable():
    for target in TYPES:
        assert cast_template(None, target) == f"NULL::{target.pg_type}"
        for source in TYPES:
            assert not castable(source, target) or holes(cast_template(source, target)) == {0}
    castables = {(s.family.name, t.family.name) for s in TYPES for t in TYPES if castable(s, t)}
    times = {pair for pair in castables if set(pair) <= {"datetime", "date", "time"}}
    assert times == {("datetime", "date"), ("datetime", "time"), ("date", "datetime")}
    assert not any("binary" in pair for pair in castables)


def test_what_is_registered_for_a_while_is_gone_afterwards():
    before = dict(PRIMITIVE_TYPES), dict(OVERLOADS), dict(FUNCTIONS)
    overload = OVERLOADS["length"]
    with pytest.raises(ZeroDivisionError), registered(overload):
        assert len(FUNCTIONS["length"]) == 2
        raise ZeroDivisionError
    assert before == (PRIMITIVE_TYPES, OVERLOADS, FUNCTIONS)
