"""Facts about functions that only read, and how those of a model differ from them.

A function is served if it is STABLE or IMMUTABLE, which is a promise of its owner that it changes
nothing; the session is read-only besides. It is found by its name and the names and types of its
parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.schema.catalog import Tables
from odata_gateway.db.schema.findings import Finding
from odata_gateway.db.schema.served_types import fitted_part, located
from odata_gateway.db.schema.type_facts import TypeFacts, read_types
from odata_gateway.db.session import Session
from odata_gateway.edm.functions import FunctionImport, FunctionParameter, ModelFunction
from odata_gateway.edm.model import EntityType, Model, Property, Withheld
from odata_gateway.errors import DbModel
from odata_gateway.types.primitive import PrimitiveType

_FUNCTIONS = """
SELECT n.nspname::text AS schema, p.proname::text AS name, p.provolatile::text AS volatility,
       p.proretset AS returns_set, p.pronargdefaults::int4 AS defaults,
       p.provariadic <> 0 AS is_variadic, p.prorettype AS result,
       coalesce(p.proallargtypes, p.proargtypes::oid[]) AS types,
       coalesce(p.proargnames, '{}') AS names,
       coalesce(p.proargmodes::text[], '{}') AS modes,
       has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE')
           AS may_call,
       obj_description(p.oid, 'pg_proc') AS comment
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.prokind = 'f' AND CASE WHEN $1::text[] IS NULL
    THEN n.nspname NOT LIKE 'pg\\_%' ESCAPE E'\\\\' AND n.nspname <> 'information_schema'
    ELSE n.nspname = ANY ($1::text[]) END
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.deptype IN ('e', 'i')
                AND d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid)
ORDER BY 1, 2, p.pronargs, p.oid
"""
"""Not those of extensions, nor those that belong to a range type, which make ranges."""

_ROWS = """
SELECT t.oid, t.typtype = 'p' AS is_pseudo, n.nspname::text AS schema, c.relname::text AS relation,
       i.oid IS NOT NULL AS is_array
FROM pg_catalog.pg_type AS t
LEFT JOIN pg_catalog.pg_type AS i ON i.oid = t.typelem AND t.typcategory = 'A'
LEFT JOIN pg_catalog.pg_class AS c
    ON c.oid = coalesce(i.typrelid, t.typrelid) AND c.relkind <> 'c'
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE t.oid = ANY ($1::oid[])
"""


@dataclass(frozen=True, slots=True)
class ValueType:
    """The type of a parameter or a result.

    is_pseudo  it is none that a value has, such as `record` or `trigger`
    relation   the table whose rows are of this type: its schema and its name
    items_of   the table whose rows are the items of this array
    """

    facts: TypeFacts
    is_pseudo: bool = False
    relation: tuple[str, str] | None = None
    items_of: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def columns(self) -> tuple[tuple[str, TypeFacts], ...]:
        """Of a composite type that no table has."""
        is_own = self.facts.kind == "composite" and self.relation is None
        return tuple(self.facts.members.items()) if is_own else ()


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """A function.

    reads_only  it is STABLE or IMMUTABLE
    parameters  those that a call gives; the last `defaults` of them can be left out. A name may be
                empty
    columns     of the rows that it returns; empty where the type of the result says it all
    may_call    this role may execute it
    """

    schema: str
    name: str
    reads_only: bool
    parameters: tuple[tuple[str, ValueType], ...]
    defaults: int
    is_variadic: bool
    result: ValueType
    returns_set: bool
    columns: tuple[tuple[str, TypeFacts], ...]
    may_call: bool
    comment: str | None

    @property
    def signature(self) -> str:
        """As SQL names it, without its schema."""
        types = ", ".join(type_.name for _, type_ in self.parameters)
        return f"{self.name}({types})"


async def read_functions(
    session: Session, schemas: Sequence[str] | None
) -> tuple[FunctionFacts, ...]:
    """The functions of these schemas that no extension owns; None for all but Postgres's own."""
    rows = await session.fetch(BoundStatement(_FUNCTIONS, (schemas and list(schemas),)))
    oids = sorted({oid for row in rows for oid in (row["result"], *row["types"])})
    facts = await read_types(session, oids)
    rows_of = await session.fetch(BoundStatement(_ROWS, (oids,)))
    types = {row["oid"]: _value_type(row, facts[row["oid"]]) for row in rows_of}
    return tuple(_function(row, types) for row in rows)


def _value_type(row: Mapping[str, Any], facts: TypeFacts) -> ValueType:
    table = (row["schema"], row["relation"]) if row["relation"] else None
    if row["is_array"]:
        return ValueType(facts, row["is_pseudo"], items_of=table)
    return ValueType(facts, row["is_pseudo"], table)


def _function(row: Mapping[str, Any], types: Mapping[int, ValueType]) -> FunctionFacts:
    count = len(row["types"])
    names = [*row["names"], *("" for _ in range(count - len(row["names"])))]
    modes = row["modes"] or ["i"] * count
    slots = list(zip(names, modes, (types[oid] for oid in row["types"]), strict=True))
    columns = tuple((name, type_.facts) for name, mode, type_ in slots if mode in "obt")
    return FunctionFacts(
        row["schema"],
        row["name"],
        row["volatility"] in "si",
        tuple((name, type_) for name, mode, type_ in slots if mode in "ibv"),
        row["defaults"],
        row["is_variadic"],
        types[row["result"]],
        row["returns_set"],
        columns if len(columns) > 1 else (),
        row["may_call"],
        row["comment"],
    )


# --- the functions of a model ---------------------------------------------------------------------


async def with_functions(
    session: Session, model: Model, tables: Tables, findings: list[Finding]
) -> Model:
    """The model with those of its functions that this database has and this role may execute; adds
    to the findings."""
    declared = [f for functions in model.functions.values() for f in functions]
    computed = {p.function for t in model.entity_types.values() for p in t.properties.values()}
    schemas = sorted({f.schema for f in declared} | {f.schema for f in computed if f})
    if not schemas:
        return model
    facts = await read_functions(session, schemas)
    types = {
        name: _with_computed(entity_type, facts, tables, findings)
        for name, entity_type in model.entity_types.items()
    }
    kept, rows = dict[str, tuple[ModelFunction, ...]](), dict(model.row_types)
    imports = dict(model.imports)
    for function in declared:
        found = next((each for each in facts if _is(function, each)), None)
        fault = _fault(function, found) or _fault_of_rows(function, model, tables)
        called = None if found is None else _with_types(function, found)
        if fault is None and called is None:
            fault = "the role may not use a type of it"
        if fault is not None or found is None or called is None:
            subject = f"{function.schema}.{function.routine}"
            text = f"{fault}; {function.qualified_name} is left out"
            findings.append(Finding("warning", subject, text))
            continue
        name = function.qualified_name
        kept[name] = (*kept.get(name, ()), called)
        if called is not function:
            imports = {key: _with_function(each, function, called) for key, each in imports.items()}
        if function.result.type in rows and isinstance(function.result.type, str):
            rows[function.result.type] = _with_columns(rows[function.result.type], found)
    return replace(model, functions=kept, imports=imports, row_types=rows, entity_types=types)


def _with_computed(
    entity_type: EntityType,
    facts: Sequence[FunctionFacts],
    tables: Tables,
    findings: list[Finding],
) -> EntityType:
    """An entity type whose computed properties that cannot be computed are marked as missing: a
    function of the row is given all columns of it."""
    if not any(p.function for p in entity_type.properties.values()):
        return entity_type
    table = (entity_type.table.schema, entity_type.table.name)
    is_open = _is_open(entity_type, tables)
    able = {
        (f.schema, f.name): f.result.facts
        for f in facts
        if is_open and f.reads_only and f.may_call and not f.returns_set
        if len(f.parameters) == 1 and f.parameters[0][1].relation == table
    }
    properties = dict(entity_type.properties)
    for name, prop in properties.items():
        if prop.function is not None:
            found = able.get((prop.function.schema, prop.function.name))
            properties[name] = _property(prop, found)
            if properties[name].missing:
                text = f"no function of a row may be called; {name} is left out"
                subject = f"{prop.function.schema}.{prop.function.name}"
                findings.append(Finding("warning", subject, text))
    return replace(entity_type, properties=properties)


def fitted_computed(prop: Property, entity_type: EntityType) -> Property | Withheld:
    """A property that a function computes, or why it cannot be read."""
    if not prop.missing:
        return prop
    text = f"{entity_type.name}.{prop.name} cannot be read: its function cannot be called"
    return Withheld(DbModel, text, "leave it out")


def _is(function: ModelFunction, facts: FunctionFacts) -> bool:
    """Whether these are the facts of a function: its name, and the names of its parameters."""
    if (function.schema, function.routine) != (facts.schema, facts.name):
        return False
    given = facts.parameters
    if function.bound_to is not None:
        is_array = bool(given) and given[0][1].facts.kind == "array"
        if is_array != function.bound_to_many:
            return False
        given = given[1:]
    if len(given) != len(function.parameters):
        return False
    return all(
        parameter.column in ("", name) and _passes(parameter, type_)
        for parameter, (name, type_) in zip(function.parameters, given, strict=True)
    )


def _passes(parameter: FunctionParameter, type_: ValueType) -> bool:
    """Whether a parameter is passed as the type that the function has there."""
    facts = type_.facts
    if parameter.collection:
        if facts.kind != "array" or facts.item is None:
            return False
        facts = facts.item
    return parameter.pg_type in (facts.name, f"{facts.schema}.{facts.name}")


def _fault(function: ModelFunction, facts: FunctionFacts | None) -> str | None:
    """Why a function cannot be served, or None."""
    if facts is None:
        return "no function of this name has these parameters"
    if not facts.reads_only:
        return "the function is VOLATILE, so it may write"
    if not facts.may_call:
        return "the role may not execute the function"
    if facts.returns_set and not function.result.collection:
        return "the function returns a set"
    return None


def _fault_of_rows(function: ModelFunction, model: Model, tables: Tables) -> str | None:
    """Why a function cannot be given the rows that it is called for, or None."""
    name = None if function.bound_to is None else function.bound_to[0]
    bound = None if function.bound_column is not None else model.entity_types.get(name or "")
    if bound is None or bound.table not in tables or _is_open(bound, tables):
        return None
    return f"the role may not read all columns of {bound.table.name}"


def _is_open(entity_type: EntityType, tables: Tables) -> bool:
    """Whether the role may read all columns of a table."""
    relation = tables.get(entity_type.table)
    return relation is not None and all(c.readable for c in relation.columns.values())


def _with_types(function: ModelFunction, facts: FunctionFacts) -> ModelFunction | None:
    """A function with types of an extension as the database has them; None where it cannot be
    called."""
    listed = [function.result.type, *(parameter.type for parameter in function.parameters)]
    if all(isinstance(t, str) or t.family.of_column is None for t in listed):
        return function
    given = facts.parameters[1:] if function.bound_to is not None else facts.parameters
    parameters = [
        _with_type(parameter, type_.facts)
        for parameter, (_, type_) in zip(function.parameters, given, strict=True)
    ]
    result = function.result
    if isinstance(result.type, PrimitiveType) and result.type.family.of_column is not None:
        type_ = located(result.type, facts.result.facts)
        if type_ is None:
            return None
        result = replace(result, type=type_)
    kept = tuple(parameter for parameter in parameters if parameter is not None)
    if len(kept) < len(parameters):
        return None
    return replace(function, parameters=kept, result=result)


def _with_function(
    found: FunctionImport, function: ModelFunction, called: ModelFunction
) -> FunctionImport:
    """A function import with one function in the place of another."""
    functions = tuple(called if each is function else each for each in found.functions)
    return replace(found, functions=functions)


def _with_type(parameter: FunctionParameter, facts: TypeFacts) -> FunctionParameter | None:
    if parameter.type.family.of_column is None:
        return parameter
    type_ = located(parameter.type, facts)
    if type_ is None:
        return None
    return replace(parameter, type=type_, pg_type=f"{facts.schema}.{facts.name}")


def _with_columns(rows: EntityType, facts: FunctionFacts) -> EntityType:
    """A complex type with what the database says of the columns of a function's rows. What the
    database lacks reads as null."""
    columns = dict(facts.columns or facts.result.columns)
    return replace(
        rows,
        properties={
            name: _property(prop, columns.get(prop.column))
            for name, prop in rows.properties.items()
        },
    )


def _property(prop: Property, facts: TypeFacts | None) -> Property:
    found = None if facts is None else fitted_part(prop, facts)
    return replace(prop, missing=True, nullable=True) if found is None else found
