"""A row as one JSON text, made by Postgres (JSON Format 4.01, sections 6 to 8).

`RowFormat` is the part of content negotiation that changes the text. A text is made of pieces,
constant JSON or SQL, and `concat` turns them into one expression. An expanded navigation property
is one scalar subquery inside the text, nested by recursion, so one request is one statement and no
expand can multiply rows. A page of an expanded collection is an array one longer than the page;
only when it is full does the subquery for the next link's token run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from odata_gateway.edm.model import EntitySet, NavigationProperty
from odata_gateway.plan.tree.projection import (
    Content,
    Crossed,
    Expand,
    ExpandMany,
    ExpandOne,
    Field,
    Nested,
    Projection,
)
from odata_gateway.plan.tree.query import LONG_VALUE
from odata_gateway.plan.tree.relation import BoundExpr, Column
from odata_gateway.plan.tree.slots import LinkSlot, PageSlot
from odata_gateway.sql.expr import column_sql
from odata_gateway.sql.fragment import Sql, build, fill, join, param, quoted, raw
from odata_gateway.sql.keyset import key_texts, order_by
from odata_gateway.sql.pg_types import (
    checked,
    json_column_text,
    json_text,
    link_literal,
    plain_text,
)
from odata_gateway.sql.relation import Relations
from odata_gateway.types.primitive import INT64, STRING, PrimitiveType

Piece = str | Sql
Pieces = list[Piece]

GROUP = 90
"""Members that one call of concat_ws joins; Postgres takes a hundred arguments."""


class RowFormat(NamedTuple):
    """What of the format changes a row's text; `mixed` where entities of several sets come
    together, and say which they are of."""

    level: Literal["none", "minimal", "full"] = "minimal"
    prefix: Literal["@odata.", "@"] = "@odata."
    numbers_as_strings: bool = False
    omits_nulls: bool = False
    mixed: bool = False


def _object(members: list[Pieces]) -> Pieces:
    """`{...}` of the members."""
    pieces: Pieces = ["{"]
    for i, member in enumerate(members):
        pieces += [",", *member] if i else member
    return [*pieces, "}"]


def _object_without_nulls(members: list[Pieces]) -> Pieces:
    """`{...}` of those members that are not NULL; a function takes a hundred arguments, so members
    come in groups."""
    texts = [concat(member) for member in members]
    while len(texts) > GROUP:
        groups = [texts[start : start + GROUP] for start in range(0, len(texts), GROUP)]
        texts = [build("nullif(concat_ws(',', {0}), '')", join(", ", group)) for group in groups]
    return ["{", build("concat_ws(',', {0})", join(", ", texts)) if texts else "", "}"]


def _key_columns(
    entity_set: EntitySet, members: tuple[Field | Nested | ExpandOne, ...]
) -> list[Column]:
    """The columns of the key, which is among the members."""
    values = {m.name: m.value for m in members if isinstance(m, Field)}
    return [
        found for p in entity_set.entity_type.key if isinstance(found := values[p.name], Column)
    ]


def concat(pieces: Iterable[Piece]) -> Sql:
    """One text-valued expression of the pieces in order; constants that meet become one."""
    merged: list[Sql] = []
    constant = ""
    for piece in pieces:
        if isinstance(piece, str):
            constant += piece
            continue
        if constant:
            merged.append(quoted(constant))
            constant = ""
        merged.append(piece)
    if constant or not merged:
        merged.append(quoted(constant))
    return _joined(merged)


def _joined(texts: list[Sql]) -> Sql:
    """The texts with || between, as a balanced tree: from left to right the growing text would be
    copied at each step (measured: 10 %)."""
    if len(texts) <= 2:
        return join(" || ", texts)
    middle = len(texts) // 2
    return build("({0}) || ({1})", _joined(texts[:middle]), _joined(texts[middle:]))


class JsonRowRenderer:
    """Renders projections as JSON text."""

    def __init__(self, relations: Relations, row_format: RowFormat) -> None:
        self._relations = relations
        self._format = row_format

    def entity(self, projection: Projection) -> Sql:
        """The text of one entity."""
        if projection.kind is not None:
            return self._by_kind(projection.kind, projection.kinds)
        if projection.result is not None:
            return concat(
                self._made(
                    projection.entity_set, projection.result, identified=projection.identified
                )
            )
        if projection.crossed is not None:
            return concat(self._row(projection.crossed, projection.fields))
        members = self._identity(projection)
        members += [self._shown_field(f) for f in projection.fields]
        for navigation in projection.links:
            members += self._links(projection, navigation)
        for expand in projection.expands:
            members += self._full_links(projection, expand.navigation)
            members += (
                self._expand_one(expand)
                if isinstance(expand, ExpandOne)
                else self._expand_many(projection, expand)
            )
        for related in projection.related:
            members += self._member(related)
        for navigation in self._further_navigation(projection):
            members += self._full_links(projection, navigation)
        if self._format.omits_nulls:
            return concat(_object_without_nulls(members))
        return concat(_object(members))

    def _row(self, entities: tuple[Crossed, ...], computed: tuple[Field, ...]) -> Pieces:
        """A row of $crossjoin. It has no identity; without the links, which are its content, it
        would say nothing at level none."""
        members = [member for crossed in entities for member in self._crossed(crossed)]
        members += [self._shown_field(f) for f in computed]
        return (_object_without_nulls if self._format.omits_nulls else _object)(members)

    def _crossed(self, crossed: Crossed) -> list[Pieces]:
        """An entity, a reference or a link by the name of its set; with full metadata the link
        comes first."""
        name = crossed.target_set.name
        link: Pieces = [
            f'"{name}{self._format.prefix}navigationLink":"',
            *self.id_of(crossed.target_set, crossed.source),
            '"',
        ]
        match crossed.content:
            case Projection() as content:
                member: Pieces = [f'"{name}":', self.entity(content)]
                return [link, member] if self._format.level == "full" else [member]
            case "$ref":
                return [[f'"{name}":', self.reference(crossed.target_set, crossed.source)]]
            case "link":
                return [link]

    def _by_kind(self, kind: BoundExpr, kinds: tuple[Projection, ...]) -> Sql:
        """A row of one of several kinds, each with its own members."""
        texts = (
            build("WHEN {0} THEN {1}", Sql((f"{i:d}",)), self.entity(each))
            for i, each in enumerate(kinds)
        )
        return build("CASE {0} {1} END", self._relations.expressions.value(kind), join(" ", texts))

    def _made(
        self,
        entity_set: EntitySet,
        members: tuple[Field | Nested | ExpandOne, ...],
        *,
        identified: bool,
    ) -> Pieces:
        """A row that $apply made: without its key it is a transient entity, whose id is null (JSON
        Format 4.5.8)."""
        found: list[Pieces] = []
        prefix, is_full = self._format.prefix, self._format.level == "full"
        if is_full:
            found.append([f'"{prefix}type":"#{entity_set.entity_type.qualified_name}"'])
        if identified and is_full:
            found.append(
                [f'"{prefix}id":"', *self._id(entity_set, _key_columns(entity_set, members)), '"']
            )
        if not identified and self._format.level != "none":
            found.append([f'"{prefix}id":null'])
        for member in members:
            found += self._member(member)
        return _object(found)

    def _member(self, member: Field | Nested | ExpandOne) -> list[Pieces]:
        match member:
            case Field():
                return [self._field(member)]
            case Nested():
                return [[f'"{member.name}":', *self._nested(member)]]
            case ExpandOne():
                return self._expand_one(member)

    def _nested(self, nested: Nested) -> Pieces:
        """Members behind navigation; a key that is null says that it led nowhere."""
        pieces = self._made(nested.entity_set, nested.members, identified=nested.identified)
        if nested.present is not None:
            return [
                build(
                    "CASE WHEN {0} IS NULL THEN 'null' ELSE {1} END",
                    column_sql(nested.present),
                    concat(pieces),
                )
            ]
        if not nested.identified:
            return pieces
        key = _key_columns(nested.entity_set, nested.members)[0]
        return [
            build("CASE WHEN {0} IS NULL THEN 'null' ELSE {1} END", column_sql(key), concat(pieces))
        ]

    def reference(self, entity_set: EntitySet, source: int) -> Sql:
        """The text of an entity reference (JSON Format 14)."""
        return concat([f'{{"{self._format.prefix}id":"', *self.id_of(entity_set, source), '"}'])

    def value(self, field: Field) -> Sql:
        """The JSON text of one property."""
        if field.value is None:
            return quoted("null")
        if isinstance(field.value, Column):
            column = column_sql(field.value)
            own = json_column_text(column, field.value.pg_type, field.type)
            if own is not None:
                return own
            value = _shown(field.value)
        else:
            value = self._relations.expressions.fitted(field.value)
        return json_text(
            value,
            field.type,
            nullable=field.value.nullable,
            as_string=self._format.numbers_as_strings,
        )

    def id_of(self, entity_set: EntitySet, source: int) -> Pieces:
        """The entity-id relative to the service root: Message(1)."""
        key = entity_set.entity_type.key
        return self._id(
            entity_set, [Column(source, p.column, p.pg_type, p.type, False) for p in key]
        )

    def _id(self, entity_set: EntitySet, key: list[Column]) -> Pieces:
        pieces: Pieces = [f"{entity_set.name}("]
        for i, (prop, column) in enumerate(zip(entity_set.entity_type.key, key, strict=True)):
            pieces.append(("," if i else "") + (f"{prop.name}=" if len(key) > 1 else ""))
            pieces.append(self._key_literal(column))
        return [*pieces, ")"]

    # --- members ----------------------------------------------------------------------------------

    def _identity(self, projection: Projection) -> list[Pieces]:
        name, prefix = projection.entity_set.entity_type.qualified_name, self._format.prefix
        id_of = self.id_of(projection.entity_set, projection.source)
        if self._format.level == "full" or (self._format.mixed and self._format.level != "none"):
            members: list[Pieces] = [
                [f'"{prefix}type":"#{name}"'],
                [f'"{prefix}id":"', *id_of, '"'],
            ]
            context = self._own_context(projection) if self._format.mixed else []
            return [
                *context,
                *members,
                *([[f'"{prefix}readLink":"', *id_of, '"']] if self._format.level == "full" else []),
            ]
        if projection.shows_id and self._format.level == "minimal":
            return [[f'"{prefix}id":"', *id_of, '"']]
        return []

    def _own_context(self, projection: Projection) -> list[Pieces]:
        """The context URL of one entity among those of other sets (Protocol 10.19)."""
        root = param(LinkSlot(0, "root"), "text")
        return [
            [
                f'"{self._format.prefix}context":"',
                root,
                f'$metadata#{projection.entity_set.name}/$entity"',
            ]
        ]

    def _key_literal(self, column: Column) -> Sql:
        return link_literal(_shown(column), column.type)

    def _shown_field(self, field: Field) -> Pieces:
        """A member, or SQL NULL where it is null and nulls are left out."""
        member = self._field(field)
        value = member[-1]
        return (
            [*member[:-1], build("nullif({0}, 'null')", value)]
            if self._format.omits_nulls and isinstance(value, Sql)
            else member
        )

    def _field(self, field: Field) -> Pieces:
        shows_type = self._format.level == "full" or (
            field.dynamic and self._format.level == "minimal"
        )
        member: Pieces = [f'"{field.name}":', self.value(field)]
        if shows_type and not field.type.is_evident:
            return [
                f'"{field.name}{self._format.prefix}type":"{self._type_name(field.type)}",',
                *member,
            ]
        return member

    def _type_name(self, type_: PrimitiveType) -> str:
        name = type_.name.removeprefix("Edm.")
        return f"#{name}" if self._format.prefix == "@odata." else name

    def _links(self, projection: Projection, navigation: NavigationProperty) -> list[Pieces]:
        """A navigation property that was selected shows as a link from level minimal on (JSON
        Format 8.1)."""
        if self._format.level == "full":
            return self._full_links(projection, navigation)
        return (
            []
            if self._format.level == "none"
            else [self._link(projection, navigation, "navigationLink", "")]
        )

    def _full_links(self, projection: Projection, navigation: NavigationProperty) -> list[Pieces]:
        if self._format.level != "full":
            return []
        return [
            self._link(projection, navigation, "associationLink", "/$ref"),
            self._link(projection, navigation, "navigationLink", ""),
        ]

    def _link(
        self, projection: Projection, navigation: NavigationProperty, name: str, suffix: str
    ) -> Pieces:
        id_of = self.id_of(projection.entity_set, projection.source)
        return [
            f'"{navigation.name}{self._format.prefix}{name}":"',
            *id_of,
            f'/{navigation.name}{suffix}"',
        ]

    def _further_navigation(self, projection: Projection) -> list[NavigationProperty]:
        """Without $select, full metadata links all navigation properties."""
        if self._format.level != "full" or projection.selected is not None:
            return []
        shown = {e.navigation.name for e in projection.expands}
        return [
            n for n in projection.entity_set.entity_type.navigation.values() if n.name not in shown
        ]

    # --- expand -----------------------------------------------------------------------------------

    def _content(self, expand: Expand) -> Sql:
        content: Content = expand.content
        if isinstance(content, Projection):
            return self.entity(content)
        return self.reference(expand.target_set, expand.block.source.number)

    def _expand_one(self, expand: ExpandOne) -> list[Pieces]:
        self._relations.enter(expand.block)
        content = self._content(expand)
        if (
            expand.dynamic
            and self._format.level != "none"
            and isinstance(expand.content, Projection)
        ):
            selected = (
                "" if expand.content.selected is None else f"({','.join(expand.content.selected)})"
            )
            context = (
                f'{{"{self._format.prefix}context":"#{expand.target_set.name}{selected}/$entity",'
            )
            content = build("{0} || substr({1}, 2)", quoted(context), content)
        entity = build("coalesce(({0}), 'null')", self._relations.select(content, expand.block))
        return [[f'"{expand.navigation.name}":', entity]]

    def _expand_many(self, projection: Projection, expand: ExpandMany) -> list[Pieces]:
        self._relations.enter(expand.block)
        name, members = expand.navigation.name, list[Pieces]()
        if expand.count or expand.content == "$count":
            number = build("({0})", self._relations.select(raw("count(*)::text"), expand.block))
            quote = '"' if self._format.numbers_as_strings else ""
            members.append([f'"{name}{self._format.prefix}count":{quote}', number, quote])
        if expand.content != "$count":
            members.append([f'"{name}":', self._page(projection, expand)])
        return members

    def _page(self, projection: Projection, expand: ExpandMany) -> Sql:
        """`[...]` and, when there is more, the next link behind it, as one scalar subquery; a NULL
        row would show as `!`, no JSON."""
        rows = self._relations.select(self._content(expand), expand.block, self._page_tail(expand))
        return build(
            "(SELECT '[' || array_to_string(a.r[1:{0}], ',', '!') || ']' || CASE WHEN cardinality(a.r) > {0} THEN {1} ELSE '' END "
            "FROM (SELECT ARRAY({2}) AS r OFFSET 0) AS a)",
            param(PageSlot(), "int4"),
            self._next_link(projection, expand),
            rows,
        )

    def _page_tail(self, expand: ExpandMany) -> Sql:
        limit = build("{0} + 1", param(PageSlot(), "int4"))
        if expand.top is not None:
            limit = build("least({0}, {1})", limit, param(expand.top, "int8"))
        tail = build("{0} LIMIT {1}", order_by(expand.order, self._relations.expressions), limit)
        return (
            tail
            if expand.skip is None
            else build("{0} OFFSET {1}", tail, param(expand.skip, "int8"))
        )

    def _next_link(self, projection: Projection, expand: ExpandMany) -> Sql:
        """The member `messages@odata.nextLink`: the collection by its own URL, from behind the last
        row of the page.

        The token is of the form `protocol.links.read_skiptoken` reads, and a test reads it:
        base64url of the payload `[sent,page,[order values]]`, a dot, and 16 hexadecimal digits of a
        SHA-256 that bind it to the query and the key in its path.
        """
        root, query = self._slot(expand, "root"), self._slot(expand, "query")
        id_of = self.id_of(projection.entity_set, projection.source)
        name = expand.navigation.name
        path = f"/{name}/$ref" if expand.content == "$ref" else f"/{name}"
        token: Pieces = [self._token(projection, expand)]
        if expand.anchor is not None:
            name_of_it, key = expand.anchor
            token += [f"&{name_of_it}=", plain_text(self._relations.expressions.value(key), INT64)]
        return concat(
            [f',"{name}{self._format.prefix}nextLink":"', root, *id_of, path, query, *token, '"']
        )

    def _slot(self, expand: ExpandMany, part: Literal["root", "query", "binding"]) -> Sql:
        return param(LinkSlot(expand.number, part), "text")

    def _order_values(self, expand: ExpandMany) -> list[Sql]:
        """The order values for a token: of a text too long for a URL the digest, but of a key,
        which finds the row."""
        key = {(expand.block.source.number, p.column) for p in expand.target_set.entity_type.key}
        texts = zip(expand.order, key_texts(expand.order, self._relations.expressions), strict=True)
        return [
            fill(
                f"CASE WHEN length({{0}}) > {LONG_VALUE} THEN json_build_array(md5({{0}})) ELSE to_json({{0}}) END",
                (text,),
            )
            if k.expr.type is STRING and k.expr not in expand.key and not _is_one_of(k.expr, key)
            else text
            for k, text in texts
        ]

    def _token(self, projection: Projection, expand: ExpandMany) -> Sql:
        expressions, page = self._relations.expressions, param(PageSlot(), "int4")
        skipped = raw("0") if expand.skip is None else param(expand.skip, "int8")
        last = build(
            "{0} LIMIT 1 OFFSET {1} + {2} - 1", order_by(expand.order, expressions), skipped, page
        )
        values = build("json_build_array({0})::text", join(", ", self._order_values(expand)))
        payload = build(
            "'[' || {0}::text || ',' || {0}::text || ',' || ({1}) || ']'",
            page,
            self._relations.select(values, expand.block, last),
        )
        keys: list[BoundExpr] = [
            Column(projection.source, p.column, p.pg_type, p.type, False)
            for p in projection.entity_set.entity_type.key
        ]
        keys += [] if expand.anchor is None else [expand.anchor[1]]
        path = join(
            " || ',' || ", (plain_text(expressions.value(k), k.type or INT64) for k in keys)
        )
        return build(
            "(SELECT rtrim(translate(encode(convert_to(p.t, 'UTF8'), 'base64'), E'+/\\n', '-_'), '=') || '.' || "
            "substr(encode(sha256(convert_to({0} || '|' || {1} || '|' || p.t, 'UTF8')), 'hex'), 1, 16) FROM (SELECT {2} AS t) AS p)",
            self._slot(expand, "binding"),
            path,
            payload,
        )


def _shown(column: Column) -> Sql:
    return checked(column_sql(column), column.pg_type, column.type)


def _is_one_of(expr: BoundExpr, columns: set[tuple[int, str]]) -> bool:
    return isinstance(expr, Column) and (expr.source, expr.name) in columns
