"""When the model of a catalog is made again."""

from odata_gateway.db.database import Database
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.introspection import source
from odata_gateway.introspection.source import CatalogSource, WishedModel

SQL = """
CREATE SCHEMA late; GRANT USAGE ON SCHEMA late TO odata_reader;
CREATE TABLE late.switch (seconds float8); INSERT INTO late.switch VALUES (1);
CREATE FUNCTION late.one() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_sleep(seconds) FROM late.switch; RETURN 1; END $$;
CREATE TABLE late.thing (id int PRIMARY KEY); INSERT INTO late.thing SELECT generate_series(1, 3);
CREATE VIEW late.slow AS SELECT id FROM late.thing CROSS JOIN LATERAL generate_series(1, late.one()) AS n;
GRANT SELECT ON ALL TABLES IN SCHEMA late TO odata_reader;
"""


async def test_a_key_that_was_left_undecided_is_asked_for_again(cluster, scratch, scratch_reader_dsn, monkeypatch):
    cluster.psql(scratch, SQL)
    database = await Database.open(DatabaseSettings(scratch_reader_dsn, key_check_s=0.2))
    made = CatalogSource(database, WishedModel(schemas=("late",)))
    monkeypatch.setattr(source, "PAUSE", 0)
    try:
        first = await made.read()
        assert [p.name for p in first.entity_types["slow"].key] == ["row_key"]
        assert await made.read() is first
        cluster.psql(scratch, "UPDATE late.switch SET seconds = 0")
        settled = await made.read()
        assert [p.name for p in settled.entity_types["slow"].key] == ["id"]
        assert await made.read() is settled
    finally:
        await database.close()


async def test_an_undecided_key_is_not_asked_for_at_each_comparison(cluster, scratch, scratch_reader_dsn):
    cluster.psql(scratch, SQL)
    database = await Database.open(DatabaseSettings(scratch_reader_dsn, key_check_s=0.2))
    made = CatalogSource(database, WishedModel(schemas=("late",)))
    try:
        first = await made.read()
        cluster.psql(scratch, "UPDATE late.switch SET seconds = 0")
        assert await made.read() is first
    finally:
        await database.close()
