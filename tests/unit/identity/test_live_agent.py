"""Tokens of the sample data: who they belong to, how long that is remembered, and what is not."""

from __future__ import annotations

import asyncio
import gc

import pytest
from odata_gateway.db.database import Database
from odata_gateway.db.schema.roles import RoleDirectory
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.edm.csdl import load_model
from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthMissing, DbUnavailable
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.directory import LEAST_UNKNOWN_S, CallerDirectory
from odata_gateway.identity.live_agent import MOST_TTL_S, LiveAgentTokens
from tests.harness import tokens


@pytest.fixture
async def database(reader_dsn):
    database = await Database.open(DatabaseSettings(reader_dsn))
    yield database
    await database.close()


@pytest.fixture
async def scratch_database(scratch_reader_dsn):
    database = await Database.open(DatabaseSettings(scratch_reader_dsn))
    yield database
    await database.close()


TABLES = load_model().tokens


def directory_of(database, roles=(1,), ttl_s=MOST_TTL_S, *, entries=10_000):
    """Live Agent's tokens as the only way in, and what is remembered beside it."""
    users = LiveAgentTokens(database, TABLES, roles, ttl_s, entries=entries)
    return CallerDirectory((users,), RoleDirectory(database), unknown_s=ttl_s, entries=entries), users


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (tokens.ADMIN, Caller("1", (1,))),
        (tokens.OTHER_ADMIN, Caller("3", (2,))),
        (tokens.BOTH_ADMIN, Caller("4", (1, 2))),
        (tokens.ADMIN_AND_AGENT, Caller("8", (1,))),
        (tokens.THIRD_ADMIN, Caller("9", (3,))),
        (tokens.AGENT, AuthForbidden),
        (tokens.NO_MEMBER, AuthForbidden),
        (tokens.EX_MEMBER, AuthForbidden),  # administrator of account null
        (tokens.SUPERVISOR, AuthForbidden),
        (tokens.DELETED_USER, AuthInvalid),
        (tokens.AGENT_BOT, AuthInvalid),
        (tokens.PLATFORM_APP, AuthInvalid),
        (tokens.LOWER_CASE_OWNER, AuthInvalid),
        (tokens.NULL_OWNER, AuthInvalid),
        (tokens.UNKNOWN, AuthInvalid),
        (tokens.ADMIN.lower(), AuthInvalid),
        (tokens.ADMIN + " ", AuthInvalid),
        ("%", AuthInvalid),
        ("' OR true --", AuthInvalid),
        (None, AuthMissing),
        ("", AuthInvalid),
        ("nul\0", AuthInvalid),
        ("lone \ud800 surrogate", AuthInvalid),
        ("x" * 100_000, AuthInvalid),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)
async def test_callers(database, token, expected):
    directory, _ = directory_of(database)
    for _ in range(2):  # asked, then remembered
        if isinstance(expected, Caller):
            assert await directory.caller(token) == expected
        else:
            with pytest.raises(expected) as caught:
                await directory.caller(token)
            assert not token or token not in str(caught.value)


async def test_other_roles_can_be_administrators(database):
    directory, _ = directory_of(database, (0, 2))
    assert await directory.caller(tokens.SUPERVISOR) == Caller("13", (1,))
    assert await directory.caller(tokens.ADMIN_AND_AGENT) == Caller("8", (2,))
    with pytest.raises(AuthForbidden):
        await directory.caller(tokens.ADMIN)


async def test_answers_are_remembered_and_forgotten_in_time(scratch_database, owner):
    directory, _ = directory_of(scratch_database, ttl_s=LEAST_UNKNOWN_S)
    assert await directory.caller(tokens.ADMIN) == Caller("1", (1,))
    with pytest.raises(AuthInvalid):
        await directory.caller(tokens.UNKNOWN)
    await owner.execute("UPDATE access_tokens SET token = $2 WHERE token = $1", tokens.ADMIN, tokens.UNKNOWN)
    assert await directory.caller(tokens.ADMIN) == Caller("1", (1,))
    with pytest.raises(AuthInvalid):
        await directory.caller(tokens.UNKNOWN)
    await asyncio.sleep(LEAST_UNKNOWN_S + 0.05)
    with pytest.raises(AuthInvalid):
        await directory.caller(tokens.ADMIN)
    assert await directory.caller(tokens.UNKNOWN) == Caller("1", (1,))


async def test_nothing_is_remembered_longer_than_the_limit(database):
    assert LiveAgentTokens(database, TABLES, (1,), ttl_s=3600)._ttl_s == MOST_TTL_S == 30


async def test_a_failing_database_is_not_remembered(reader_dsn, cluster):
    down = await Database.open(DatabaseSettings("postgresql://x@127.0.0.1:1/x"))
    directory, users = directory_of(down)
    with pytest.raises(DbUnavailable):
        await directory.caller(tokens.ADMIN)
    users._database = up = await Database.open(DatabaseSettings(reader_dsn))
    assert await directory.caller(tokens.ADMIN) == Caller("1", (1,))
    await up.close()


async def test_many_at_once_ask_once_and_one_who_gives_up_disturbs_nobody(scratch_database, owner):
    directory, users = directory_of(scratch_database)
    async with owner.transaction():
        await owner.execute("LOCK TABLE access_tokens IN ACCESS EXCLUSIVE MODE")
        tasks = [asyncio.create_task(directory.caller(tokens.ADMIN)) for _ in range(50)]
        await asyncio.sleep(0.1)
        assert scratch_database.counts["used"] == 1
        tasks[0].cancel()
    assert set(await asyncio.gather(*tasks[1:])) == {Caller("1", (1,))}
    assert tasks[0].cancelled()
    assert users._asking == {}


async def test_memory_is_bounded_and_holds_no_token(database):
    directory, users = directory_of(database, entries=10)
    for n in range(50):
        with pytest.raises(AuthInvalid):
            await directory.caller(f"unknownTokenNumber{n:06}")
        if n % 5 == 0:
            await directory.caller(tokens.ADMIN)
    assert len(directory._unknown) == 10 and len(users._known) == 1
    gc.collect()
    remembered = repr(directory._unknown) + repr(users._known)
    assert tokens.ADMIN not in remembered and "unknownToken" not in remembered


async def test_known_callers_are_bounded_too(database):
    directory, users = directory_of(database, entries=1)
    for token, caller in ((tokens.ADMIN, Caller("1", (1,))), (tokens.OTHER_ADMIN, Caller("3", (2,)))) * 2:
        assert await directory.caller(token) == caller
        assert len(users._known) == 1
