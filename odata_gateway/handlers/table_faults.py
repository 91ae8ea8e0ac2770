"""Whose fault an error of the database is: the request's, or that of a table that cannot be read.

A view, a policy or a virtual column runs expressions of its own, which may divide by zero or raise
an exception. Postgres reports that as it reports a mistake in an expression of the request. So
where both are possible, the rows that the caller may see of each such table are read once more,
without anything of the request: if that fails too, it is the table's fault, and the error names its
set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from odata_gateway.compiler.compiled_query import ArgumentValues, CompiledStatement
from odata_gateway.db.database import Database
from odata_gateway.edm.model import EntitySet, EntityType, Model, NavigationProperty, Property
from odata_gateway.errors import DbTable, DbValue, ODataError
from odata_gateway.handlers.execution import caller_session
from odata_gateway.identity.caller import Caller
from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.relation import BoundExpr, CalledFunction, Parameter, Source
from odata_gateway.sql.expr import can_fail
from odata_gateway.sql.statement import whole_rows

READ_AGAIN_S = 2.0
"""How long to read a table for this."""


class TableFaults:
    """Finds the table that an error is about."""

    def __init__(self, database: Database, model: Model) -> None:
        self._database = database
        self._model = model

    async def explained(
        self,
        error: DbTable | DbValue,
        queries: tuple[Query, ...],
        caller: Caller,
        *,
        continues: bool,
    ) -> ODataError:
        """The same error, or the one of the tables that raise it when they are read.

        continues  the request brings the order values of a row in the token of a next link
        """
        calls = dict.fromkeys(f for query in queries for f in _called(query))
        if calls and not isinstance(error, DbValue):
            return _refused(error, list(calls))
        types = dict.fromkeys(t for query in queries for t in _entity_types(query))
        computing = [t for t in types if t.computes]
        if isinstance(error, DbValue) and not computing:
            is_own = continues or any(_computes_itself(query) for query in queries)
            return error if is_own else self._named(error, list(types))
        failing = [t for t in computing if await self._fails(t, caller)]
        if failing:
            return self._named(error, failing)
        return error if isinstance(error, DbValue) else self._named(error, computing or [*types])

    async def _fails(self, entity_type: EntityType, caller: Caller) -> bool:
        """Whether reading the caller's rows of a table raises an error of the table's own."""
        rows = whole_rows(entity_type, many_accounts=not caller.has_one_account)
        statement = CompiledStatement(rows.text, rows.slots, False, {})
        try:
            async with caller_session(self._database, caller, snapshot=True) as session:
                await session.limit_statements(READ_AGAIN_S)
                await session.fetch(statement.bind(ArgumentValues((), caller)))
        except (DbTable, DbValue):
            return True
        except ODataError:
            return False
        return False

    def _named(self, error: DbTable | DbValue, types: list[EntityType]) -> DbTable:
        sets = self._model.set_of_type
        names = sorted(sets[t.name].name if t.name in sets else t.name for t in types)
        reason, hint = error.message, error.hint
        if isinstance(error, DbValue):  # what it says besides is about expressions of requests
            reason, hint = reason.partition(":")[0], None
        found = DbTable(f"reading {' or '.join(names)} fails in the database: {reason}", hint=hint)
        found.__cause__ = error.__cause__
        return found


def _refused(error: DbTable, functions: list[str]) -> DbValue:
    """The error of functions that refuse what they were called with."""
    found = DbValue(
        f"calling {' or '.join(functions)} fails in the database: {error.message}", hint=error.hint
    )
    found.__cause__ = error.__cause__
    return found


def _called(query: Query) -> Iterator[str]:
    """The functions of the model that a query calls."""
    for node in _nodes(query):
        if isinstance(node, CalledFunction):
            yield node.function.qualified_name


def _computes_itself(query: Query) -> bool:
    """Whether a request brings values or operations that can be wrong."""
    return any(
        isinstance(node, Parameter)
        or (isinstance(node, Source) and node.derived is not None)
        or (isinstance(node, BoundExpr) and can_fail(node))
        for node in _nodes(query)
    )


def _entity_types(query: Query) -> Iterator[EntityType]:
    for node in _nodes(query):
        if isinstance(node, Source):
            yield node.entity_type


def _nodes(node: object) -> Iterator[object]:
    """A node of a bound query and all below it; the model's objects have none."""
    if isinstance(node, tuple | list):
        for item in node:
            yield from _nodes(item)
    elif is_dataclass(node) and not isinstance(
        node, type | EntityType | EntitySet | Property | NavigationProperty
    ):
        yield node
        for field in fields(node):
            yield from _nodes(getattr(node, field.name))
