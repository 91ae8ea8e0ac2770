"""Whether the key of each entity type is unique and never null in the database.

Pages follow the key: a row whose key is null, or that of another row, could be left out without a
trace. So a key is proven before a row is served, in the first of three ways that succeeds:

    by index  a valid unique index on columns that are NOT NULL (`TableFacts.proves`)
    by rule   Postgres's planner can do without a join to the rows of a key that it knows to be
              unique, and without rows whose key is null. It knows both of a view through which the
              key of a table comes unchanged, or the columns of a GROUP BY. Nothing is read
    by query  no row has null in the key or the key of another row, as of now. The query has a time
              limit, and is repeated while the model is in use

A key that none of them decides is trusted only if the model vouches for it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.schema.catalog import TableFacts
from odata_gateway.db.schema.findings import Finding
from odata_gateway.edm.model import EntityType, Model, Property, Table, Withheld
from odata_gateway.edm.tables import in_quotes
from odata_gateway.errors import (
    DbBusy,
    DbKey,
    DbTable,
    DbTimeout,
    DbUnavailable,
    DbValue,
    ODataError,
)

PAUSE = 100
"""How many times as long as a query took until it is repeated: so all of them together cost a
server at most a hundredth of one processor."""

_MAY_HIDE_ROWS = """
WITH RECURSIVE below (oid, kind, is_own) AS (
    SELECT c.oid, c.relkind, true FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1::text AND c.relname = $2::text
    UNION
    SELECT c.oid, c.relkind, false FROM below
    JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = below.oid AND below.kind = 'v'
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass
        AND d.objid = r.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
    JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid AND d.refobjid <> r.ev_class
)
SELECT EXISTS (SELECT FROM below JOIN pg_catalog.pg_class AS c ON c.oid = below.oid
               WHERE CASE WHEN is_own THEN row_security_active(c.oid) ELSE c.relrowsecurity END)
"""

Outcome = Literal["unique", "null", "twins", "undecided", "failing", "open"]


class KeyColumns(NamedTuple):
    """A key as the database has it."""

    table: Table
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """What is known about a key.

    outcome     failing: the query meets an error of the table's own; open: it has not run yet
    never_null  also of rows that come later
    detail      the number of the column that is null, or why nothing could be decided
    is_late     the query took longer than its limit
    """

    outcome: Outcome
    never_null: bool = False
    detail: str = ""
    is_late: bool = False


_PROVEN, _OPEN = KeyVerdict("unique", never_null=True), KeyVerdict("open")


@dataclass(slots=True)
class _Answer:
    """The last outcome of the query for a key, and when it is asked again, by time.monotonic()."""

    verdict: KeyVerdict
    due: float


class KeyProofs:
    """What is known about the keys of a database, and the queries that find out.

    role        as which they run; None: the connection's own
    unanswered  the keys whose query had no time, or no answer in time, when `outcome` was asked
    """

    def __init__(self, database: Database, role: str | None = None) -> None:
        self.unanswered: set[KeyColumns] = set()
        self._database = database
        self.role = role
        settings = database.settings
        self._bound_s = min(settings.key_check_s, settings.statement_timeout_s)
        self._answers: dict[KeyColumns, _Answer] = {}
        self._asked: dict[KeyColumns, bool] = {}
        """The keys that need the query, and whether they are known to be unique already, so that
        only nulls are to be looked for."""

    async def verdict(self, entity_type: EntityType, facts: TableFacts) -> KeyVerdict:
        """What is known about the key of an entity type, without running its query."""
        key = _columns_of(entity_type)
        self._asked.pop(key, None)
        if entity_type.row_key is not None:
            return _PROVEN
        for prop in entity_type.key:
            if prop.type.reading(prop.pg_type).merges:
                detail = f"two values of {prop.name} may be shown as the same text"
                return KeyVerdict("undecided", detail=detail)
        if facts.proves(key.columns):
            return _PROVEN
        is_unique = await self._plan_says(_is_joined_away, _UNIQUE_RULE, key)
        if is_unique and await self._plan_says(_is_empty, _NULL_RULE, key):
            return _PROVEN
        self._asked[key] = is_unique
        answer = self._answers.get(key)
        return _OPEN if answer is None else answer.verdict

    async def outcome(self, key: KeyColumns, *, may_ask: bool = True) -> Outcome:
        """Whether no row has null in the key or the key of another row: by rule, or as of now by
        the query, if it may run."""
        is_unique = await self._plan_says(_is_joined_away, _UNIQUE_RULE, key)
        if is_unique and await self._plan_says(_is_empty, _NULL_RULE, key):
            return "unique"
        verdict = await self._asked_verdict(key, is_unique) if may_ask else _OPEN
        if verdict is _OPEN or verdict.is_late:
            self.unanswered.add(key)
        return verdict.outcome

    async def decide(self, model: Model) -> bool:
        """Run the queries of a model that are due; whether any outcome is new.

        Returns early where the database does not answer.
        """
        is_new = False
        keys = dict.fromkeys(_columns_of(t) for t in model.entity_types.values())
        for key in [key for key in keys if key in self._asked]:
            is_unique = self._asked[key]
            before, started = self._answers.get(key), time.monotonic()
            if before is not None and started < before.due:
                continue
            verdict = await self._asked_verdict(key, is_unique)
            if verdict is _OPEN:
                break
            if verdict.outcome == "undecided" and before is not None:
                verdict = before.verdict  # what was decided once stays until the opposite is found
            is_new = is_new or before is None or before.verdict != verdict
            now = time.monotonic()
            self._answers[key] = _Answer(verdict, now + PAUSE * (now - started))
        return is_new

    async def _plan_says(self, holds: Any, template: str, key: KeyColumns) -> bool:
        """Whether the plan of a statement proves something. A statement that cannot be planned, as
        of a view whose function fails, proves nothing."""
        try:
            async with self._database.session(role=self.role) as session:
                rows = await session.fetch(BoundStatement(_filled(template, key), replan=True))
        except (DbUnavailable, DbBusy):
            raise
        except ODataError:
            return False
        return bool(holds(json.loads(rows[0][0])[0]["Plan"]))

    async def _asked_verdict(self, key: KeyColumns, is_unique: bool) -> KeyVerdict:
        """What the query finds within its time limit."""
        if not self._bound_s:
            return KeyVerdict("undecided", detail="ODATA_KEY_CHECK_S is 0")
        try:
            return await self._look_for_faults(key, is_unique)
        except (DbUnavailable, DbBusy):
            return _OPEN
        except DbTimeout:
            detail = f"looking for a null or a duplicate takes longer than {self._bound_s:g} s"
            return KeyVerdict("undecided", detail=detail, is_late=True)
        except (DbTable, DbValue) as error:
            return KeyVerdict("failing", detail=error.message)
        except ODataError as error:
            return KeyVerdict("undecided", detail=f"looking at all rows fails: {error}")

    async def _look_for_faults(self, key: KeyColumns, is_unique: bool) -> KeyVerdict:
        async with self._database.session(role=self.role, snapshot=True) as session:
            names = key.table.schema, key.table.name
            hides = (await session.fetch(BoundStatement(_MAY_HIDE_ROWS, names)))[0][0]
            if hides or self._database.settings.row_security:
                detail = "row-level security may hide rows from whoever looks"
                return KeyVerdict("undecided", detail=detail)
            await session.limit_statements(self._bound_s)
            template = _NULLS if is_unique else _FAULTS
            found = await session.fetch(BoundStatement(_filled(template, key), replan=True))
        if not found:
            return KeyVerdict("unique")
        nulls = [name for name, is_null in zip(key.columns, found[0], strict=True) if is_null]
        return KeyVerdict("null", detail=nulls[0]) if nulls else KeyVerdict("twins")


def _columns_of(entity_type: EntityType) -> KeyColumns:
    return KeyColumns(entity_type.table, tuple(p.column for p in entity_type.key))


# --- statements -----------------------------------------------------------------------------------

_UNIQUE_RULE = (
    "EXPLAIN (FORMAT JSON, COSTS OFF) SELECT FROM (SELECT {columns} FROM {table} LIMIT 1) AS l "
    "LEFT JOIN {table} AS r ON {equal}"
)
_NULL_RULE = "EXPLAIN (FORMAT JSON, COSTS OFF) SELECT FROM {table} AS r WHERE {any_null}"
_NULLS = "SELECT {are_null} FROM {table} AS r WHERE {any_null} LIMIT 1"
_FAULTS = (
    "SELECT {are_null} FROM {table} AS r GROUP BY {columns} "
    "HAVING count(*) > 1 OR {any_null} LIMIT 1"
)


def _filled(template: str, key: KeyColumns) -> str:
    names = [in_quotes(name) for name in key.columns]
    return template.format(
        table=f"{in_quotes(key.table.schema)}.{in_quotes(key.table.name)}",
        columns=", ".join(names),
        equal=" AND ".join(f"r.{name} = l.{name}" for name in names),
        are_null=", ".join(f"{name} IS NULL" for name in names),
        any_null="(" + " OR ".join(f"{name} IS NULL" for name in names) + ")",
    )


# --- plans ----------------------------------------------------------------------------------------


def _is_joined_away(plan: dict[str, Any]) -> bool:
    """Whether the plan of a left join has its left side alone, which is one row of a subquery."""
    return plan["Node Type"] in ("Limit", "Subquery Scan")


def _is_empty(plan: dict[str, Any]) -> bool:
    """Whether a plan can have no row, whatever the tables have: at its end a condition is false."""
    below = plan.get("Plans", [])
    if plan["Node Type"] == "Result" and not below:
        return bool(plan.get("One-Time Filter") == "false")
    keeps_none = plan["Node Type"] in ("Subquery Scan", "Limit", "Sort", "Unique", "Group") or (
        plan["Node Type"] == "Aggregate" and "Group Key" in plan and "Grouping Sets" not in plan
    )
    return keeps_none and len(below) == 1 and _is_empty(below[0])


# --- what follows for an entity type --------------------------------------------------------------


def with_key(
    entity_type: EntityType, facts: TableFacts, verdict: KeyVerdict, *, set_name: str
) -> tuple[EntityType, list[Finding]]:
    """The entity type as its key can serve it, and what the operator must know."""
    subject = f"{entity_type.table.schema}.{entity_type.table.name}"
    if (refused := _refusal(entity_type, verdict, set_name)) is not None:
        found = [] if verdict is _OPEN else [Finding("error", subject, _text(refused))]
        return replace(entity_type, refused=refused), found
    properties = {
        name: _key_property(p, facts, verdict, set_name) if p.is_key else p
        for name, p in entity_type.properties.items()
    }
    null_keys = tuple(p for p in properties.values() if p.null_key is not None)
    proven = tuple(k for k in entity_type.alternate_keys if _is_proven(k, properties, facts))
    found = [*_vouched(verdict, subject, set_name)]
    found += [
        Finding(
            "warning", subject, f"the alternate key ({','.join(names)}) is left out: {_NO_INDEX}"
        )
        for names in entity_type.alternate_keys
        if names not in proven
    ]
    changed = replace(
        entity_type, properties=properties, null_keys=null_keys, alternate_keys=proven
    )
    return changed, found


_NO_INDEX = "there is no unique index on these columns, NOT NULL, that the role may read"


def _is_proven(
    names: tuple[str, ...], properties: Mapping[str, Property], facts: TableFacts
) -> bool:
    """Whether an alternate key finds at most one row, and every row has it."""
    found = [properties[name] for name in names if name in properties]
    is_whole = len(found) == len(names) and not any(p.missing for p in found)
    return is_whole and facts.proves(p.column for p in found)


def _key_property(
    prop: Property, facts: TableFacts, verdict: KeyVerdict, set_name: str
) -> Property:
    """A property of the key, with its name for errors if it may be null in a row: it is NULL there,
    or a value that OData has not, such as an infinite time. The latter does not keep an index from
    its order."""
    is_filled = verdict.never_null or facts.columns[prop.column].not_null
    if is_filled and not prop.type.reading(prop.pg_type).can_be_null:
        return prop
    return replace(prop, null_key=f"{set_name}.{prop.name}", not_null=is_filled)


def _vouched(verdict: KeyVerdict, subject: str, set_name: str) -> Iterator[Finding]:
    if verdict.outcome != "unique":
        text = (
            f"the key of {set_name} is not proven ({verdict.detail}); it is served because the "
            "model vouches for it with @Gateway.KeyIsUnique"
        )
        yield Finding("note", subject, text)


def _refusal(entity_type: EntityType, verdict: KeyVerdict, set_name: str) -> Withheld | None:
    """Why no row can be served, or None."""
    key = ", ".join(f"{set_name}.{p.name}" for p in entity_type.key)
    start = f"{set_name} cannot be served"
    vouch = "vouch for the key with @Gateway.KeyIsUnique"
    another = "name another key in the model, or make this one unique and NOT NULL in the database"
    match verdict.outcome:
        case "null":
            names = [p.name for p in entity_type.key if p.column == verdict.detail]
            text = f"{start}: its key is null in a row: {set_name}.{names[0]}"
            return Withheld(DbKey, text, another)
        case "twins":
            return Withheld(DbKey, f"{start}: two rows have the same key: {key}", another)
        case "undecided" if not entity_type.vouched:
            text = f"{start}: it is not known whether its key is unique: {key}; {verdict.detail}"
            hint = f"make a unique index on NOT NULL columns, raise ODATA_KEY_CHECK_S, or {vouch}"
            return Withheld(DbKey, text, hint)
        case "failing" if not entity_type.vouched:
            text = f"reading {set_name} fails in the database: {verdict.detail}"
            hint = f"mend it, or {vouch} to read rows that do not fail"
            return Withheld(DbTable, text, hint)
        case "open":
            return Withheld(DbUnavailable, f"the key of {set_name} is still being checked")
        case _:
            return None


def _text(refused: Withheld) -> str:
    return f"{refused.message}; {refused.hint}"
