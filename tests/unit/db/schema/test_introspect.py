"""The built-in model against databases that differ from it in every way seen between versions of Live Agent."""

from __future__ import annotations

import pytest
from odata_gateway.db.database import Database
from odata_gateway.db.schema.catalog import ServerFacts, read_server
from odata_gateway.db.schema.citus.shard_check import citus_findings
from odata_gateway.db.schema.indexes import missing_indexes, read_recommendations
from odata_gateway.db.schema.introspect import inspect
from odata_gateway.db.schema.served_types import wider_type
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.edm.csdl import load_model, parse_model
from odata_gateway.errors import DbDenied, DbModel, DbUnavailable
from odata_gateway.types.primitive import INT32, INT64, PRIMITIVE_TYPES
from tests.harness.cluster import SQL_FOLDER

INDEXES = (SQL_FOLDER / "indexes.sql").read_text()


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture
async def database(scratch_reader_dsn):
    database = await Database.open(DatabaseSettings(scratch_reader_dsn))
    yield database
    await database.close()


async def test_the_sample_database_is_what_the_model_says(reader_dsn, model):
    database = await Database.open(DatabaseSettings(reader_dsn))
    found, findings = await inspect(database, model)
    assert findings == []
    assert await missing_indexes(database, INDEXES) == []
    await database.close()
    for name, entity_type in found.entity_types.items():
        assert not entity_type.missing
        assert list(entity_type.properties) == list(model.entity_types[name].properties)
        assert not [prop.name for prop in entity_type.properties.values() if prop.missing]
        assert list(entity_type.navigation) == list(model.entity_types[name].navigation)
    message, user = found.entity_types["Message"], found.entity_types["User"]
    assert message.properties["id"].not_null and message.properties["created_at"].not_null
    assert not message.properties["private"].not_null
    assert message.properties["content"].pg_type == "text" and message.properties["source_id"].pg_type == "varchar"
    assert message.properties["content_attributes"].pg_type == "json"
    assert found.entity_types["Conversation"].properties["uuid"].pg_type == "uuid"
    assert user.properties["encrypted_password"].secret
    assert found.entity_sets["User"].entity_type is user and found.set_of_type["User"].entity_type is user


async def test_the_same_database_gives_the_same_version(reader_dsn, model):
    database = await Database.open(DatabaseSettings(reader_dsn))
    versions = {(await inspect(database, model))[0].version for _ in range(3)}
    await database.close()
    assert len(versions) == 1 and versions != {model.version}


@pytest.mark.parametrize(
    ("change", "entity_type", "prop", "expected"),
    [
        ("ALTER TABLE conversations DROP COLUMN identifier", "Conversation", "identifier", {"missing": True}),
        ("ALTER TABLE inboxes RENAME cognigy_project_id TO cognigy_project", "Inbox", "cognigy_project_id", {"missing": True}),
        ("ALTER TABLE messages ALTER source_id TYPE bytea USING NULL", "Message", "source_id", {"missing": False, "pg_type": "bytea"}),
        ("ALTER TABLE messages ALTER status TYPE int2", "Message", "status", {"type": INT32, "pg_type": "int2"}),
        ("ALTER TABLE messages ALTER status TYPE int8", "Message", "status", {"type": INT64, "pg_type": "int8"}),
        ("ALTER TABLE messages ALTER created_at TYPE timestamptz", "Message", "created_at", {"pg_type": "timestamptz", "not_null": True}),
        ("ALTER TABLE messages ALTER created_at DROP NOT NULL", "Message", "created_at", {"not_null": False}),
        ("UPDATE messages SET private = false; ALTER TABLE messages ALTER private SET NOT NULL", "Message", "private", {"not_null": True}),
        ("ALTER TABLE messages ADD CONSTRAINT p NOT NULL private NOT VALID", "Message", "private", {"not_null": False}),
        (
            "ALTER TABLE messages ALTER content_attributes DROP DEFAULT, ALTER content_attributes TYPE jsonb",
            "Message", "content_attributes", {"pg_type": "jsonb"},
        ),
        ("UPDATE users SET tokens = '{}'; ALTER TABLE users ALTER tokens SET NOT NULL",
         "User", "tokens", {"secret": True, "missing": False}),
        ("ALTER TABLE users DROP COLUMN pubsub_token", "User", "pubsub_tokens", {"secret": True, "missing": True}),
        ("CREATE DOMAIN title AS varchar; CREATE DOMAIN t2 AS title; ALTER TABLE labels ALTER title TYPE t2",
         "Label", "title", {"pg_type": "varchar"}),
        (
            "CREATE TYPE mood AS ENUM ('#1'); ALTER TABLE labels ALTER color DROP DEFAULT, ALTER color TYPE mood USING '#1'",
            "Label", "color", {"pg_type": "enum", "missing": False},
        ),
        (
            "ALTER TABLE inboxes ALTER cognigy_organization_id TYPE integer USING 1",
            "Inbox", "cognigy_organization_id", {"pg_type": "int4", "missing": False},
        ),
    ],
)  # fmt: skip
async def test_differing_columns(database, owner, model, change, entity_type, prop, expected):
    await owner.execute(change)
    found, findings = await inspect(database, model)
    served = found.entity_types[entity_type].properties[prop]
    assert {name: getattr(served, name) for name in expected} == expected
    if served.missing:
        assert served.nullable
    declared = model.entity_types[entity_type].properties[prop]
    as_declared = not served.missing and served.type is declared.type and served.pg_type in declared.type.lossless
    silent = served.secret or as_declared
    assert bool(findings) is not silent, findings
    assert not found.entity_types[entity_type].missing
    assert found.version != model.version


@pytest.mark.parametrize(
    ("change", "name", "error"),
    [
        ("REVOKE SELECT (content) ON messages FROM odata_reader", "Message.content", DbDenied),
        ("REVOKE SELECT (description) ON labels FROM odata_reader", "Label.description", DbDenied),
        ("ALTER TABLE messages ALTER status DROP DEFAULT, ALTER status TYPE text", "Message.status", DbModel),
        ("ALTER TABLE messages ALTER status TYPE numeric", "Message.status", DbModel),
        ("ALTER TABLE messages ALTER created_at TYPE date", "Message.created_at", DbModel),
    ],
)  # fmt: skip
async def test_a_property_that_cannot_be_read_is_withheld(database, owner, model, change, name, error):
    await owner.execute(change)
    found, findings = await inspect(database, model)
    type_name, prop = name.split(".")
    entity_type = found.entity_types[type_name]
    assert prop not in entity_type.properties
    assert entity_type.withheld[prop].error is error and name in entity_type.withheld[prop].message
    assert [f for f in findings if "left out" in f.text]
    assert found.version != model.version


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ("DROP TABLE labels", {"Label"}),
        ("ALTER TABLE messages RENAME TO msgs", {"Message"}),
        ("ALTER TABLE messages DROP COLUMN account_id", {"Message"}),
        ("REVOKE SELECT (account_id) ON messages FROM odata_reader", {"Message"}),
        ("ALTER TABLE conversations ALTER account_id TYPE numeric", {"Conversation"}),
        ("ALTER TABLE inboxes RENAME id TO inbox", {"Inbox"}),
        ("DROP TABLE account_users", {"User"}),
        ("REVOKE USAGE ON SCHEMA public FROM PUBLIC; REVOKE USAGE ON SCHEMA public FROM odata_reader",
         {"Message", "Conversation", "Inbox", "Label", "User"}),
    ],
)  # fmt: skip
async def test_a_type_without_table_key_or_policy_is_missing(database, owner, model, change, missing):
    if "account_id TYPE" in change:
        await owner.execute("DROP TRIGGER conversations_before_insert_row_tr ON conversations")
    await owner.execute(change)
    found, findings = await inspect(database, model)
    assert {name for name, entity_type in found.entity_types.items() if entity_type.missing} == missing
    assert [finding for finding in findings if finding.level == "error"]


@pytest.mark.parametrize(
    ("change", "left_out"),
    [
        ("DROP TABLE taggings", {("Conversation", "labels"), ("Label", "conversations")}),
        ("ALTER TABLE tags RENAME name TO title", {("Conversation", "labels"), ("Label", "conversations")}),
        ("REVOKE SELECT ON inbox_members FROM odata_reader; REVOKE SELECT (user_id) ON inbox_members FROM odata_reader",
         {("Inbox", "members"), ("User", "inboxes")}),
        ("ALTER TABLE messages ALTER sender_id TYPE text", {("Message", "sender"), ("User", "messages")}),
        ("ALTER TABLE messages ALTER sender_type TYPE integer USING 1", {("Message", "sender"), ("User", "messages")}),
        ("ALTER TABLE conversations DROP COLUMN assignee_id", {("Conversation", "assignee"), ("User", "assigned_conversations")}),
    ],
)  # fmt: skip
async def test_a_join_that_cannot_work_is_left_out_with_its_partner(database, owner, model, change, left_out):
    await owner.execute(change)
    found, findings = await inspect(database, model)
    now = {(t.name, name) for t in found.entity_types.values() for name in t.navigation}
    before = {(t.name, name) for t in model.entity_types.values() for name in t.navigation}
    assert before - now == left_out
    assert {tuple(finding.subject.split(".")) for finding in findings if "navigation property is left out" in finding.text} == left_out
    for entity_set in found.entity_sets.values():
        assert set(entity_set.bindings) <= set(entity_set.entity_type.navigation)
    for entity_type in found.entity_types.values():
        for item in entity_type.navigation.values():
            assert item.partner is None or item.partner in found.entity_types[item.target].navigation


async def test_more_columns_and_tables_are_no_finding(database, owner, model):
    await owner.execute("ALTER TABLE users ADD type varchar; ALTER TABLE messages ADD sentiment jsonb; CREATE TABLE teams (id int)")
    assert (await inspect(database, model))[1] == []


async def test_a_view_serves_in_the_place_of_a_table(database, owner, model):
    await owner.execute(
        "ALTER TABLE labels RENAME TO labels_; CREATE VIEW labels AS SELECT * FROM labels_; GRANT SELECT ON labels TO odata_reader"
    )
    found, findings = await inspect(database, model)
    assert not found.entity_types["Label"].missing and not found.entity_types["Label"].properties["color"].not_null
    assert {finding.subject for finding in findings} <= {"public.labels.id"}


async def test_roles_that_could_write_are_named(owner, scratch_dsn, database, model):
    await owner.execute("GRANT UPDATE (name) ON users TO odata_reader")
    assert [str(f) for f in (await inspect(database, model))[1]] == [
        "warning: role: could write public.users; sql/live_agent/roles.sql makes one that can read what is needed and nothing else"
    ]
    superuser = await Database.open(DatabaseSettings(scratch_dsn))
    assert [f.subject for f in (await inspect(superuser, model))[1]] == ["role"]
    await superuser.close()


async def test_an_index_that_needs_an_extension_is_named_where_that_is_installed(database, owner):
    assert await missing_indexes(database, INDEXES) == []
    await owner.execute("CREATE EXTENSION pg_trgm")
    [finding] = await missing_indexes(database, INDEXES)
    assert "contains" in finding.text and "gin_trgm_ops" in finding.text
    await owner.execute("CREATE INDEX by_bytes ON public.messages (content)")
    assert await missing_indexes(database, INDEXES) == [finding]
    await owner.execute("CREATE INDEX by_parts ON public.messages USING gin (content gin_trgm_ops)")
    assert await missing_indexes(database, INDEXES) == []


async def test_the_model_knows_the_indexes_that_give_an_order(database, owner, model):
    await owner.execute("""
        CREATE INDEX one ON public.messages (account_id, status, id);
        CREATE INDEX two ON public.messages (account_id, status DESC);
        CREATE INDEX three ON public.messages (account_id, sender_id) WHERE private;
        CREATE INDEX four ON public.messages (account_id, lower(source_id));
        CREATE INDEX five ON public.messages USING hash (inbox_id);
        CREATE INDEX six ON public.messages (account_id, sender_type COLLATE "POSIX");
        CREATE INDEX seven ON public.messages (account_id, private) INCLUDE (status)""")
    before = model.entity_types["Message"].indexes
    known = (await inspect(database, model))[0].entity_types["Message"].indexes
    assert before == frozenset()
    assert known >= {
        ("id",),
        ("account_id", "id"),
        ("account_id", "source_id", "id"),
        ("account_id", "status", "id"),
        ("account_id", "private"),
    }
    accounts = {columns[1:] for columns in known if columns[0] == "account_id"}
    assert not accounts & {("status",), ("sender_id",), ("source_id",), ("sender_type",)}


async def test_missing_indexes_are_named_with_what_they_serve(database, owner):
    await owner.execute(
        "DROP INDEX odata_messages_account_id_created_at_id; DROP INDEX odata_tags_lower_name; DROP INDEX odata_conversations_uuid"
    )
    await owner.execute("CREATE INDEX other_name ON conversations (uuid, id)")
    await owner.execute("CREATE INDEX partial ON tags (lower(name)) WHERE id > 5")
    findings = await missing_indexes(database, INDEXES)
    assert [f.subject for f in findings] == ["public.messages", "public.tags"]
    assert "created_at" in findings[0].text and "CREATE INDEX" in findings[0].text
    await owner.execute("DROP TABLE messages")
    assert [f.subject for f in await missing_indexes(database, INDEXES)] == ["public.tags"]


def test_every_statement_of_the_script_is_read():
    recommended = list(read_recommendations(INDEXES))
    assert len(recommended) == INDEXES.count("CREATE INDEX IF NOT EXISTS") > 5
    assert all(item.serves and item.key.columns for item in recommended)


async def test_server_facts(database):
    async with database.session() as session:
        assert await read_server(session) == ServerFacts("UTF8", superuser=False, lower_is_unicode=True)


@pytest.mark.parametrize(("sharded", "level"), [("auto", None), ("false", None), ("true", "note")])
async def test_without_citus_only_the_setting_for_it_is_noted(database, model, sharded, level):
    findings = await citus_findings(database, model, sharded)
    assert [(finding.level, finding.subject) for finding in findings] == ([(level, "server")] if level else [])


async def test_without_a_database_it_raises(model):
    database = await Database.open(DatabaseSettings("postgresql://x@127.0.0.1:1/x"))
    with pytest.raises(DbUnavailable):
        await inspect(database, model)


@pytest.mark.parametrize(
    ("declared", "column_type", "served"),
    [
        ("Edm.SByte", "int2", "Edm.Int16"), ("Edm.Byte", "int4", "Edm.Int32"), ("Edm.Int16", "int8", "Edm.Int64"), ("Edm.Int32", "int8", "Edm.Int64"),
        ("Edm.Single", "float8", "Edm.Double"), ("Edm.Int32", "numeric", None), ("Edm.Decimal", "float8", None), ("Edm.Date", "timestamp", None),
    ],
)  # fmt: skip
def test_a_wider_number_widens_the_type(declared, column_type, served):
    assert wider_type(PRIMITIVE_TYPES[declared], column_type) is (PRIMITIVE_TYPES[served] if served else None)


DERIVED = {
    "$Version": "4.01",
    "$EntityContainer": "s.Service",
    "s": {
        "thing": {
            "$Kind": "EntityType",
            "$Key": ["id"],
            "@Gateway.Table": "public.messages",
            "@Gateway.Unscoped": True,
            "@Gateway.Discriminator": "status",
            "id": {"$Type": "Edm.Int64"},
            "status": {"$Type": "Edm.Int32"},
            "nope": {"$Nullable": True},
            "other": {"$Kind": "NavigationProperty", "$Type": "s.lost", "$Nullable": True, "@Gateway.Join": ["source.gone = target.id"]},
            "self": {"$Kind": "NavigationProperty", "$Type": "s.thing", "$Nullable": True, "@Gateway.Join": ["source.gone = target.id"]},
        },
        "first": {"$Kind": "EntityType", "$BaseType": "s.thing", "@Gateway.DiscriminatorValue": "1"},
        "second": {"$Kind": "EntityType", "$BaseType": "s.first", "@Gateway.DiscriminatorValue": "2", "own": {"$Nullable": True}},
        "lost": {
            "$Kind": "EntityType",
            "$Key": ["id"],
            "@Gateway.Table": "public.lost",
            "@Gateway.Unscoped": True,
            "@Gateway.Discriminator": "kind",
            "id": {"$Type": "Edm.Int64"},
            "kind": {},
        },
        "found": {"$Kind": "EntityType", "$BaseType": "s.lost", "@Gateway.DiscriminatorValue": "x"},
        "Service": {
            "$Kind": "EntityContainer",
            "things": {"$Collection": True, "$Type": "s.thing", "$NavigationPropertyBinding": {"other": "lost", "self": "things"}},
            "lost": {"$Collection": True, "$Type": "s.lost"},
        },
    },
}


async def test_what_is_wrong_with_a_table_is_told_once_for_all_types_of_it(reader_dsn):
    database = await Database.open(DatabaseSettings(reader_dsn))
    _, findings = await inspect(database, parse_model(DERIVED))
    await database.close()
    assert [(each.subject, each.text.split(";")[0]) for each in findings if each.subject != "public.messages.status"] == [
        ("public.messages.nope", "the column does not exist"),
        ("public.messages.own", "the column does not exist"),
        ("public.lost", "the table does not exist"),
        ("thing.self", "public.messages.gone: the column does not exist"),
    ]
