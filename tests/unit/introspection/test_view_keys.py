"""A view has the key of the only table it reads, where that comes through and the rows prove it."""

import asyncpg
from odata_gateway.db.database import Database
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.introspection.catalog import read_catalog
from odata_gateway.introspection.keys import relation_key
from odata_gateway.introspection.view_keys import ORIGINS, with_view_keys

SQL = """
CREATE SCHEMA v; CREATE SCHEMA hidden;
CREATE TABLE v.base (id int PRIMARY KEY, "the code" text NOT NULL UNIQUE, part int NOT NULL, n float8, tags text[]);
INSERT INTO v.base VALUES (1, 'a', 1, 0, '{x,y}'), (2, 'b', 1, 1, '{z}'), (3, 'c', 2, 2, '{}');
CREATE TABLE hidden.pair (a int, b int, v text, PRIMARY KEY (b, a)); INSERT INTO hidden.pair VALUES (1, 1, 'x'), (1, 2, 'x');
CREATE TABLE v.parent (id int PRIMARY KEY); CREATE TABLE v.child () INHERITS (v.parent);
CREATE TABLE v.identity (a int PRIMARY KEY, b int NOT NULL UNIQUE, c int NOT NULL); CREATE UNIQUE INDEX named ON v.identity (c);
CREATE TABLE v.replica (b int NOT NULL, c int NOT NULL, d int NOT NULL UNIQUE); CREATE UNIQUE INDEX replica_key ON v.replica (b, c);
ALTER TABLE v.replica REPLICA IDENTITY USING INDEX replica_key;
CREATE TABLE v.partial (id int NOT NULL, a int); CREATE UNIQUE INDEX ON v.partial (id) WHERE a > 0;
CREATE UNIQUE INDEX ON v.partial ((id + 1));
CREATE VIEW v.a_plain AS SELECT part, id FROM v.base WHERE n >= 0;
CREATE VIEW v.b_renamed AS SELECT upper("the code") AS id, id AS "a number" FROM v.base;
CREATE VIEW v.c_second AS SELECT "the code" AS code, n FROM v.base;
CREATE VIEW v.d_of_a_view AS SELECT "a number" AS number FROM v.b_renamed;
CREATE VIEW v.e_computed AS SELECT id + 1 AS id FROM v.base;
CREATE VIEW v.f_repeated AS SELECT id, unnest(tags) AS tag FROM v.base;
CREATE VIEW v.g_two_tables AS SELECT b.id, p.v FROM v.base AS b JOIN hidden.pair AS p ON p.a = b.id;
CREATE VIEW v.h_with_itself AS SELECT x.id FROM v.base AS x JOIN v.base AS y ON x.part = y.part;
CREATE VIEW v.i_hidden AS SELECT a AS x, b AS y FROM hidden.pair;
CREATE VIEW v.j_half AS SELECT a FROM hidden.pair;
CREATE VIEW v.k_union AS SELECT id FROM v.base UNION ALL SELECT id FROM v.base;
CREATE VIEW v.l_sorted AS WITH w AS (SELECT id AS i, part FROM v.base) SELECT part, i FROM w ORDER BY i LIMIT 10;
CREATE VIEW v.m_nothing AS SELECT 1 AS id;
CREATE MATERIALIZED VIEW v.n_stored AS SELECT id, part FROM v.base; CREATE UNIQUE INDEX ON v.n_stored (id);
CREATE MATERIALIZED VIEW v.o_null AS SELECT CASE WHEN id > 1 THEN id END AS id FROM v.base; CREATE UNIQUE INDEX ON v.o_null (id);
CREATE MATERIALIZED VIEW v.p_none AS SELECT id FROM v.base;
CREATE VIEW v.q_failing AS SELECT id, 1 / (id - 1) AS n FROM v.base;
CREATE VIEW v.r_grouped AS SELECT part, count(*) AS n FROM v.base GROUP BY part;
GRANT USAGE ON SCHEMA v TO odata_reader; GRANT SELECT ON ALL TABLES IN SCHEMA v TO odata_reader;
"""
KEYS = {
    "base": ("id",),
    "parent": None,
    "child": None,
    "identity": ("a",),
    "replica": ("b", "c"),
    "partial": None,
    "a_plain": ("id",),
    "b_renamed": ("a number",),
    "c_second": ("code",),
    "d_of_a_view": ("number",),
    "e_computed": None,
    "f_repeated": None,
    "g_two_tables": None,
    "h_with_itself": None,
    "i_hidden": ("y", "x"),
    "j_half": None,
    "k_union": None,
    "l_sorted": ("i",),
    "m_nothing": None,
    "n_stored": ("id",),
    "o_null": None,
    "p_none": None,
    "q_failing": ("id",),
    "r_grouped": None,
}


async def test_the_keys_of_relations(cluster, scratch, scratch_reader_dsn):
    cluster.psql(scratch, SQL)
    database = await Database.open(DatabaseSettings(scratch_reader_dsn))
    async with database.session(snapshot=True) as session:
        catalog = await read_catalog(session, ["v"])
    found, are_settled = await with_view_keys(database, catalog)
    await database.close()
    assert {relation.table.name: relation_key(relation) for relation in found} == KEYS
    assert are_settled


async def test_the_rule_of_a_view_is_searched_once_however_many_columns_it_has(cluster, scratch, scratch_dsn):
    numbers = range(300)
    columns = ", ".join(f"c{n} int" for n in numbers)
    renamed = ", ".join(f"c{n} AS d{n}" for n in numbers)
    cluster.psql(scratch, f"CREATE TABLE wide ({columns}, PRIMARY KEY (c7)); CREATE VIEW wide_view AS SELECT {renamed} FROM wide")
    connection = await asyncpg.connect(scratch_dsn)
    found = await connection.fetch(ORIGINS, ["public"], ["wide_view"])
    plan = "\n".join(
        row[0] for row in await connection.fetch(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {ORIGINS}", ["public"], ["wide_view"])
    )
    await connection.close()
    assert [(row["number"], row["name"], row["base_column"]) for row in found] == [(n + 1, f"d{n}", n + 1) for n in numbers]
    assert "Function Scan on regexp_matches found (actual rows=300.00 loops=1)" in plan, plan
