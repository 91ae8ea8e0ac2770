"""What is read of each of a caller's accounts, at once on as many connections as are free."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from odata_gateway.compiler.compiled_query import ArgumentValues, CompiledQuery
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.hosts import PgRecord
from odata_gateway.db.session import Session
from odata_gateway.errors import Unsupported
from odata_gateway.identity.caller import Caller
from odata_gateway.sql.statement import StatementKind, StatementVariant, is_split

_T = TypeVar("_T")
Reading = Callable[[Session], Awaitable[_T]]
"""What is to be read on a session."""


def alone(
    compiled: CompiledQuery, variant: StatementVariant, kind: StatementKind
) -> StatementVariant | None:
    """The variant that reads one account; None where one statement must read them all."""
    if not is_split(compiled.query, variant, kind):
        return None
    found = variant._replace(alone=True)
    try:
        compiled.statement(kind, found)
    except Unsupported:
        return None
    return found


def callers_alone(caller: Caller) -> list[Caller]:
    """The caller once for each account, which comes first."""
    accounts = caller.accounts
    return [
        replace(caller, accounts=(account, *accounts[:index], *accounts[index + 1 :]))
        for index, account in enumerate(accounts)
    ]


def readings(
    compiled: CompiledQuery,
    variant: StatementVariant,
    kind: StatementKind,
    values: ArgumentValues,
) -> list[Reading[list[PgRecord]]]:
    """The statement for each account alone; none where one statement must read them all."""
    found = alone(compiled, variant, kind)
    if found is None:
        return []
    statement = compiled.statement(kind, found)
    return [
        _fetching(statement.bind(values._replace(caller=caller)))
        for caller in callers_alone(values.caller)
    ]


def _fetching(statement: BoundStatement) -> Reading[list[PgRecord]]:
    return lambda session: session.fetch(statement)


async def read_each(
    database: Database,
    session: Session,
    beside: Callable[[], Session],
    reads: Sequence[Reading[_T]],
) -> list[_T]:
    """What each of them finds: on the session at hand, and on others while connections are free.

    beside  makes a session of the same caller
    raises  ODataError by SQLSTATE
    """
    found: dict[int, _T] = {}
    left = deque(enumerate(reads))

    async def work(own: Session) -> None:
        while left:
            index, read = left.popleft()
            found[index] = await read(own)

    async def work_beside() -> None:
        async with beside() as own:
            await work(own)

    spare = 0 if session.in_snapshot else min(len(reads) - 1, database.spare)
    tasks = [asyncio.create_task(work_beside()) for _ in range(spare)]
    try:
        await work(session)
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [found[index] for index in range(len(reads))]
