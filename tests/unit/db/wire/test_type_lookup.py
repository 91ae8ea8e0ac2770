"""What is asked about types finds what asyncpg's own query finds, without pg_class."""

from __future__ import annotations

import asyncpg.introspection
import pytest
from odata_gateway.db.wire.type_lookup import without_pg_class

TYPES = """
CREATE TYPE public.mood AS ENUM ('a', 'b');
CREATE TYPE public.pair AS (n int4, "A b" text, moods public.mood[]);
ALTER TYPE public.pair DROP ATTRIBUTE n;
CREATE DOMAIN public.small AS int4;
CREATE DOMAIN public.smaller AS public.small;
CREATE TYPE public.span AS RANGE (subtype = float8);
"""
NAMES = (
    "int8[]",
    "text[]",
    "bytea[]",
    "mood",
    "mood[]",
    "pair",
    "pair[]",
    "smaller",
    "smaller[]",
    "span",
    "span[]",
    "messages",
    "messages[]",
)


@pytest.mark.parametrize("own", [asyncpg.introspection.INTRO_LOOKUP_TYPES, asyncpg.introspection.INTRO_LOOKUP_TYPES_13])
async def test_types_are_found_as_asyncpg_finds_them(owner, own):
    query = without_pg_class(own)
    assert "pg_class" in own and "pg_class" not in query
    await owner.execute(TYPES)
    for name in NAMES:
        oids = [await owner.fetchval("SELECT $1::text::regtype::oid", name)]
        found, expected = [await owner.fetch(each, oids) for each in (query, own)]
        assert found and sorted(map(repr, found)) == sorted(map(repr, expected))


def test_a_query_of_another_form_stays_as_it_is():
    assert without_pg_class("SELECT c.reltype = t.oid") == "SELECT c.reltype = t.oid"
