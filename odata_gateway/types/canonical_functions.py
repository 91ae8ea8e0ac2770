"""The canonical functions as a table (URL Conventions 4.01, sections 5.1.1.5 to 5.1.1.9 and
5.1.1.11).

Every function answers null for a null argument (5.1.1.4), and parts of a time for an infinite one,
which Postgres has and OData has not. An integer given to round, floor or ceiling is promoted to
Edm.Decimal, which holds each of its values; Edm.Single to Edm.Double (5.1.1.18). cast, isof and
lambdas need more than types and are not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import LiteralString

from odata_gateway.types.families.boolean import BOOLEAN
from odata_gateway.types.families.date import DATE, DATES
from odata_gateway.types.families.datetime import DATETIME, DATETIMES
from odata_gateway.types.families.decimal import DECIMAL, DECIMALS
from odata_gateway.types.families.double import DOUBLE, DOUBLES, SINGLES
from odata_gateway.types.families.duration import DURATIONS, SECONDS
from odata_gateway.types.families.geo import (
    GEOGRAPHIES,
    GEOMETRIES,
    GeoFamily,
    functions_at,
    located_type,
)
from odata_gateway.types.families.integer import INT32, INTEGERS
from odata_gateway.types.families.string import STRING, STRINGS
from odata_gateway.types.families.time import TIME, TIMES
from odata_gateway.types.family import PrimitiveType
from odata_gateway.types.faults import ValueFault
from odata_gateway.types.function import (
    FunctionArgument,
    FunctionOverload,
    LocatedFunction,
    takes,
)

# What Unicode calls white space; btrim alone takes blanks only.
_BLANKS = (
    "E' \\t\\n\\u000B\\f\\r\\u0085\\u00A0\\u1680"
    "\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005\\u2006\\u2007\\u2008\\u2009\\u200A"
    "\\u2028\\u2029\\u202F\\u205F\\u3000'"
)

# Postgres counts positions in int4: larger numbers reach past the end of any string as well. CASE,
# because least and greatest skip nulls.
_INT4 = (
    "CASE WHEN {1} > 2147483646 THEN 2147483646 "
    "WHEN {1} < -2147483647 THEN -2147483647 ELSE {1}::int4 END"
)
_START = f"CASE WHEN {{1}} < 0 THEN greatest(length({{0}}) + {_INT4}, 0) ELSE {_INT4} END + 1"
_LENGTH = "CASE WHEN {2} > 2147483646 THEN 2147483646 ELSE {2}::int4 END"

# ISO 8601 has a year 0, Postgres has not: 44 BC is -43.
_YEAR = (
    "CASE WHEN isfinite({0}) THEN extract(year from {0})::int4 "
    "+ CASE WHEN {0} < '0001-01-01' THEN 1 ELSE 0 END END"
)


def _part(field: LiteralString) -> LiteralString:
    return f"CASE WHEN isfinite({{0}}) THEN extract({field} from {{0}})::int4 END"


def _total(
    id_: str,
    result: PrimitiveType,
    arguments: tuple[FunctionArgument, ...],
    sql: LiteralString,
    *,
    pattern_sql: LiteralString | None = None,
    searches: bool = False,
    pairs_cases: bool = False,
) -> FunctionOverload:
    """A function that has a result for all values."""
    return FunctionOverload(
        id_,
        result,
        arguments,
        sql,
        pattern_sql,
        can_fail=False,
        searches=searches,
        folds=searches,
        pairs_cases=pairs_cases,
    )


_TEXT = takes(STRINGS)
_NUMBER = takes(INTEGERS)
_EXACT = takes(DECIMALS, INTEGERS)
_FLOAT = takes(DOUBLES, SINGLES)
_DAY = takes(DATES)
_TIME = takes(TIMES)
# A literal with an offset would be read in another zone than a column.
_INSTANT = takes(DATETIMES, mode="utc")

STRING_FUNCTIONS = (  # 5.1.1.5, 5.1.1.7; positions count from 0
    _total("concat", STRING, (_TEXT, _TEXT), "({0} || {1})"),
    # Without a literal pattern there is nothing to escape: plain string search.
    _total(
        "contains",
        BOOLEAN,
        (_TEXT, takes(STRINGS, mode="infix")),
        "(strpos({0}, {1}) > 0)",
        pattern_sql="({0} LIKE {1})",
        searches=True,
    ),
    _total(
        "endswith",
        BOOLEAN,
        (_TEXT, takes(STRINGS, mode="suffix")),
        "(right({0}, length({1})) = {1})",
        pattern_sql="({0} LIKE {1})",
        searches=True,
    ),
    _total("indexof", INT32, (_TEXT, _TEXT), "(strpos({0}, {1}) - 1)", searches=True),
    _total("length", INT32, (_TEXT,), "length({0})"),
    _total(
        "startswith",
        BOOLEAN,
        (_TEXT, takes(STRINGS, mode="prefix")),
        "starts_with({0}, {1})",
        pattern_sql="({0} LIKE {1})",
        searches=True,
    ),
    FunctionOverload("substring", STRING, (_TEXT, _NUMBER), f"substr({{0}}, {_START})"),
    FunctionOverload(
        "substring.length",
        STRING,
        (_TEXT, _NUMBER, _NUMBER),
        f"substr({{0}}, {_START}, {_LENGTH})",
    ),
    _total("tolower", STRING, (_TEXT,), "lower({0})", pairs_cases=True),
    _total("toupper", STRING, (_TEXT,), "upper({0})", pairs_cases=True),
    _total("trim", STRING, (_TEXT,), "btrim({0}, " + _BLANKS + ")"),
    FunctionOverload(
        "matchespattern",
        BOOLEAN,
        (_TEXT, takes(STRINGS, mode="pattern", literal_only=True)),
        "({0} ~ {1})",
        can_fail=False,
        spelling="matchesPattern",
        searches=True,
    ),
)

TIME_FUNCTIONS = (  # 5.1.1.8, in UTC
    _total("year.date", INT32, (_DAY,), _YEAR),
    _total("year.datetime", INT32, (_INSTANT,), _YEAR),
    _total("month.date", INT32, (_DAY,), _part("month")),
    _total("month.datetime", INT32, (_INSTANT,), _part("month")),
    _total("day.date", INT32, (_DAY,), _part("day")),
    _total("day.datetime", INT32, (_INSTANT,), _part("day")),
    _total("hour.datetime", INT32, (_INSTANT,), _part("hour")),
    _total("hour.time", INT32, (_TIME,), "extract(hour from {0})::int4"),
    _total("minute.datetime", INT32, (_INSTANT,), _part("minute")),
    _total("minute.time", INT32, (_TIME,), "extract(minute from {0})::int4"),
    _total(
        "second.datetime",
        INT32,
        (_INSTANT,),
        "CASE WHEN isfinite({0}) THEN floor(extract(second from {0}))::int4 END",
    ),
    _total("second.time", INT32, (_TIME,), "floor(extract(second from {0}))::int4"),
    _total(
        "fractionalseconds.datetime",
        DECIMAL,
        (_INSTANT,),
        "CASE WHEN isfinite({0}) THEN extract(second from {0}) % 1 END",
    ),
    _total("fractionalseconds.time", DECIMAL, (_TIME,), "(extract(second from {0}) % 1)"),
    _total("date.datetime", DATE, (_INSTANT,), "CASE WHEN isfinite({0}) THEN {0}::date END"),
    _total("time.datetime", TIME, (_INSTANT,), "{0}::time"),
    FunctionOverload(
        "totaloffsetminutes",
        INT32,
        (_INSTANT,),
        "CASE WHEN isfinite({0}) THEN 0 END",
        zoned_sql="CASE WHEN isfinite({0}) THEN (extract(epoch from {1} - {0}) / 60)::int4 END",
        can_fail=False,
    ),
    FunctionOverload("totalseconds", DECIMAL, (takes(DURATIONS),), SECONDS),
    _total("now", DATETIME, (), "(now() AT TIME ZONE 'UTC')"),
    _total("mindatetime", DATETIME, (), "timestamp '4714-11-24 00:00:00 BC'"),
    _total("maxdatetime", DATETIME, (), "timestamp '294276-12-31 23:59:59.999999'"),
)

NUMBER_FUNCTIONS = (  # 5.1.1.9; round goes half away from zero
    FunctionOverload("round.decimal", DECIMAL, (_EXACT,), "round({0}::numeric)"),
    # round(float8) goes half to even, and a detour over numeric keeps 15 digits only
    FunctionOverload(
        "round.double",
        DOUBLE,
        (_FLOAT,),
        "(trunc({0}) + CASE WHEN abs({0} - trunc({0})) >= 0.5 THEN sign({0}) ELSE 0 END)",
    ),
    FunctionOverload("floor.decimal", DECIMAL, (_EXACT,), "floor({0}::numeric)"),
    FunctionOverload("floor.double", DOUBLE, (_FLOAT,), "floor({0})"),
    FunctionOverload("ceiling.decimal", DECIMAL, (_EXACT,), "ceil({0}::numeric)"),
    FunctionOverload("ceiling.double", DOUBLE, (_FLOAT,), "ceil({0})"),
)


# --- shapes (5.1.1.11) ----------------------------------------------------------------------------

# How far the box around a shape reaches, for an index, as in PostGIS's own functions. It is a
# little further than the distance, so that no rounding loses a row, and not around the earth.
_FURTHER = "greatest({2}, 0) * 1.000001 + 0.00001"
_WITHIN = {"geography": f"least({_FURTHER}, 3e7)", "geometry": _FURTHER}
_BESIDE = {"geography": "1", "geometry": "0"}
_EXPAND = {"geography": "_st_expand", "geometry": "st_expand"}
_LINES = ("", "LineString", "MultiLineString")


def _shapes(kind: str, place: str | None, *, is_one_system: bool) -> tuple[FunctionOverload, ...]:
    """The functions of geographies or geometries, where a database has PostGIS. OData has them for
    few shapes; here they take all for which they have one meaning. Shapes in different coordinate
    systems have no distance, and neither intersect nor not: that is null.

    is_one_system  both arguments are known to be in the same coordinate system
    """
    at, family = functions_at(place), GEOGRAPHIES if kind == "geography" else GEOMETRIES
    shape = takes(family)
    line = replace(shape, names=frozenset(f"Edm.{family.label}{each}" for each in _LINES))
    same = "" if is_one_system else f"{at}st_srid({{0}}) = {at}st_srid({{1}})"
    is_line = f"{at}st_geometrytype({{0}}::{at}geometry) ~ 'LineString'"
    box = f"({{0}} OPERATOR({at}&&) {at}{_EXPAND[kind]}({{1}}, "

    def overload(
        name: str, result: PrimitiveType, when: str, *arguments: FunctionArgument, index: str = ""
    ) -> FunctionOverload:
        operands = ", ".join(f"{{{number}}}" for number in range(len(arguments)))
        call = f"{at}st_{name}({operands})"
        return FunctionOverload(
            f"geo.{name}.{kind}.{is_one_system:d}.{place or ''}",
            result,
            arguments,
            _sql(f"(CASE WHEN {when} THEN {call} END)" if when else call),
            spelling=f"geo.{name}",
            is_listed=False,
            can_miss=True,
            located=partial(_located, name),
            index_sql=_sql(f"{box}{index}))") if index else None,
        )

    return (
        overload("distance", DOUBLE, same, shape, shape, index=_WITHIN[kind]),
        overload("intersects", BOOLEAN, same, shape, shape, index=_BESIDE[kind]),
        overload("length", DOUBLE, is_line, line),
    )


def _sql(text: str) -> LiteralString:
    """A template that is made of the quoted name of a schema."""
    return text


def _located(name: str, types: Sequence[PrimitiveType]) -> LocatedFunction:
    """A function of shapes, given the types of those arguments that are no literals."""
    families = [type_.family for type_ in types if isinstance(type_.family, GeoFamily)]
    systems = {family.srid for family in families}
    if len(systems - {None}) > 1:
        listed = " and ".join(f"SRID {srid}" for srid in sorted(systems - {None}, key=str))
        raise ValueFault("type", f"values in different coordinate systems, with {listed}")
    family, is_one = families[0], len(systems) == 1 and None not in systems
    srid = next(iter(systems)) if is_one else None
    overload = geo_overload(f"geo.{name}.{family.name}.{is_one:d}.{family.place or ''}")
    assert overload is not None
    return LocatedFunction(overload, located_type(f"Edm.{family.label}", family.place, srid))


@cache
def geo_overload(id_: str) -> FunctionOverload | None:
    """The function of such an id in the schema that the id ends with; None for another one."""
    prefix, *parts = id_.split(".", 4)
    if prefix != "geo" or len(parts) < 4:
        return None
    name, kind, is_one, place = parts
    found = _shapes(kind, place or None, is_one_system=is_one == "1")
    return next(each for each in found if each.spelling == f"geo.{name}")


GEO_FUNCTIONS = (
    *_shapes("geography", None, is_one_system=False),
    *_shapes("geometry", None, is_one_system=False),
)


def _internal(
    id_: str,
    result: PrimitiveType,
    arguments: tuple[FunctionArgument, ...],
    sql: LiteralString,
    *,
    searches: bool = False,
    pairs_cases: bool = False,
) -> FunctionOverload:
    return FunctionOverload(
        id_,
        result,
        arguments,
        sql,
        can_fail=False,
        is_listed=False,
        is_internal=True,
        searches=searches,
        pairs_cases=pairs_cases,
    )


INTERNAL_FUNCTIONS = (
    # a word of $search, in any case
    _internal(
        "search", BOOLEAN, (_TEXT, _TEXT), "({0} ILIKE {1})", searches=True, pairs_cases=True
    ),
    # What orders texts of any length in a link of any length: their beginning, and then their
    # digest.
    _internal("start", STRING, (_TEXT,), "left({0}, 200)"),
    _internal("digest", STRING, (_TEXT,), "md5({0})"),
    # A value if it obeys the facets of a type definition: MaxLength; Scale, and the digits that
    # Precision leaves before the point.
    _internal("fit.text", STRING, (_TEXT, _NUMBER), "CASE WHEN length({0}) <= {1} THEN {0} END"),
    _internal(
        "fit.decimal",
        DECIMAL,
        (_NUMBER, _NUMBER, _NUMBER),
        "CASE WHEN abs(round({0}::numeric, {1}::int4)) < 10::numeric ^ {2} "
        "THEN round({0}::numeric, {1}::int4) END",
    ),
    # whether a value of flags has all flags of another one
    _internal("has", BOOLEAN, (_NUMBER, _NUMBER), "(({0}) & ({1}) = ({1}))"),
)

CANONICAL_FUNCTIONS = (
    *STRING_FUNCTIONS,
    *TIME_FUNCTIONS,
    *NUMBER_FUNCTIONS,
    *GEO_FUNCTIONS,
    *INTERNAL_FUNCTIONS,
)


_WORDS = "words."


def words_function(config: str) -> str:
    """The id of the function that looks for a word or phrase in a tsvector, by a text search
    configuration."""
    return _WORDS + config


@cache
def words_overload(id_: str) -> FunctionOverload | None:
    """The function of such an id; None for another one."""
    if not id_.startswith(_WORDS):
        return None
    config = id_.removeprefix(_WORDS)
    sql = "({0} @@ phraseto_tsquery('" + config + "'::regconfig, {1}))"
    return _internal(id_, BOOLEAN, (_TEXT, _TEXT), sql)
