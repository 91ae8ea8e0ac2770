"""A catalog with what an overlay wishes.

What is said of something that the catalog does not have is a mistake, and is left aside. It is a
`MissingName`, unless it was to hide something: a misspelt name would show that. The names that an
overlay gives are taken first: what would have such a name by rule gets another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from odata_gateway.edm.csdl_properties import is_name
from odata_gateway.edm.json_reader import Mistake
from odata_gateway.edm.model import Table
from odata_gateway.errors import nearest
from odata_gateway.introspection.catalog import Catalog, CatalogColumn, CatalogRelation
from odata_gateway.introspection.columns import is_fit_for_key, primitive_of
from odata_gateway.introspection.json_members import JsonObject, JsonValue, member_type
from odata_gateway.introspection.overlay.entries import (
    ColumnEntry,
    JsonMembers,
    MissingName,
    Overlay,
    RowsEntry,
    TableEntry,
)
from odata_gateway.introspection.overlay.links import with_links
from odata_gateway.types.account import ACCOUNT_TYPES
from odata_gateway.types.primitive import STRING

_LEFT_OUT = ("the overlay leaves it out", "take it out of `leave_out` in ODATA_OVERLAY")
_NOT_SERVED = ("the overlay leaves it out", "take `served = false` out of ODATA_OVERLAY")


@dataclass(frozen=True, slots=True)
class OverlaidCatalog:
    """A catalog with what an overlay wishes, and what it could not wish."""

    catalog: Catalog
    mistakes: tuple[Mistake, ...]


def overlaid(catalog: Catalog, overlay: Overlay, *, accounts_claim: str = "") -> OverlaidCatalog:
    """The catalog with what the overlay wishes.

    accounts_claim  the claim that row policies are compared with (ODATA_ACCOUNTS_CLAIM)
    """
    mistakes: list[Mistake] = []
    relations = {_text(relation.table): relation for relation in catalog}
    for entry in overlay.tables:
        missing = Mistake if entry.hides else MissingName
        name = table_name(entry.table, relations, entry.place, mistakes, missing=missing)
        if name is not None:
            relations[name] = _with_entry(relations[name], entry, mistakes)
    relations = with_links(relations, overlay, mistakes)
    found = list(_without(relations, overlay.leave_out, mistakes).values())
    if overlay.secrets is not None:
        found = [_with_secrets(relation, overlay.secrets) for relation in found]
    if overlay.rows is not None:
        found = _with_rows(found, overlay.rows, accounts_claim, mistakes)
    mistakes += _same_names(overlay.tables)
    return OverlaidCatalog(tuple(found), tuple(mistakes))


def table_name(
    text: str,
    relations: Mapping[str, CatalogRelation],
    place: str,
    mistakes: list[Mistake],
    *,
    missing: type[Mistake] = MissingName,
) -> str | None:
    """The name with its schema of the table that an overlay names, whose schema may be left out
    where one table has the name; None where there is none, which is a mistake of the kind
    `missing`."""
    if text in relations:
        return text
    found = [name for name, each in relations.items() if each.table.name == text]
    if len(found) == 1:
        return found[0]
    if found:
        mistakes.append(Mistake(place, f"several tables are called {text}: {', '.join(found)}"))
        return None
    hint = nearest(text, [*relations, *(each.table.name for each in relations.values())])
    schemas = ", ".join(dict.fromkeys(each.table.schema for each in relations.values()))
    hint = hint or f"the schemas that are read are {schemas}"
    mistakes.append(missing(place, f"there is no table {text}; {hint}"))
    return None


# --- tables and columns ---------------------------------------------------------------------------


def _with_entry(
    relation: CatalogRelation, entry: TableEntry, mistakes: list[Mistake]
) -> CatalogRelation:
    """The relation with what is said of it, except links."""
    columns = {column.name: column for column in relation.columns}
    for name, about in entry.columns:
        missing = Mistake if about.secret else MissingName
        if _exists(name, columns, about.place, mistakes, missing=missing):
            columns[name] = _with_column_entry(relation.table, columns[name], about, mistakes)
    for name in entry.search:
        place = f"{entry.place}.search"
        if not _exists(name, columns, place, mistakes):
            continue
        if _is_text(columns[name]):
            columns[name] = replace(columns[name], is_searched=True)
        else:
            text = f"$search looks at texts, and {name} is {columns[name].type}"
            mistakes.append(Mistake(place, text))
    key_place = f"{entry.place}.key"
    is_known = [_exists(name, columns, key_place, mistakes) for name in entry.key]
    key = entry.key if all(is_known) else ()
    if key and not _can_be_key((columns[name] for name in key), key_place, mistakes):
        key = ()
    return replace(
        relation,
        columns=tuple(columns.values()),
        key=key,
        wanted=entry.name,
        is_wanted=entry.served is True,
        kept_out=_NOT_SERVED if entry.served is False else None,
    )


def _with_column_entry(
    table: Table, column: CatalogColumn, entry: ColumnEntry, mistakes: list[Mistake]
) -> CatalogColumn:
    members = None
    if entry.members and column.type == "jsonb":
        members = _json_object(table, column.name, entry.members)
    elif entry.members:
        text = f"{column.name} is {column.type}, and members are those of jsonb"
        mistakes.append(Mistake(f"{entry.place}.members", text))
    if entry.form and (fault := _form_fault(column, entry.form)) is not None:
        mistakes.append(Mistake(f"{entry.place}.type", fault))
        entry = replace(entry, form="")
    return replace(column, wanted=entry.name, secret=entry.secret, form=entry.form, members=members)


def _form_fault(column: CatalogColumn, form: str) -> str | None:
    """Why the values of a column cannot be served in a form, or None."""
    labels = () if column.made_of is None else column.made_of.labels
    match form:
        case "enum" if not labels:
            return f"{column.name} is {column.type}, which is no enum"
        case "enum" if wrong := [label for label in labels if not is_name(label)]:
            return f"{', '.join(wrong)} cannot be names of members"
        case "stream" if column.type != "bytea":
            return f"{column.name} is {column.type}, and a stream is bytea"
        case "untyped" if column.type not in ("json", "jsonb"):
            return f"{column.name} is {column.type}, and untyped is json or jsonb"
        case "domain" if column.domain is None:
            return f"{column.name} is {column.type}, which is no domain over a simple type"
        case _:
            return None


def _json_object(table: Table, name: str, members: JsonMembers) -> JsonObject:
    """The objects of a column; those below it are called after their place."""
    parts: list[tuple[str, JsonValue | JsonObject]] = []
    for member, part in members:
        if isinstance(part, str):
            value = member_type(part)
            assert value is not None
            parts.append((member, value))
        else:
            parts.append((member, _json_object(table, f"{name}_{member}", part)))
    return JsonObject(table.schema, f"{table.name}_{name}", tuple(parts))


def _is_text(column: CatalogColumn) -> bool:
    made_of = column.made_of
    is_structured = made_of is not None and made_of.kind != "simple" and column.form != "text"
    return primitive_of(column) is STRING and not is_structured


def _exists(
    name: str,
    columns: Mapping[str, CatalogColumn],
    place: str,
    mistakes: list[Mistake],
    *,
    missing: type[Mistake] = MissingName,
) -> bool:
    """Whether there is a column; notes a mistake of the kind `missing` where there is none."""
    if name in columns:
        return True
    hint = nearest(name, columns) or f"the columns are {', '.join(columns)}"
    mistakes.append(missing(place, f"there is no column {name}; {hint}"))
    return False


def _can_be_key(columns: Iterable[CatalogColumn], place: str, mistakes: list[Mistake]) -> bool:
    """Whether CSDL allows these columns as a key; notes a mistake where it does not."""
    wrong = [column for column in columns if not is_fit_for_key(column)]
    mistakes += [Mistake(place, f"{each.name} is {each.type}, which no key is") for each in wrong]
    return not wrong


# --- what is left out -----------------------------------------------------------------------------


def _without(
    relations: Mapping[str, CatalogRelation], patterns: Iterable[str], mistakes: list[Mistake]
) -> dict[str, CatalogRelation]:
    """The relations, of which those and the columns that a pattern names are kept out."""
    found = dict(relations)
    for pattern in patterns:
        is_named = NamePattern(pattern)
        tables = [name for name in found if is_named(name)]
        columns = [
            (name, column.name)
            for name, relation in found.items()
            for column in relation.columns
            if is_named(f"{name}.{column.name}") and name not in tables
        ]
        for name in tables:
            found[name] = replace(found[name], kept_out=_LEFT_OUT)
        for name, column in columns:
            kept = (
                replace(each, kept_out=_LEFT_OUT) if each.name == column else each
                for each in found[name].columns
            )
            found[name] = replace(found[name], columns=tuple(kept))
        if not tables and not columns:
            hint = nearest(pattern, found) or "write schema.table, schema.table.column or schema.*"
            missing = MissingName if "*" in pattern else Mistake
            mistakes.append(missing("leave_out", f"nothing is called {pattern}; {hint}"))
    return found


class NamePattern:
    """A pattern for names, in which `*` stands for any characters; letters in any case."""

    def __init__(self, pattern: str) -> None:
        parts = (re.escape(part) for part in pattern.split("*"))
        self._pattern = re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)

    def __call__(self, name: str) -> bool:
        return self._pattern.fullmatch(name) is not None


def _with_secrets(relation: CatalogRelation, patterns: Iterable[str]) -> CatalogRelation:
    """The relation in which these patterns decide what is secret, unless its entry does."""
    secrets = [NamePattern(pattern) for pattern in patterns]
    columns = tuple(
        replace(column, secret=any(is_secret(column.name) for is_secret in secrets))
        if column.secret is None
        else column
        for column in relation.columns
    )
    return replace(relation, columns=columns)


# --- rows -----------------------------------------------------------------------------------------


def _with_rows(
    relations: Iterable[CatalogRelation],
    rows: RowsEntry,
    accounts_claim: str,
    mistakes: list[Mistake],
) -> list[CatalogRelation]:
    """The relations with a row policy. One without the column is not served, unless its rows are
    for everyone."""
    if rows.claim != accounts_claim:
        text = f"set ODATA_ACCOUNTS_CLAIM to {rows.claim}: it says which values a caller has"
        mistakes.append(Mistake(f"{rows.place}.where", text))
    listed = list(relations)
    known = {_text(relation.table): relation for relation in listed}
    place = f"{rows.place}.everyone"
    everyone = {table_name(name, known, place, mistakes) for name in rows.everyone}
    if not any(rows.column in _names(relation) for relation in listed):
        text = f"no table has a column {rows.column}"
        mistakes.append(Mistake(f"{rows.place}.where", text))
    return [
        relation if _text(relation.table) in everyone else _with_policy(relation, rows, mistakes)
        for relation in listed
    ]


def _with_policy(
    relation: CatalogRelation, rows: RowsEntry, mistakes: list[Mistake]
) -> CatalogRelation:
    for column in relation.columns:
        if column.name == rows.column:
            if column.type in ACCOUNT_TYPES:
                return replace(relation, account=column.name)
            text = f"{_text(relation.table)}.{column.name} is {column.type}, not a number or text"
            mistakes.append(Mistake(f"{rows.place}.where", text))
    reason = f"it has no column {rows.column} for the row policy of the overlay"
    way_out = f"name {_text(relation.table)} in `rows.everyone` if every caller may see its rows"
    return replace(relation, kept_out=relation.kept_out or (reason, way_out))


# --- names ----------------------------------------------------------------------------------------


def _same_names(entries: Iterable[TableEntry]) -> Iterable[Mistake]:
    """A name that two tables are given, or two columns of one."""
    tables: dict[str, str] = {}
    for entry in entries:
        columns: dict[str, str] = {}
        for column, about in entry.columns:
            if about.name and columns.setdefault(about.name, column) != column:
                text = f"{about.name} is also the name of {columns[about.name]}"
                yield Mistake(f"{about.place}.name", text)
        if entry.name and tables.setdefault(entry.name, entry.table) != entry.table:
            text = f"{entry.name} is also the name of {tables[entry.name]}"
            yield Mistake(f"{entry.place}.name", text)


def _names(relation: CatalogRelation) -> set[str]:
    return {column.name for column in relation.columns}


def _text(table: Table) -> str:
    return f"{table.schema}.{table.name}"
