"""The model that a database can serve, and how it differs from the one given.

A difference never becomes a wrong answer:
- A column that does not exist reads as null.
- A column that the role may not read, or whose type cannot hold the declared values, takes its
  property with it: a request that names the property is refused.
- A wider integer widens the declared type, and a column of more digits or characters the declared
  facets, since clients check values against $metadata.
- An entity type without its table, key or row policy is missing as a whole.
- An entity type whose key is not proven to be unique and never null is refused as a whole.
- A navigation property whose join cannot work is left out.
- Nullability that $metadata promises may only become weaker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from odata_gateway.db.database import Database
from odata_gateway.db.schema.catalog import (
    DENIED,
    ColumnFacts,
    TableFacts,
    Tables,
    read_tables,
)
from odata_gateway.db.schema.citus.distribution import is_by_account, read_distributions
from odata_gateway.db.schema.findings import Finding
from odata_gateway.db.schema.functions import fitted_computed, with_functions
from odata_gateway.db.schema.join_types import join_fault, join_sides, typed_join
from odata_gateway.db.schema.keys import KeyProofs, with_key
from odata_gateway.db.schema.row_keys import row_key_faults, row_key_findings, with_possible_key
from odata_gateway.db.schema.row_policies import fitted_policy, policy_faults
from odata_gateway.db.schema.served_types import (
    fitted_structure,
    fitted_value,
    fitted_words,
    served_type,
    unknown_labels,
)
from odata_gateway.db.schema.server_check import (
    other_database_findings,
    search_path_findings,
    server_findings,
)
from odata_gateway.edm.derive import with_partners, with_types
from odata_gateway.edm.model import (
    ComplexType,
    EntityType,
    LeftOut,
    Membership,
    Model,
    NavigationProperty,
    Property,
    Table,
    Withheld,
)
from odata_gateway.errors import DbDenied, DbModel
from odata_gateway.types.facets import Facets
from odata_gateway.types.primitive import PrimitiveType

_NO_COLUMN = "the column does not exist"


async def inspect(
    database: Database, model: Model, *, role: str | None = None
) -> tuple[Model, list[Finding]]:
    """The model as this database can serve it, and where it differs from the one given, with all
    keys looked at.

    role    as which the database is read; None: the connection's own
    raises  ODataError when the database does not answer
    """
    keys = KeyProofs(database, role)
    found = await compare(database, model, keys)
    return await compare(database, model, keys) if await keys.decide(model) else found


async def compare(database: Database, model: Model, keys: KeyProofs) -> tuple[Model, list[Finding]]:
    """The same, by what is known of the keys so far; what takes a query is left to
    `KeyProofs.decide`. The database is read as the role of the proofs.

    raises  ODataError when the database does not answer
    """
    row_security = database.settings.row_security
    async with database.session(role=keys.role, snapshot=True) as session:
        tables = await read_tables(session, _tables(model), with_parts=_has_structures(model))
        findings = await server_findings(session, tables, model.tokens, row_security=row_security)
        findings += await search_path_findings(database, session)
        model = await with_functions(session, model, tables, findings)
        is_sharded = is_by_account(model.entity_types.values(), await read_distributions(session))
    findings += other_database_findings(model, tables)
    told = {name: _told_name(t, model) for name, t in model.entity_types.items()}
    fitted = {
        name: _fit(entity_type, tables, findings, name=told[name])
        for name, entity_type in model.entity_types.items()
    }
    for name, entity_type in fitted.items():
        if not entity_type.missing:
            facts = tables[entity_type.table]
            verdict = await keys.verdict(entity_type, facts)
            of_set = model.set_of_type.get(told[name])
            set_name = told[name] if of_set is None else of_set.name
            fitted[name], about = with_key(entity_type, facts, verdict, set_name=set_name)
            findings += about
    joined = {
        name: _with_joins(entity_type, fitted, tables, findings)
        for name, entity_type in fitted.items()
    }
    partnered = {name: with_partners(entity_type, joined) for name, entity_type in joined.items()}
    model = replace(model, left_out=_readable(model.left_out, tables), is_sharded=is_sharded)
    return with_types(model, partnered), list(dict.fromkeys(findings))


def _told_name(entity_type: EntityType, model: Model) -> str:
    """The name in findings about a table: of types that have one together, that of their base."""
    *_, last = model.bases(entity_type)
    return last.name


def _readable(left_out: Mapping[str, LeftOut], tables: Tables) -> dict[str, LeftOut]:
    """What the role could read."""
    return {
        name: item
        for name, item in left_out.items()
        if item.table in tables
        and any(
            facts.readable
            for column, facts in tables[item.table].columns.items()
            if item.column in ("", column)
        )
    }


def _has_structures(model: Model) -> bool:
    """Whether a property is made of values, or of the members of an enumeration."""
    properties = (p for t in model.entity_types.values() for p in t.properties.values())
    return any(p.structure is not None or p.type.family.is_enumeration for p in properties)


def _tables(model: Model) -> Iterator[Table]:
    if model.tokens is not None:
        yield from model.tokens.columns()
    yield from (item.table for item in model.left_out.values())
    for entity_type in model.entity_types.values():
        yield entity_type.table
        if isinstance(entity_type.policy, Membership):
            yield entity_type.policy.table
        for navigation in entity_type.navigation.values():
            yield from (link.table for link in navigation.join.links)


# --- Entity types and their properties ------------------------------------------------------------


def _fit(
    entity_type: EntityType, tables: Tables, findings: list[Finding], *, name: str
) -> EntityType:
    """The entity type as its table can serve it; adds to the findings, where it has this name."""
    subject = f"{entity_type.table.schema}.{entity_type.table.name}"
    facts = tables.get(entity_type.table)
    if facts is None:
        text = f"the table does not exist; {name} cannot be served"
        findings.append(Finding("error", subject, text))
        return replace(entity_type, missing=True)
    findings += row_key_findings(entity_type, facts, subject)
    entity_type = with_possible_key(entity_type, facts)
    fitted = {
        key: _fit_property(prop, facts.columns.get(prop.column), entity_type, findings)
        if prop.function is None
        else fitted_computed(prop, entity_type)
        for key, prop in entity_type.properties.items()
    }
    properties = {key: prop for key, prop in fitted.items() if isinstance(prop, Property)}
    withheld = {key: reason for key, reason in fitted.items() if isinstance(reason, Withheld)}
    reasons = [
        f"key {prop.name} is missing"
        for prop in entity_type.key
        if prop.name in withheld or properties[prop.name].missing
    ]
    reasons += (*row_key_faults(entity_type, facts), *policy_faults(entity_type, tables))
    findings += [Finding("error", subject, f"{why}; {name} cannot be served") for why in reasons]
    policy = entity_type.policy if reasons else fitted_policy(entity_type, tables)
    return replace(
        entity_type,
        properties=entity_type.properties if reasons else properties,
        withheld=withheld,
        left_out=_readable(entity_type.left_out, tables),
        policy=policy,
        missing=bool(reasons),
        media=_fit_media(entity_type, facts, findings),
        words=fitted_words(entity_type, facts),
        indexes=facts.indexes,
        computes=facts.computes,
    )


def _fit_media(
    entity_type: EntityType, facts: TableFacts, findings: list[Finding]
) -> Property | None:
    """The octets of a media entity, if its column can be read."""
    media = entity_type.media
    if media is None:
        return None
    fitted = _fit_property(media, facts.columns.get(media.column), entity_type, findings)
    return fitted if isinstance(fitted, Property) and not fitted.missing else None


def _fit_property(
    prop: Property, facts: ColumnFacts | None, entity_type: EntityType, findings: list[Finding]
) -> Property | Withheld:
    """The property as its column can serve it, or why it cannot; adds to the findings."""
    if prop.catalog.row_key is not None:  # is no column
        return prop
    if prop.secret:  # reads as null whatever the column is, and is not granted
        return prop if facts is not None else replace(prop, missing=True)
    table = entity_type.table
    subject = f"{table.schema}.{table.name}.{prop.column}"
    if facts is None and prop.type.family.of_column is not None:  # SQL cannot name its type
        findings.append(Finding("warning", subject, f"{_NO_COLUMN}; {prop.name} is left out"))
        return _withheld(f"{entity_type.name}.{prop.name}", _NO_COLUMN)
    if facts is None:
        text = f"{_NO_COLUMN}; {prop.name} reads as null"
        findings.append(Finding("warning", subject, text))
        return replace(prop, missing=True, nullable=True)
    if prop.structure is not None:
        return _fit_structured(prop, facts, entity_type, findings)
    served = served_type(prop, facts)
    reason = _type_fault(prop, facts, served)
    if reason is not None:
        text = f"{reason}; {prop.name} is left out"
        findings.append(Finding("warning", subject, text))
        return _withheld(f"{entity_type.name}.{prop.name}", reason, searched=prop.searched)
    assert served is not None
    findings += _property_findings(prop, facts, served, subject)
    reading = served.reading(facts.pg_type)
    can_be_null = reading.can_be_null or not facts.not_null
    fitted = fitted_value(prop, served, facts)
    facets = fitted.facets
    findings += _facet_findings(prop, facets, subject)
    return replace(
        fitted,
        definition=prop.definition if facets == prop.facets else None,
        not_null=facts.not_null and not reading.reads_null,
        nullable=not prop.is_key and (prop.nullable or can_be_null),
    )


def _type_fault(prop: Property, facts: ColumnFacts, served: PrimitiveType | None) -> str | None:
    """Why the column of a primitive property cannot be served, or None."""
    if not facts.readable:
        return DENIED
    if served is None and prop.type.family.of_column is not None and not facts.catalog.name:
        return f"{DENIED}, because it may not use the functions of type {facts.type}"
    if served is None:
        return f"type {facts.type} cannot be served as {prop.type}"
    unknown = unknown_labels(prop, facts.made_of)
    return f"{prop.type} has no member {', '.join(unknown)}" if unknown else None


def _fit_structured(
    prop: Property, facts: ColumnFacts, entity_type: EntityType, findings: list[Finding]
) -> Property | Withheld:
    """The same of a property that is made of values."""
    structure, fitted = prop.structure, None
    if structure is not None and facts.made_of is not None:
        fitted = fitted_structure(structure, facts.made_of)
    if facts.readable and fitted is not None and facts.made_of is not None:
        return replace(
            prop,
            structure=fitted,
            catalog=facts.made_of.catalog,
            not_null=facts.not_null,
            nullable=prop.nullable or (isinstance(fitted, ComplexType) and not facts.not_null),
        )
    reason = f"type {facts.type} cannot be served as {prop.type}" if facts.readable else DENIED
    table = entity_type.table
    subject = f"{table.schema}.{table.name}.{prop.column}"
    findings.append(Finding("warning", subject, f"{reason}; {prop.name} is left out"))
    return _withheld(f"{entity_type.name}.{prop.name}", reason)


def _withheld(name: str, reason: str, *, searched: bool = False) -> Withheld:
    """Why a request for a property or navigation property of this name is refused."""
    if DENIED in reason:
        text = f"{name} cannot be read: the database role may not read its column"
        return Withheld(DbDenied, text, "leave it out, or have its column granted", searched)
    return Withheld(DbModel, f"{name} cannot be read: {reason}", "leave it out", searched)


def _property_findings(
    prop: Property, facts: ColumnFacts, served: PrimitiveType, subject: str
) -> Iterator[Finding]:
    """How the column of a property differs from what the model says of it."""
    if served.name != prop.type.name:
        text = f"type {facts.type} is wider than {prop.type}; {prop.name} is served as {served}"
        yield Finding("warning", subject, text)
    elif facts.type not in (*prop.type.lossless, prop.pg_type):
        yield Finding("note", subject, f"type {facts.type} is served as text")
    if not (prop.is_key or prop.nullable or facts.not_null):
        text = f"the column may be null; {prop.name} is served as nullable"
        yield Finding("warning", subject, text)


def _facet_findings(prop: Property, served: Facets, subject: str) -> Iterator[Finding]:
    """Facets that the model declares and the column's values need not obey."""
    names = (
        ("$Precision", prop.precision, served.precision),
        ("$Scale", prop.scale, served.scale),
        ("$MaxLength", prop.max_length, served.max_length),
    )
    for name, declared, found in names:
        if declared is not None and declared != found:
            shown = f"with {name} {found}" if found is not None else f"without {name}"
            text = f"values may exceed {name} {declared}; {prop.name} is served {shown}"
            yield Finding("warning", subject, text)
    if prop.srid not in (None, served.srid):
        text = f"the coordinate system of the column is {served.srid}, not {prop.srid}"
        yield Finding("warning", subject, f"{text}; {prop.name} is served with it")


# --- Navigation properties ------------------------------------------------------------------------


def _with_joins(
    entity_type: EntityType,
    types: Mapping[str, EntityType],
    tables: Tables,
    findings: list[Finding],
) -> EntityType:
    """The entity type with the navigation properties whose joins work; adds to the findings."""
    if entity_type.missing:
        return entity_type
    kept, withheld = {}, dict(entity_type.withheld)
    for name, navigation in entity_type.navigation.items():
        target, subject = types[navigation.target], f"{_declaring(name, entity_type, types)}.{name}"
        fault = None if target.missing else join_fault(entity_type, navigation, target, tables)
        if fault is None:
            found = _with_constraint(navigation, entity_type, target)
            if not target.missing:
                sides = join_sides(entity_type, navigation, target)
                found = replace(found, join=typed_join(found.join, sides, tables))
            kept[name] = found
            continue
        text = f"{fault}; the navigation property is left out"
        findings.append(Finding("warning", subject, text))
        if DENIED in fault:
            withheld[name] = _withheld(subject, fault)
    return replace(entity_type, navigation=kept, withheld=withheld)


def _declaring(name: str, entity_type: EntityType, types: Mapping[str, EntityType]) -> str:
    """The name of the type that declares a navigation property: this one, or one of its bases."""
    base = types.get(entity_type.base or "")
    if base is None or name not in {*base.navigation, *base.withheld}:
        return entity_type.name
    return _declaring(name, base, types)


def _with_constraint(
    navigation: NavigationProperty, source: EntityType, target: EntityType
) -> NavigationProperty:
    """The navigation property with a constraint only where both types have its properties."""
    pairs = navigation.constraint
    if all(own in source.properties and other in target.properties for own, other in pairs):
        return navigation
    return replace(navigation, constraint=())
