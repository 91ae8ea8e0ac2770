"""The table of canonical functions and the choice of an overload."""

import pytest
from odata_gateway.edm.functions import UNSUPPORTED, resolve
from odata_gateway.errors import BindName, BindType, Unsupported
from odata_gateway.types import primitive as types
from odata_gateway.types.primitive import PRIMITIVE_TYPES
from odata_gateway.types.registry import FUNCTIONS

S, INT, D, DT = types.STRING, types.INT32, types.DECIMAL, types.DATETIME
DATE, TIME, DUR = types.DATE, types.TIME, types.DURATION

# URL Conventions 4.01, sections 5.1.1.5 to 5.1.1.9.
GEOG, GEOM = types.PRIMITIVE_TYPES["Edm.Geography"], types.PRIMITIVE_TYPES["Edm.Geometry"]
STANDARD = {
    "concat": [((S, S), S)],
    "contains": [((S, S), types.BOOLEAN)],
    "endswith": [((S, S), types.BOOLEAN)],
    "indexof": [((S, S), INT)],
    "length": [((S,), INT)],
    "startswith": [((S, S), types.BOOLEAN)],
    "substring": [((S, INT), S), ((S, INT, INT), S)],
    "tolower": [((S,), S)],
    "toupper": [((S,), S)],
    "trim": [((S,), S)],
    "matchespattern": [((S, S), types.BOOLEAN)],
    "year": [((DATE,), INT), ((DT,), INT)],
    "month": [((DATE,), INT), ((DT,), INT)],
    "day": [((DATE,), INT), ((DT,), INT)],
    "hour": [((DT,), INT), ((TIME,), INT)],
    "minute": [((DT,), INT), ((TIME,), INT)],
    "second": [((DT,), INT), ((TIME,), INT)],
    "fractionalseconds": [((DT,), D), ((TIME,), D)],
    "date": [((DT,), DATE)],
    "time": [((DT,), TIME)],
    "totaloffsetminutes": [((DT,), INT)],
    "totalseconds": [((DUR,), D)],
    "now": [((), DT)],
    "mindatetime": [((), DT)],
    "maxdatetime": [((), DT)],
    "round": [((D,), D), ((types.DOUBLE,), types.DOUBLE)],
    "floor": [((D,), D), ((types.DOUBLE,), types.DOUBLE)],
    "ceiling": [((D,), D), ((types.DOUBLE,), types.DOUBLE)],
    "geo.distance": [((GEOG, GEOG), types.DOUBLE), ((GEOM, GEOM), types.DOUBLE)],
    "geo.intersects": [((GEOG, GEOG), types.BOOLEAN), ((GEOM, GEOM), types.BOOLEAN)],
    "geo.length": [((GEOG,), types.DOUBLE), ((GEOM,), types.DOUBLE)],
}
CASES = [(name, arguments, result) for name, overloads in STANDARD.items() for arguments, result in overloads]


def test_the_table_holds_functions_of_the_standard_and_no_others():
    assert {name: len(overloads) for name, overloads in FUNCTIONS.items()} == {n: len(o) for n, o in STANDARD.items()}


@pytest.mark.parametrize(("name", "arguments", "result"), CASES)
def test_each_overload_of_the_standard_is_found(name, arguments, result):
    signature = resolve(name, arguments)
    assert signature.result is result
    assert signature in FUNCTIONS[name]
    assert signature.id.startswith(name) and signature.name == name


def test_ids_are_unique():
    ids = [s.id for overloads in FUNCTIONS.values() for s in overloads]
    assert len(ids) == len(set(ids))


def test_every_integer_is_taken_where_a_decimal_is_rounded():
    for name in ("round", "floor", "ceiling"):
        for primitive in PRIMITIVE_TYPES.values():
            if primitive.is_integer:
                assert resolve(name, (primitive,)).id == f"{name}.decimal"
        assert resolve(name, (types.SINGLE,)).result is types.DOUBLE


@pytest.mark.parametrize("name", [n for n, o in STANDARD.items() if o[0][0]])
def test_a_null_literal_fits_every_argument(name):
    for arguments, _ in STANDARD[name]:
        assert resolve(name, (None,) * len(arguments))


@pytest.mark.parametrize("name", ["CONTAINS", "Contains"])
def test_names_ignore_case(name):
    assert resolve(name, (S, S))


@pytest.mark.parametrize("name", [*UNSUPPORTED, "geo.anything"])
def test_functions_that_are_not_served_answer_501(name):
    with pytest.raises(Unsupported):
        resolve(name, (S, S))


def test_an_unknown_name_gets_a_near_one():
    with pytest.raises(BindName) as caught:
        resolve("lenght", (S,), target="$filter", at=7)
    assert str(caught.value) == "$filter at 7: there is no function 'lenght'; did you mean 'length'?"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("length", (), "length takes 1 argument, not 0; write length(String)"),
        ("now", (S,), "now takes 0 arguments, not 1; write now()"),
        ("indexof", (S,), "indexof takes 2 arguments, not 1; write indexof(String, String)"),
        ("Year", (S,), "year cannot be applied to (Edm.String); write year(Date) or year(DateTimeOffset)"),
        ("contains", (S, None, S), "contains takes 2 arguments, not 3; write contains(String, String)"),
        ("contains", (INT, None), "contains cannot be applied to (Edm.Int32, null); write contains(String, String)"),
        ("round", (S,), "round cannot be applied to (Edm.String); write round(Decimal|integer) or round(Double|Single)"),
    ],
)
def test_a_misfit_says_what_fits(name, arguments, message):
    with pytest.raises(BindType) as caught:
        resolve(name, arguments)
    assert str(caught.value) == message


def test_a_wrong_number_of_arguments_names_every_number_that_fits():
    with pytest.raises(BindType, match="substring takes 2 or 3 arguments, not 1"):
        resolve("substring", (S,))


def test_every_wrong_type_is_refused():
    """Each single-argument overload takes the families of the table and no other."""
    for name, overloads in STANDARD.items():
        for primitive in PRIMITIVE_TYPES.values():
            if len(overloads[0][0]) != 1:
                continue
            families = {a[0].family for a, _ in overloads} | (
                {INT.family, types.SINGLE.family} if name in ("round", "floor", "ceiling") else set()
            )
            is_line = not name.startswith("geo.") or primitive.name.endswith(("Geography", "Geometry", "LineString"))
            if primitive.family in families and is_line:
                resolve(name, (primitive,))
            else:
                with pytest.raises(BindType):
                    resolve(name, (primitive,))
