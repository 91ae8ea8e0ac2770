"""A model that is made from the catalog, while the database changes between its reading and its comparison."""

import pytest
from odata_gateway.db.database import Database
from odata_gateway.db.schema.changes import watcher as watching
from odata_gateway.db.schema.changes.watcher import SchemaWatcher
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.edm.model import UNREAD
from odata_gateway.introspection.source import CatalogSource, WishedModel

SQL = """
CREATE SCHEMA moved; GRANT USAGE ON SCHEMA moved TO odata_reader;
CREATE TABLE moved.item (id int PRIMARY KEY, n int);
GRANT SELECT ON ALL TABLES IN SCHEMA moved TO odata_reader;
"""
TYPES = ("text", "int USING n::int")


class Overtaken:
    """A source whose database changes right after each of the first readings."""

    def __init__(self, source, change, times):
        self.source, self.change, self.times, self.readings = source, change, times, 0

    async def read(self):
        model = await self.source.read()
        if self.readings < self.times:
            self.change(f"ALTER TABLE moved.item ALTER n TYPE {TYPES[self.readings % 2]}")
        self.readings += 1
        return model


@pytest.fixture
async def overtaken(cluster, scratch, scratch_reader_dsn):
    cluster.psql(scratch, SQL)
    database = await Database.open(DatabaseSettings(scratch_reader_dsn))
    source = CatalogSource(database, WishedModel(schemas=("moved",)))

    def watcher(times):
        used = []
        found = Overtaken(source, lambda sql: cluster.psql(scratch, sql), times)
        return SchemaWatcher(database, UNREAD, used.append, every_s=0, source=found), found, used

    yield watcher
    await database.close()


def withheld(model):
    return set(model.entity_types["item"].withheld)


@pytest.mark.parametrize("times", range(watching._MOST_READINGS))
async def test_a_column_that_changes_in_between_is_served_as_what_it_is(overtaken, times):
    watcher, found, used = overtaken(times)
    await watcher.look_again()
    [model] = used
    assert not withheld(model) and model.entity_types["item"].properties["n"].type.name == ("Edm.Int32", "Edm.String")[times % 2]
    assert found.readings == times + 2


async def test_one_that_changes_at_each_reading_is_looked_at_again(overtaken):
    watcher, _, used = overtaken(watching._MOST_READINGS + 1)
    await watcher.look_again()
    assert watcher._asked.is_set() and len(used) == 1
    await watcher._look()
    assert not withheld(used[-1])


async def test_nothing_new_is_read_once(overtaken):
    watcher, found, used = overtaken(0)
    await watcher._look()
    read = found.readings
    await watcher._look()
    assert found.readings == read + 1 and len(used) == 1
