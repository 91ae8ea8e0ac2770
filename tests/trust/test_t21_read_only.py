"""T21: nothing in the database changes, whatever is asked: rows, sequences and the server's own counters of written tuples, before and after."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import asyncpg
import pytest
from odata_gateway.db.bound_statement import BoundStatement
from tests.harness import cases
from tests.harness.figures import amount, record
from tests.harness.gateway import ROOT
from tests.harness.hostile import Hostile, seeds
from tests.harness.inside import Inside, in_step, inside
from tests.harness.ways import way_of
from tests.live.test_tenants import ATTACKS

DATABASE = "t21_read_only"
REQUESTS = amount(2_000, 50_000)
# A name behind AS is a table's, with its columns.
_CALL = re.compile(r'(?<![\w".])(?<!\bAS )([a-z_][a-z_0-9]*) ?\(')
# What looks like a call in SQL and is none.
_SYNTAX = frozenset({
    "and", "any", "array", "as", "by", "case", "cast", "coalesce", "distinct", "else", "end", "exists", "extract", "filter", "from", "greatest", "in",
    "least", "limit", "not", "nullif", "offset", "on", "or", "over", "overlay", "position", "row", "select", "substring", "then", "trim", "values", "when",
    "where", "zone", "lateral", "between", "date", "time", "a",
})  # fmt: skip


async def state(dsn: str) -> dict[str, Any]:
    """A checksum of each table, the place of each sequence, what the catalog holds, and how many tuples the server has ever written."""
    connection = await asyncpg.connect(dsn)
    try:
        found: dict[str, Any] = {}
        for table in await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        ):
            name = table["relname"]
            found[name] = await connection.fetchval(
                f"SELECT md5(coalesce(string_agg(x, ',' ORDER BY x), '')) FROM (SELECT t.ctid::text || t.xmin::text || t::text AS x FROM \"{name}\" AS t)"
            )
        sequences = await connection.fetch("SELECT schemaname || '.' || sequencename AS name, last_value FROM pg_sequences ORDER BY 1")
        found["sequences"] = [tuple(row) for row in sequences]
        found["catalog"] = await connection.fetchval("SELECT count(*) FROM pg_class") + await connection.fetchval(
            "SELECT count(*) FROM pg_proc"
        )
        await connection.execute("SELECT pg_stat_force_next_flush()")
        written = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_all_tables WHERE schemaname = 'public'"
        found["written tuples"] = await connection.fetchval(written)
        return found
    finally:
        await connection.close()


async def _fuzz(gateway: Inside) -> None:
    async def one(number: int, text: str, headers: dict[str, str]) -> None:
        await gateway.ask(text, headers=headers, way=way_of(number))

    texts = [(text, {}) for text in (*ATTACKS, *seeds())] + [Hostile(f"t21 {number}").request() for number in range(REQUESTS)]
    await in_step([lambda number=number, pair=pair: one(number, *pair) for number, pair in enumerate(texts)], width=3)


def test_t21_nothing_changes_whatever_is_asked(database):
    async def run() -> None:
        before = await state(database.owner)
        async with inside(database.reader, ODATA_PAGE_ROWS="20", ODATA_STATEMENT_TIMEOUT_S="20") as gateway:
            await _fuzz(gateway)
        assert await state(database.owner) == before

    asyncio.run(run())
    record("T21", "requests after which the database is the same", REQUESTS, how="sum", at_least=REQUESTS)


WRITES = (
    "UPDATE public.messages SET content = 'x'", "DELETE FROM public.labels", "INSERT INTO public.tags (name) VALUES ('x')", "CREATE TABLE public.x (a int)",
    "CREATE TEMP TABLE x (a int)", "SELECT nextval('public.messages_id_seq')", "SELECT setval('public.messages_id_seq', 1)", "TRUNCATE public.tags",
    "SELECT lo_create(0)", "COPY public.tags TO PROGRAM 'true'", "SELECT 1 FROM public.messages FOR UPDATE",
    "SELECT pg_read_file('PG_VERSION')", "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
)  # fmt: skip


@pytest.mark.parametrize("sql", WRITES)
async def test_t21_a_connection_of_the_gateway_cannot_write(database, sql):
    """Even if a statement could be smuggled in: the session is read-only and the role has SELECT only."""
    async with inside(database.reader) as gateway, gateway.database.session() as session:
        with pytest.raises(Exception) as caught:
            await session.fetch(BoundStatement(sql))
        assert isinstance(caught.value.__cause__, asyncpg.PostgresError), caught.value


@pytest.mark.parametrize("sql", [sql for sql in WRITES[:9] if "TEMP" not in sql and "lo_create" not in sql])
async def test_t21_the_role_alone_cannot_write_either(database, sql):
    """A session that is not read-only: the grants hold."""
    connection = await asyncpg.connect(database.reader)
    try:
        await connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute(sql)
    finally:
        await connection.close()


async def test_t21_the_right_to_make_large_objects_can_be_taken_away(database):
    """Every role has it, so the grants do not hold; SECURITY.md says how to take it away."""
    (revoke,) = re.findall(r"`(REVOKE EXECUTE ON FUNCTION [^`]+ FROM PUBLIC)`", (ROOT / "SECURITY.md").read_text())
    owner, reader = await asyncpg.connect(database.owner), await asyncpg.connect(database.reader)
    try:
        await owner.execute(revoke)
        await reader.execute("SET default_transaction_read_only = off")
        for sql in ("SELECT lo_create(0)", "SELECT lo_creat(-1)", "SELECT lo_from_bytea(0, 'x')"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute(sql)
    finally:
        await owner.execute(revoke.replace("REVOKE", "GRANT").replace("FROM PUBLIC", "TO PUBLIC"))
        await owner.close()
        await reader.close()


async def test_t21_no_statement_names_a_volatile_function(database):
    """Every function in the SQL of the golden cases and of the seeds is immutable or stable in Postgres's catalog."""
    texts = [text for path in sorted(cases.FOLDER.glob("*.case")) for text, _ in cases.read(path).statements.values()]
    connection = await asyncpg.connect(database.owner)
    try:
        names = {name for text in texts for name in _CALL.findall(re.sub(r"E?'(?:[^'\\]|''|\\.)*'", "''", text))} - _SYNTAX
        rows = await connection.fetch(
            "SELECT proname, bool_or(provolatile = 'v') AS volatile FROM pg_proc WHERE proname = ANY($1::text[]) GROUP BY 1", sorted(names)
        )
    finally:
        await connection.close()
    known = {row["proname"]: row["volatile"] for row in rows}
    assert names - set(known) <= {"int8", "int4", "text"} and len(known) > 8, names - set(known)
    assert not [name for name, volatile in known.items() if volatile]
    record("T21", "functions in statements, none volatile", len(known))
