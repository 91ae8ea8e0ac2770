"""The model of a catalog as CSDL JSON: the document that `ODATA_MODEL=auto` serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from odata_gateway.db.schema.functions import FunctionFacts
from odata_gateway.edm.tables import Table, in_quotes
from odata_gateway.introspection.catalog import Catalog, CatalogColumn, CatalogRelation
from odata_gateway.introspection.columns import (
    is_secret,
    is_secret_name,
    primitive_property,
    property_of,
)
from odata_gateway.introspection.functions import CONTAINER, DocumentFunctions
from odata_gateway.introspection.keys import alternate_keys, relation_key, row_key_property
from odata_gateway.introspection.links import CatalogLink, given_names, links_of
from odata_gateway.introspection.names import (
    RESERVED_NAMESPACES,
    descriptions,
    odata_name,
    odata_names,
    unused,
)
from odata_gateway.introspection.not_served import NotServed
from odata_gateway.introspection.structures import DeclaredTypes

ROW_KEY = "row_key"
_MIGRATIONS = frozenset(
    {
        "schema_migrations",
        "ar_internal_metadata",
        "flyway_schema_history",
        "databasechangelog",
        "databasechangeloglock",
        "alembic_version",
        "__efmigrationshistory",
        "_prisma_migrations",
        "knex_migrations",
        "knex_migrations_lock",
        "django_migrations",
        "goose_db_version",
    }
)
"""Tables in which tools for migrations keep their state."""

CsdlNode = dict[str, Any]
"""An object of a CSDL JSON document."""

_UNSCOPED: CsdlNode = {"@Gateway.Unscoped": True}


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """The model of a catalog.

    document    CSDL JSON
    not_served  what it leaves out
    served      what it has
    links       the links of each table by their names
    """

    document: CsdlNode
    not_served: tuple[NotServed, ...]
    served: ServedRelations
    links: Mapping[Table, Mapping[str, CatalogLink]]


@dataclass(slots=True)
class ServedRelations:
    """The relations that become entity types, with the names of OData for everything in them.

    keys            the columns of each key; none where the service makes one
    row_keys        the names of keys that the service makes
    columns         those that are served, in the order of the table
    namespaces      by schema
    type_names      of the entity types, which are those of their sets
    property_names  by column
    """

    relations: dict[Table, CatalogRelation] = field(default_factory=dict)
    keys: dict[Table, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[Table, tuple[CatalogColumn, ...]] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    type_names: dict[Table, str] = field(default_factory=dict)
    property_names: dict[Table, dict[str, str]] = field(default_factory=dict)
    row_keys: dict[Table, str] = field(default_factory=dict)

    def qualified_name(self, table: Table) -> str:
        """Of the entity type of a table."""
        return f"{self.namespaces[table.schema]}.{self.type_names[table]}"


def model_of_catalog(catalog: Catalog, functions: tuple[FunctionFacts, ...] = ()) -> CatalogModel:
    """The model of these relations and functions."""
    not_served: list[NotServed] = []
    served = ServedRelations()
    for relation in catalog:
        fault = _fault(relation)
        if fault is not None:
            not_served.append(fault)
            continue
        key = relation_key(relation) or ()
        served.relations[relation.table], served.keys[relation.table] = relation, key
        served.columns[relation.table] = tuple(_columns(relation, key, not_served))
    _name_all(served, (facts.schema for facts in functions))
    links = links_of(served.relations, served.type_names, served.property_names)
    declared = DeclaredTypes(
        served.namespaces,
        {*served.type_names.values(), CONTAINER},
        primitive_property,
        is_secret_name,
    )
    types = _entity_types(served, links, declared)
    called = DocumentFunctions(
        served.namespaces, served.type_names, declared, served.row_keys.keys()
    )
    for facts in functions:
        called.add(facts)
    for table, computed in called.computed.items():
        if served.keys[table]:  # rows whose key the service makes are none of the table's type
            types[table] |= {n: p for n, p in computed.items() if n not in types[table]}
    document = _document(served, types, links, called)
    return CatalogModel(document, (*not_served, *called.not_served), served, links)


# --- What is served -------------------------------------------------------------------------------


def _fault(relation: CatalogRelation) -> NotServed | None:
    """Why a relation is not served, or None."""
    table = relation.table
    if relation.kept_out is not None:
        return NotServed(table, *relation.kept_out)
    if table.name.lower() in _MIGRATIONS and not relation.is_wanted:
        way_out = "serve it with `served = true` in ODATA_OVERLAY"
        return NotServed(table, "it has the state of migrations", way_out)
    if not relation.columns:
        return NotServed(table, "it has no columns", "add a column")
    if not relation.is_open or not any(column.readable for column in relation.columns):
        way_out = f"GRANT SELECT ON {table.schema}.{table.name} to the role"
        return NotServed(table, "the role may not read it", way_out)
    return None


def _columns(
    relation: CatalogRelation, key: Sequence[str], not_served: list[NotServed]
) -> Iterable[CatalogColumn]:
    """The columns that are served; adds the others to the list."""
    table = relation.table
    for column in relation.columns:
        if not column.readable:
            way_out = f"GRANT SELECT ({column.name}) ON {table.schema}.{table.name} to the role"
            not_served.append(NotServed(table, "the role may not read it", way_out, column.name))
        elif column.name in key:
            yield column
        elif column.kept_out is not None:
            not_served.append(NotServed(table, *column.kept_out, column.name))
        elif column.type == "tsvector" and not column.form:
            not_served.append(NotServed(table, *_words_told(column), column.name))
        elif is_secret(column):
            way_out = "serve it with `secret = false` in ODATA_OVERLAY"
            reason = "its name is that of a secret"
            not_served.append(NotServed(table, reason, way_out, column.name))
        else:
            yield column


def _words_told(column: CatalogColumn) -> tuple[str, str]:
    """Why a tsvector is no property, and what to do."""
    way_out = 'serve it with `type = "text"` in ODATA_OVERLAY'
    if column.search_config is None:
        return "it has words for searching, and nothing says how they were made", way_out
    return "it has words for searching, where $search looks", way_out


def _words(relation: CatalogRelation) -> CsdlNode:
    """The column of words that $search looks at, if the table has one."""
    found = (c for c in relation.columns if c.type == "tsvector" and c.readable)
    words = next((c for c in found if c.search_config is not None), None)
    if words is None:
        return {}
    return {"@Gateway.SearchWords": {"Column": words.name, "Config": words.search_config}}


def _name_all(served: ServedRelations, schemas_of_functions: Iterable[str]) -> None:
    """Name the namespaces, the types and their properties. A type's name has the schema before it
    only where two schemas have it, ignoring case."""
    served.namespaces = odata_names(
        dict.fromkeys((*(table.schema for table in served.relations), *schemas_of_functions)),
        RESERVED_NAMESPACES,
    )
    schemas: dict[str, set[str]] = {}
    for table in served.relations:
        schemas.setdefault(odata_name(table.name).lower(), set()).add(table.schema)
    by_rule = {
        table: f"{odata_name(table.schema)}_{odata_name(table.name)}"
        if len(schemas[odata_name(table.name).lower()]) > 1
        else odata_name(table.name)
        for table in served.relations
    }
    own = {relation.wanted for relation in served.relations.values() if relation.wanted}
    kept = {name for table, name in by_rule.items() if name == table.name} - own
    own |= kept
    given = given_names(served.relations)
    for table, name in by_rule.items():
        wanted = served.relations[table].wanted
        is_kept = name == table.name and name in kept
        served.type_names[table] = wanted or (name if is_kept else unused(name, own))
        own.add(served.type_names[table])
        columns = {column.name: column.wanted for column in served.columns[table]}
        named = {column: name for column, name in columns.items() if name}
        served.property_names[table] = odata_names(columns, given[table], named)
        if not served.keys[table]:
            taken = {*columns, *served.property_names[table].values(), *given[table]}
            served.row_keys[table] = made = unused(ROW_KEY, taken)
            served.property_names[table][made] = made


# --- The document ---------------------------------------------------------------------------------


TypesOfProperties = Mapping[Table, Mapping[str, str | None]]
"""The type of each property of each table; None where it is made of values."""


def _entity_types(
    served: ServedRelations,
    links: Mapping[Table, Mapping[str, CatalogLink]],
    declared: DeclaredTypes,
) -> dict[Table, CsdlNode]:
    """The entity type of each table, with its links."""
    properties = {table: _properties(table, served, declared) for table in served.relations}
    value_types = {
        table: {name: declared.value_type(node) for name, node in found.items()}
        for table, found in properties.items()
    }
    return {
        table: _entity_type(table, served, properties[table], value_types[table])
        | {
            link.name: _navigation(table, link, served, value_types)
            for link in links[table].values()
        }
        for table in served.relations
    }


def _properties(table: Table, served: ServedRelations, declared: DeclaredTypes) -> CsdlNode:
    """The properties of the columns of a table, those of the key first."""
    key, names = served.keys[table], served.property_names[table]
    columns = {column.name: column for column in served.columns[table]}
    in_order = [*(columns[name] for name in key), *(c for n, c in columns.items() if n not in key)]
    return {
        names[column.name]: property_of(
            column, names[column.name], declared, is_key=column.name in key
        )
        for column in in_order
    }


def _entity_type(
    table: Table,
    served: ServedRelations,
    properties: CsdlNode,
    value_types: Mapping[str, str | None],
) -> CsdlNode:
    """The entity type of a table, without its links."""
    relation, key, names = served.relations[table], served.keys[table], served.property_names[table]
    made = {} if key else {served.row_keys[table]: row_key_property(relation)}
    values = {column: name for column, name in names.items() if value_types.get(name) is not None}
    return {
        "$Kind": "EntityType",
        "$Key": [*made, *(names[column] for column in key)],
        "@Gateway.Table": table.text,
        **_policy(relation),
        **_words(relation),
        **descriptions(relation.comment),
        **alternate_keys(relation, values, key),
        **made,
        **properties,
    }


def _policy(relation: CatalogRelation) -> CsdlNode:
    return {"@Gateway.Account": relation.account} if relation.account else _UNSCOPED


def _navigation(
    table: Table, link: CatalogLink, served: ServedRelations, value_types: TypesOfProperties
) -> CsdlNode:
    node: CsdlNode = {"$Kind": "NavigationProperty"}
    node["$Type"] = served.qualified_name(link.target)
    if link.is_collection:
        node["$Collection"] = True
    else:
        node["$Nullable"] = True
    if link.partner is not None:
        node["$Partner"] = link.partner
    if link.through is not None:
        return node | _join_through(link)
    if link.leads == "to":
        return node | _constraint_or_join(table, link, served, value_types)
    return node


def _join_through(link: CatalogLink) -> CsdlNode:
    """The join of a many-to-many link over its junction."""
    assert link.through is not None
    junction, far = link.through
    near_terms = zip(link.key.columns, link.key.referenced, strict=True)
    far_terms = zip(far.columns, far.referenced, strict=True)
    return {
        "@Gateway.Links": {"junction": junction.text},
        "@Gateway.Join": [
            *(f"junction.{in_quotes(own)} = source.{in_quotes(key)}" for own, key in near_terms),
            *(f"target.{in_quotes(key)} = junction.{in_quotes(own)}" for own, key in far_terms),
        ],
    }


def _constraint_or_join(
    table: Table, link: CatalogLink, served: ServedRelations, value_types: TypesOfProperties
) -> CsdlNode:
    """A referential constraint, or the join where a column of it is not served, has another type
    than the one it refers to, or is shown as another one, as a range that is a key."""
    near, far = served.property_names[table], served.property_names[link.target]
    pairs = list(zip(link.key.columns, link.key.referenced, strict=True))
    types = {
        (of, column.name): column.type
        for of in (table, link.target)
        for column in served.columns[of]
    }
    is_same = all(types.get((table, a)) == types.get((link.target, b)) for a, b in pairs)
    if is_same and all(own in near and other in far for own, other in pairs):
        named = {near[own]: far[other] for own, other in pairs}
        own, others = value_types[table], value_types[link.target]
        if all(own[a] == others[b] is not None for a, b in named.items()):
            return {"$ReferentialConstraint": named}
    terms = [f"source.{in_quotes(own)} = target.{in_quotes(other)}" for own, other in pairs]
    return {"@Gateway.Join": terms}


def _document(
    served: ServedRelations,
    types: Mapping[Table, CsdlNode],
    links: Mapping[Table, Mapping[str, CatalogLink]],
    called: DocumentFunctions,
) -> CsdlNode:
    """One namespace for each schema; the first also has the container."""
    schemas: dict[str, CsdlNode] = {}
    for table, node in types.items():
        schemas.setdefault(served.namespaces[table.schema], {})[served.type_names[table]] = node
    sets = {
        served.type_names[table]: {
            "$Collection": True,
            "$Type": served.qualified_name(table),
            "$NavigationPropertyBinding": {
                link.name: served.type_names[link.target] for link in links[table].values()
            },
        }
        for table in served.relations
    }
    for (namespace, name), node in called.types.nodes.items():
        schemas.setdefault(namespace, {})[name] = node
    for namespace, elements in called.elements.items():
        schemas.setdefault(namespace, {}).update(elements)
    first = next(iter(schemas), "Database")
    container = unused(CONTAINER, schemas.get(first, ()))
    schemas.setdefault(first, {})[container] = {
        "$Kind": "EntityContainer",
        **sets,
        **called.imports,
    }
    return {"$Version": "4.01", "$EntityContainer": f"{first}.{container}", **schemas}
