"""Canonical functions and casts as SQL templates, keyed by the ids of edm.functions.

Every function of edm.functions is here; a test walks both tables. Templates give SQL NULL for a
NULL argument, as 5.1.1.4 asks.
"""

from __future__ import annotations

from odata_gateway.edm.types import DATETIME, SINGLE, PrimitiveType
from odata_gateway.errors import Unsupported
from odata_gateway.sql.fragment import Sql, fill
from odata_gateway.sql.pg_types import CANONICAL, TEXTS

# What Unicode calls white space; btrim alone takes blanks only.
_BLANKS = (
    "E' \\t\\n\\u000B\\f\\r\\u0085\\u00A0\\u1680"
    "\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005\\u2006\\u2007\\u2008\\u2009\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000'"
)

# Postgres counts positions in int4: larger numbers reach past the end of any string as well. CASE,
# because least and greatest skip nulls.
_INT4 = "CASE WHEN {1} > 2147483646 THEN 2147483646 WHEN {1} < -2147483647 THEN -2147483647 ELSE {1}::int4 END"
_START = f"CASE WHEN {{1}} < 0 THEN greatest(length({{0}}) + {_INT4}, 0) ELSE {_INT4} END + 1"
_LENGTH = "CASE WHEN {2} > 2147483646 THEN 2147483646 ELSE {2}::int4 END"


def _part(field: str) -> str:
    return f"CASE WHEN isfinite({{0}}) THEN extract({field} from {{0}})::int4 END"


def _year(value: str) -> str:
    """ISO 8601 has a year 0, Postgres has not: 44 BC is -43."""
    return f"CASE WHEN isfinite({value}) THEN extract(year from {value})::int4 + CASE WHEN {value} < '0001-01-01' THEN 1 ELSE 0 END END"


TEMPLATES: dict[str, str] = {
    "concat": "({0} || {1})",
    "contains": "({0} LIKE {1})",
    "startswith": "({0} LIKE {1})",
    "endswith": "({0} LIKE {1})",
    "indexof": "(strpos({0}, {1}) - 1)",
    "length": "length({0})",
    "substring": f"substr({{0}}, {_START})",
    "substring.length": f"substr({{0}}, {_START}, {_LENGTH})",
    "tolower": "lower({0})",
    "toupper": "upper({0})",
    "trim": "btrim({0}, " + _BLANKS + ")",
    "matchespattern": "({0} ~ {1})",
    "year.date": _year("{0}"),
    "year.datetime": _year("{0}"),
    "month.date": _part("month"),
    "month.datetime": _part("month"),
    "day.date": _part("day"),
    "day.datetime": _part("day"),
    "hour.datetime": _part("hour"),
    "hour.time": "extract(hour from {0})::int4",
    "minute.datetime": _part("minute"),
    "minute.time": "extract(minute from {0})::int4",
    "second.datetime": "CASE WHEN isfinite({0}) THEN floor(extract(second from {0}))::int4 END",
    "second.time": "floor(extract(second from {0}))::int4",
    "fractionalseconds.datetime": "CASE WHEN isfinite({0}) THEN extract(second from {0}) % 1 END",
    "fractionalseconds.time": "(extract(second from {0}) % 1)",
    "date.datetime": "{0}::date",
    "time.datetime": "{0}::time",
    "totaloffsetminutes": "CASE WHEN isfinite({0}) THEN 0 END",
    "totalseconds": "extract(epoch from {0})",
    "now": "(now() AT TIME ZONE 'UTC')",
    "mindatetime": "timestamp '4714-11-24 00:00:00 BC'",
    "maxdatetime": "timestamp '294276-12-31 23:59:59.999999'",
    "round.decimal": "round({0}::numeric)",
    # round(float8) goes half to even, and a detour over numeric keeps 15 digits only
    "round.double": "(trunc({0}) + CASE WHEN abs({0} - trunc({0})) >= 0.5 THEN sign({0}) ELSE 0 END)",
    "floor.decimal": "floor({0}::numeric)",
    "floor.double": "floor({0})",
    "ceiling.decimal": "ceil({0}::numeric)",
    "ceiling.double": "ceil({0})",
}

# Without a literal pattern there is nothing to escape: plain string search.
SEARCHES: dict[str, str] = {
    "contains": "(strpos({0}, {1}) > 0)",
    "startswith": "starts_with({0}, {1})",
    "endswith": "(right({0}, length({1})) = {1})",
}

# $search, which is no canonical function.
FOUND = "({0} ILIKE {1})"

# What orders texts of any length in a link of any length: their beginning, and then their digest.
# No canonical functions either.
KEYS: dict[str, str] = {"start": "left({0}, 200)", "digest": "md5({0})"}


def function_sql(id_: str, args: tuple[Sql, ...], *, pattern: bool = False) -> Sql:
    """A canonical function; `pattern` says that the second argument is an escaped LIKE pattern."""
    if id_ == "search":
        return fill(FOUND, args)
    if id_ in KEYS:
        return fill(KEYS[id_], args)
    template = SEARCHES.get(id_) if not pattern else None
    template = template or TEMPLATES.get(id_)
    if template is None:
        raise Unsupported(f"function {id_.partition('.')[0]} is not supported")
    return fill(template, args)


# --- cast (5.1.1.10.1): what cannot be cast is null -----------------------------------------------

_INTEGER = "^[+-]?[0-9]{{1,30}}$"
_NUMBER = "^[+-]?[0-9]{{1,200}}([.][0-9]{{1,200}})?([eE][+-]?[0-9]{{1,2}})?$"
_FLOAT = "^([+-]?[0-9]{{1,200}}([.][0-9]{{1,200}})?([eE][+-]?[0-9]{{1,2}})?|NaN|-?INF)$"
_DATE_PART = "[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME_PART = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{{1,12}})?)?"
_ZONE = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_DURATION = (
    "^-?P([0-9]{{1,6}}D)?(T([0-9]{{1,6}}H)?([0-9]{{1,6}}M)?([0-9]{{1,6}}([.][0-9]{{1,12}})?S)?)?$"
)
# Years from 1 on, and no day past the end of its month.
_REAL_DAY = (
    "substr({0}, 1, 4) <> '0000' AND substr({0}, 9, 2)::int4 <= CASE substr({0}, 6, 2) "
    "WHEN '02' THEN 28 + (CASE WHEN substr({0}, 1, 4)::int4 % 4 = 0 "
    "AND (substr({0}, 1, 4)::int4 % 100 <> 0 OR substr({0}, 1, 4)::int4 % 400 = 0) THEN 1 ELSE 0 END) "
    "WHEN '04' THEN 30 WHEN '06' THEN 30 WHEN '09' THEN 30 WHEN '11' THEN 30 ELSE 31 END"
)


def _guarded(pattern: str, result: str) -> str:
    """CASE evaluates its branches in order, so the conversion only sees text that passed."""
    return f"(CASE WHEN {{0}} ~ '{pattern}' THEN {result} END)"


FROM_STRING: dict[str, str] = {
    "boolean": "(CASE {0} WHEN 'true' THEN true WHEN 'false' THEN false END)",
    "decimal": _guarded(_NUMBER, "{0}::numeric"),
    "double": _guarded(_FLOAT, "replace({0}, 'INF', 'Infinity')::float8"),
    "datetime": f"(CASE WHEN {{0}} ~ '^{_DATE_PART}T{_TIME_PART}{_ZONE}?$' "
    f"THEN CASE WHEN {_REAL_DAY} THEN ((CASE WHEN {{0}} ~ '{_ZONE}$' THEN {{0}} ELSE {{0}} || 'Z' END)::timestamptz AT TIME ZONE 'UTC') "
    "END END)",
    "date": f"(CASE WHEN {{0}} ~ '^{_DATE_PART}$' THEN CASE WHEN {_REAL_DAY} THEN {{0}}::date END END)",
    "time": _guarded(f"^{_TIME_PART}$", "{0}::time"),
    "duration": _guarded(_DURATION, "CASE WHEN {0} !~ '[PT]$' THEN {0}::interval END"),
    "guid": _guarded("^[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}$", "{0}::uuid"),
}
CONVERTED: dict[tuple[str, str], str] = {
    ("datetime", "date"): "{0}::date",
    ("datetime", "time"): "{0}::time",
    ("date", "datetime"): "{0}::timestamp",
    (
        "double",
        "decimal",
    ): "(CASE WHEN {0} NOT IN ('NaN', 'Infinity', '-Infinity') THEN {0}::numeric END)",
}
# Numbers that Edm.Single rounds to one of its own; for others Postgres would raise.
_SINGLE = (
    "(CASE WHEN abs({0}) BETWEEN 1e-45 AND 3.4028235e38 OR {0} = 0 THEN {0}::float4 "
    "WHEN {0}::text IN ('NaN', 'Infinity', '-Infinity') THEN {0}::text::float4 END)"
)


def cast_sql(operand: Sql, source: PrimitiveType | None, target: PrimitiveType) -> Sql:
    """cast() between primitive types."""
    if source is None:
        return fill("NULL::" + CANONICAL[target.name], ())
    if target.family == "string":
        return fill(
            "(" + (TEXTS[source.family] if source is not DATETIME else TEXTS["datetime"]) + ")",
            (operand,),
        )
    if source.family == "string" and not target.is_integer:
        return fill(FROM_STRING[target.family], (operand,))
    if target.is_integer:
        return _to_integer(operand, source, target)
    if target is SINGLE and source.is_numeric:
        return fill(_SINGLE, (operand,))
    template = CONVERTED.get((source.family, target.family), "{0}::" + CANONICAL[target.name])
    return fill(template, (operand,))


def _to_integer(operand: Sql, source: PrimitiveType, target: PrimitiveType) -> Sql:
    """Whole numbers in range; numbers lose their fraction, and text must be a whole number."""
    bounds = f"BETWEEN {target.low} AND {target.high}"
    name = CANONICAL[target.name]
    if source.family == "string":
        return fill(
            f"(CASE WHEN {{0}} ~ '{_INTEGER}' THEN CASE WHEN {{0}}::numeric {bounds} THEN {{0}}::numeric::{name} END END)",
            (operand,),
        )
    return fill(
        f"(CASE WHEN trunc({{0}}::numeric) {bounds} THEN trunc({{0}}::numeric)::{name} END)",
        (operand,),
    )
