"""The sample data keeps the promises other tests rely on, and the role of roles.sql reads no more than it needs."""

from __future__ import annotations

import asyncpg
import pytest
from tests.harness import tokens

SECRETS = ("encrypted_password", "reset_password_token", "confirmation_token", "tokens", "pubsub_token")
TABLES = ("access_tokens", "account_users", "accounts", "conversations", "inbox_members", "inboxes", "labels", "messages", "taggings",
          "tags", "users")  # fmt: skip


@pytest.fixture
async def reader(reader_dsn):
    connection = await asyncpg.connect(reader_dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def owner(dsn):
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def test_account_1_has_thousands_of_messages_and_hundreds_of_conversations(owner):
    assert await owner.fetchval("SELECT count(*) FROM messages WHERE account_id = 1") > 4000
    assert await owner.fetchval("SELECT count(*) FROM messages") == 8000
    assert await owner.fetchval("SELECT count(*) FROM conversations WHERE account_id = 1") > 300


async def test_conversation_1_has_assignee_and_messages_and_conversation_2_has_neither(owner):
    rows = await owner.fetch("SELECT id, account_id, assignee_id, (SELECT count(*) FROM messages WHERE conversation_id = c.id) AS messages "
                             "FROM conversations AS c WHERE id IN (1, 2) ORDER BY id")  # fmt: skip
    assert [tuple(row)[:3] for row in rows] == [(1, 1, 2), (2, 1, None)]
    assert rows[0]["messages"] > 100 and rows[1]["messages"] == 0
    assert await owner.fetchval("SELECT account_id FROM messages WHERE id = 1") == 1


async def test_tokens_have_24_characters_and_the_owners_their_texts_name(owner):
    known = {name: value for name, value in vars(tokens).items() if name.isupper() and isinstance(value, str)}
    del known["UNKNOWN"]
    rows = {
        row["token"]: (row["owner_type"], row["owner_id"]) for row in await owner.fetch("SELECT * FROM access_tokens WHERE token <> ''")
    }
    assert set(known.values()) == set(rows)
    assert {len(token) for token in rows} == {24}
    assert tokens.UNKNOWN not in rows
    assert rows[tokens.ADMIN] == ("User", 1) and rows[tokens.AGENT_BOT] == ("AgentBot", 1)


async def test_times_beyond_python_are_there(owner):
    sql = "SELECT count(*) FROM conversations WHERE account_id = 1 AND (contact_last_seen_at = '-infinity' OR snoozed_until = 'infinity')"
    assert await owner.fetchval(sql) >= 1
    assert await owner.fetchval("SELECT count(*) FROM conversations WHERE snoozed_until > '10000-01-01' AND isfinite(snoozed_until)") >= 2


@pytest.mark.parametrize("column", SECRETS)
async def test_reader_may_not_read_secrets(reader, owner, column):
    assert await owner.fetchval(f"SELECT count(*) FROM users WHERE {column}::text LIKE '%SECRET%'") > 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.fetch(f"SELECT {column} FROM users")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES", "TRUNCATE {}", "UPDATE {} SET id = id"])
async def test_reader_may_not_write_even_in_a_writing_transaction(reader, table, statement):
    await reader.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute(statement.format(table))


async def test_reader_may_not_create(reader):
    await reader.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute("CREATE TABLE public.x (id integer)")


async def test_reader_reads_every_column_the_collections_need(reader):
    for table, column in [("messages", "external_source_ids"), ("conversations", "uuid"), ("inboxes", "cognigy_project_id"),
                          ("labels", "title"), ("users", "ui_settings"), ("inbox_members", "user_id"), ("tags", "name")]:  # fmt: skip
        assert await reader.fetchval(f"SELECT count(*) FROM (SELECT {column} FROM {table}) AS t") > 0


async def test_roles_can_run_again_with_secrets_and_another_name(cluster, scratch):
    from tests.harness.cluster import SQL_FOLDER

    script = "\\set reader reader_with_secrets\n\\set secrets on\n" + (SQL_FOLDER / "roles.sql").read_text()
    for _ in range(2):
        cluster.psql(scratch, script)
    allowed = cluster.psql(scratch, "SELECT has_column_privilege('reader_with_secrets', 'public.users', 'pubsub_token', 'SELECT')")
    assert allowed.strip() == "t"
    cluster.psql(scratch, "DROP OWNED BY reader_with_secrets; DROP ROLE reader_with_secrets")


async def test_scratch_database_is_a_writable_copy(scratch_dsn, owner):
    connection = await asyncpg.connect(scratch_dsn)
    await connection.execute("DELETE FROM messages")
    await connection.close()
    assert await owner.fetchval("SELECT count(*) FROM messages") == 8000
