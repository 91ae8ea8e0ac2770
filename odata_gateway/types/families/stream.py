"""Edm.Stream: octets that are no part of a row, which has a link to them (JSON Format 4.01, section
9)."""

from __future__ import annotations

from dataclasses import replace

from odata_gateway.types.families.binary import BINARIES
from odata_gateway.types.family import PrimitiveType

STREAMS = replace(
    BINARIES,
    name="stream",
    label="Stream",
    noun="a stream",
    facets=frozenset(),
    is_comparable=False,
    is_stream=True,
)
STREAM = PrimitiveType(
    "Edm.Stream", STREAMS, "bytea", ("bytea",), lossless_columns=(), aggregates={}
)
TYPES = (STREAM,)
