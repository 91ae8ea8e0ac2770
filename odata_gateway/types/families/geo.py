"""Geographies and geometries: shapes on the earth and in a plane, which PostGIS keeps (CSDL 4.01,
section 3.3; JSON Format 4.01, section 7.1).

A column's type modifier says which shapes it has and in which coordinate system, by its EPSG number
(SRID). So a column is served as a type that a database has located: one that knows the column's
coordinate system and the schema that PostGIS's functions are in. A type that no database has
located says the same of values that any database has.

A value is GeoJSON in JSON, and well-known text (WKT) wherever it is a text. Neither has a place for
everything that PostGIS keeps:
- A curve, a surface of several faces, a triangle, a collection within a collection, and coordinates
  that are no numbers are null, as all that OData cannot say.
- Measures (M) are left out. What is computed here depends on none of them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import LiteralString

from odata_gateway.types.facets import Facets
from odata_gateway.types.family import (
    ArgumentType,
    ColumnReading,
    DecodeMode,
    JsonForm,
    LiteralForm,
    PrimitiveType,
    TypeFamily,
    refuse,
)
from odata_gateway.types.faults import ValueFault, WrongFamily
from odata_gateway.types.forms.schema import SchemaForm

KINDS = ("geography", "geometry")
_LABELS = {"geography": "Geography", "geometry": "Geometry"}
SHAPES = (
    "",
    *("Point", "LineString", "Polygon"),
    *("MultiPoint", "MultiLineString", "MultiPolygon", "Collection"),
)
"""What stands behind `Edm.Geography` in the names of types, by PostGIS's number of the shape; the
first is any shape."""
_GEOGRAPHY_SRID = 4326

# --- literals (ABNF, section 7) -------------------------------------------------------------------

_NUMBER_TEXT = r"(?:[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?INF)"
_POSITION = rf"{_NUMBER_TEXT}(?: {_NUMBER_TEXT}){{1,3}}"
_POINT = rf"\({_POSITION}\)"
_LINE = rf"\({_POSITION}(?:,{_POSITION})+\)"
_RING = rf"\({_POSITION}(?:,{_POSITION})*\)"
_POLYGON = rf"\({_RING}(?:,{_RING})*\)"
_MULTIPOINT = rf"MultiPoint\((?:{_POINT}(?:,{_POINT})*)?\)"
_MULTILINE = rf"MultiLineString\((?:{_LINE}(?:,{_LINE})*)?\)"
_MULTIPOLYGON = rf"MultiPolygon\((?:{_POLYGON}(?:,{_POLYGON})*)?\)"
_SHAPE = re.compile(
    rf"Point{_POINT}|LineString{_LINE}|Polygon{_POLYGON}"
    rf"|{_MULTIPOINT}|{_MULTILINE}|{_MULTIPOLYGON}",
    re.ASCII | re.IGNORECASE,
)
_COLLECTION = re.compile(r"GeometryCollection\(\*(?:,\*)*\)", re.IGNORECASE)
_MAX_COLLECTIONS = 20
_SRID = re.compile(r"SRID=(\d{1,5});", re.ASCII | re.IGNORECASE)
_COORDINATE = re.compile(r"(?<![A-Za-z])" + _NUMBER_TEXT, re.ASCII | re.IGNORECASE)
_POLYGONS = re.compile(r"Polygon(\([\d .,()+\-eE]*\))", re.ASCII | re.IGNORECASE)
_INNERMOST = re.compile(r"\(([^()]+)\)")
_LEAST_RING = 4


def read_geo(text: str) -> str:
    """A literal between its quotes, which must be well-known text: every simple shape becomes `*`,
    then every collection of such, until one is left."""
    srid = _SRID.match(text)
    shape = _SHAPE.sub("*", text[srid.end() :]) if srid and "*" not in text else ""
    for _ in range(_MAX_COLLECTIONS):
        if "(" not in shape:
            break
        shape = _COLLECTION.sub("*", shape)
    if shape != "*":
        raise ValueFault(
            "literal",
            "not well-known text",
            "write it like geography'SRID=4326;Point(142.1 64.1)'",
        )
    return text


def _argument(value: object, kind: str, wanted: int | None) -> str:
    """A literal as text that PostGIS reads as the shape that it is, and refuses for no reason.

    wanted  the only coordinate system that it may be in; None: any
    """
    if not isinstance(value, str):
        raise WrongFamily(value)
    found = _SRID.match(value)
    assert found is not None
    srid, text = int(found[1]), value[found.end() :]
    _check_srid(srid, kind, wanted)
    positions = [position for ring in _INNERMOST.findall(text) for position in ring.split(",")]
    _check_positions([[float(c) for c in p.split(" ")] for p in positions], kind)
    _check_rings(text)
    written = _COORDINATE.sub(lambda number: repr(float(number[0])), text)
    return f"SRID={srid};" + written.replace("()", " EMPTY")


def _check_srid(srid: int, kind: str, wanted: int | None) -> None:
    if wanted is not None and srid != wanted:
        raise ValueFault(
            "value",
            f"a value with SRID {srid} cannot meet values with SRID {wanted}",
            f"write it as {kind}'SRID={wanted};...'",
        )
    if kind == "geography" and wanted is None and srid != _GEOGRAPHY_SRID:
        raise ValueFault(
            "unsupported",
            f"geographies with SRID {srid} are not supported here",
            f"write it as geography'SRID={_GEOGRAPHY_SRID};...'",
        )


def _check_positions(positions: list[list[float]], kind: str) -> None:
    if any(not math.isfinite(number) for position in positions for number in position):
        raise ValueFault("value", "a coordinate must be a finite number")
    if len({len(position) for position in positions}) > 1:
        raise ValueFault("value", "all positions must have the same number of coordinates")
    if kind == "geography" and any(abs(p[0]) > 180 or abs(p[1]) > 90 for p in positions):
        raise ValueFault(
            "value",
            "a longitude is from -180 to 180, a latitude from -90 to 90",
            "write the longitude before the latitude",
        )


def _check_rings(text: str) -> None:
    """Rings of polygons have four positions at least, of which the last one is the first again."""
    for polygons in _POLYGONS.findall(text):
        for ring in _INNERMOST.findall(polygons):
            positions = [tuple(map(float, p.split(" "))) for p in ring.split(",")]
            if len(positions) < _LEAST_RING or positions[0] != positions[-1]:
                raise ValueFault(
                    "value",
                    "a ring of a polygon must have four positions, the last of them the first one",
                )


_MEMBERS = (
    *(("type", "string"), ("coordinates", "array")),
    *(("geometries", "array"), ("crs", "object")),
)
"""What a GeoJSON object has, with the JSON type of each."""

# --- SQL ------------------------------------------------------------------------------------------

# Names of shapes that OData has not, a collection within a collection, NaN and Infinity.
_UNSAYABLE = "CURVE|CIRCULAR|SURFACE|TIN|TRIANGLE|ION.*ION|NaN|nf"
_DIGITS = 40
"""Digits behind the point that are written: as many as the number has (measured)."""
_CRS = (
    """',"crs":{{"type":"name","properties":{{"name":"EPSG:' || """,
    """ || '"}}}}}}'""",
)
"""SQL of the end of a GeoJSON object that names its coordinate system, before and behind that."""


def _read(at: str) -> str:
    return f"(CASE WHEN {at}st_astext({{0}}) !~ '{_UNSAYABLE}' THEN {{0}} END)"


def _json(at: str, srid: int | None) -> str:
    """GeoJSON. It names the coordinate system (`crs`) where $metadata does not."""
    if srid is not None:
        return f"coalesce({at}st_asgeojson({{0}}, {_DIGITS}, 0), 'null')"
    found, number = f"{at}st_asgeojson(s.g, {_DIGITS}, 0)", f"{at}st_srid(s.g)"
    with_crs = f"left({found}, -1) || " + number.join(_CRS)
    return (
        f"(SELECT coalesce(CASE WHEN {number} = 0 THEN {found} ELSE {with_crs} END, 'null') "
        "FROM (SELECT {0} AS g OFFSET 0) AS s)"
    )


def _text(at: str) -> str:
    """The text between the quotes of a literal, which differs from that of PostGIS in heights."""
    return (
        f"(SELECT 'SRID=' || {at}st_srid(s.g) || ';' || replace(replace({at}st_astext("
        f"CASE {at}st_zmflag(s.g) WHEN 1 THEN {at}st_force2d(s.g) "
        f"WHEN 3 THEN {at}st_force3dz(s.g) ELSE s.g END, {_DIGITS}), "
        "' Z (', '('), ' Z EMPTY', ' EMPTY') "
        f"FROM (SELECT {{0}}::{at}geometry AS g OFFSET 0) AS s)"
    )


# --- column types ---------------------------------------------------------------------------------


def _srid_of(modifier: int) -> int | None:
    """The coordinate system of a type modifier; None: each value has its own."""
    return (
        None if modifier < 0 else ((modifier & 0x0FFFFF00) - (modifier & 0x10000000)) >> 8 or None
    )


def _facets(declared: Facets, pg_type: str, modifier: int) -> Facets:
    return replace(declared, srid=_srid_of(modifier) or "variable")


def _of_column(
    declared: PrimitiveType | None, pg_type: str, modifier: int, schema: str | None
) -> PrimitiveType | None:
    """The type of a column, as a database has it located."""
    number = 0 if modifier < 0 else (modifier & 0xFC) >> 2
    if pg_type not in KINDS or number >= len(SHAPES) or schema == "" or "{" in (schema or ""):
        return None
    name, any_shape = f"Edm.{_LABELS[pg_type]}{SHAPES[number]}", f"Edm.{_LABELS[pg_type]}"
    if declared is not None and declared.name != name:
        if any_shape not in (declared.name, name):
            return None
        name = any_shape
    return located_type(name, schema, _srid_of(modifier))


# --- families and types ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GeoFamily(TypeFamily):
    """The family of geographies or geometries, as a database has it located.

    place  the schema of PostGIS, whose name is quoted; None: no database was asked
    srid   the coordinate system of all values; None: each has its own
    """

    place: str | None = None
    srid: int | None = None


def functions_at(place: str | None) -> str:
    """What stands before the names of PostGIS's functions and types: its schema, where a database
    has said which one that is."""
    return "" if place is None else f"{place}."


@cache
def _family(kind: str, place: str | None, srid: int | None) -> GeoFamily:
    at = functions_at(place)

    def argument(value: object, mode: DecodeMode) -> object:
        return _argument(value, kind, srid)

    return GeoFamily(
        name=kind,
        label=_LABELS[kind],
        noun=f"a {kind}",
        schema=SchemaForm("object", members=_MEMBERS),
        literal=LiteralForm(read=read_geo, from_text=lambda text, type_: refuse(text), prefix=kind),
        argument=argument,
        argument_type=ArgumentType("text", _sql(f"{at}{kind}")),
        columns={kind: ColumnReading(read=_sql(_read(at)), reads_null=True)},
        text=_sql(_text(at)),
        json=JsonForm(whole=_sql(_json(at, srid))),
        facets=frozenset({"$SRID"}),
        column_facets=_facets,
        of_column=_of_column,
        origin=None if place is None else _family(kind, None, None),
        is_ordered=False,
        is_comparable=False,
        can_be_key=False,
        place=place,
        srid=srid,
    )


@cache
def located_type(name: str, place: str | None, srid: int | None) -> PrimitiveType:
    """A type, given by its name, where a database has PostGIS and in one coordinate system."""
    kind = "geography" if name.startswith("Edm.Geography") else "geometry"
    family = _family(kind, place, srid)
    is_any = name == f"Edm.{family.label}"
    return PrimitiveType(
        name,
        family,
        _sql(f"{functions_at(place)}{kind}"),
        (kind,),
        lossless_columns=(kind,) if is_any else (),
        literal_kind=kind if is_any else None,
        aggregates={},
    )


def _sql(text: str) -> LiteralString:
    """A template that is made of the quoted name of a schema."""
    return text


GEOGRAPHIES, GEOMETRIES = (_family(kind, None, None) for kind in KINDS)
TYPES = tuple(
    located_type(f"Edm.{_LABELS[kind]}{shape}", None, None) for kind in KINDS for shape in SHAPES
)
