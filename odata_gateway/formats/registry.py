"""The formats that rows leave in. $format and Accept are negotiated against them."""

from __future__ import annotations

from odata_gateway.formats.encoding import BodyEncoding, Format
from odata_gateway.formats.json_encoding import JSON, json_encoding
from odata_gateway.formats.tables.arrow import ARROW, PARQUET
from odata_gateway.formats.tables.csv import CSV
from odata_gateway.formats.tables.ndjson import NDJSON
from odata_gateway.formats.tables.text_table import TEXT_TABLE
from odata_gateway.formats.tables.xlsx import XLSX
from odata_gateway.protocol.json_format import JsonFormat

FORMATS: tuple[Format, ...] = (JSON, NDJSON, CSV, XLSX, ARROW, PARQUET, TEXT_TABLE)
"""The first is that of clients which name none."""

DEFAULT_ENCODING: BodyEncoding = json_encoding(JsonFormat())
"""What a client gets that asks for nothing: JSON with minimal metadata, as of OData 4.0."""


def abbreviations(formats: tuple[Format, ...]) -> frozenset[str]:
    """The values of $format that stand for one of the formats."""
    return frozenset(name for each in formats for name in each.abbreviations)
