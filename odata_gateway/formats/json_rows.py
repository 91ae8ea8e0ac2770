"""A row as one JSON text, made by Postgres (JSON Format 4.01, sections 6 to 8).

An expanded navigation property is one scalar subquery inside the text, nested by recursion. So a
request is one statement, and no expanded collection multiplies rows. A page of an expanded
collection is read as an array one longer than the page; the subquery for the token of its next link
runs only if that array is full.
"""

from __future__ import annotations

from typing import LiteralString, assert_never

from odata_gateway.edm.model import EntitySet, NavigationProperty
from odata_gateway.formats.json_next_link import next_link_member
from odata_gateway.formats.json_text import (
    Pieces,
    concat,
    json_object,
    object_without_nulls,
    type_fragment,
)
from odata_gateway.formats.json_values import entity_id, entity_id_of, json_value, navigation_path
from odata_gateway.plan.tree.projection import (
    ApplyProjection,
    Content,
    CrossedEntity,
    CrossjoinProjection,
    EntityProjection,
    Expand,
    ExpandMany,
    ExpandOne,
    Field,
    MixedProjection,
    Nested,
    Projection,
    RowMembers,
    ValueProjection,
)
from odata_gateway.plan.tree.relation import Column
from odata_gateway.plan.tree.slots import LinkSlot, PageSlot
from odata_gateway.protocol.json_format import JsonFormat
from odata_gateway.sql.fragment import Sql, build, column_sql, join, param, quoted, raw
from odata_gateway.sql.paging.keyset import order_by
from odata_gateway.sql.renderer import BlockRenderer


class JsonRowRenderer:
    """Renders projections as JSON text."""

    def __init__(self, blocks: BlockRenderer, form: JsonFormat) -> None:
        self._blocks = blocks
        self._form = form
        self._is_full = form.level == "full"

    def row(self, projection: Projection) -> Sql:
        """The text of one row."""
        match projection:
            case EntityProjection():
                return concat(self._object(self._entity(projection)))
            case ApplyProjection(entity_set=entity_set, members=members, identified=identified):
                return concat(self._apply_row(entity_set, members, identified=identified))
            case CrossjoinProjection():
                return concat(self._crossjoin_row(projection))
            case MixedProjection():
                return self._of_its_kind(projection)
            case ValueProjection(field=field):
                return self.value(field)
            case _:
                assert_never(projection)

    def reference(self, entity_set: EntitySet, source: int) -> Sql:
        """The text of an entity reference (JSON Format 14)."""
        return concat([f'{{"{self._form.prefix}id":"', *entity_id(entity_set, source), '"}'])

    def value(self, field: Field) -> Sql:
        """The text of one value."""
        return json_value(field, self._blocks.expressions, ieee754=self._form.ieee754)

    def _object(self, members: list[Pieces]) -> Pieces:
        return object_without_nulls(members) if self._form.omits_nulls else json_object(members)

    # --- entities ---------------------------------------------------------------------------------

    def _entity(self, projection: EntityProjection) -> list[Pieces]:
        """The members of an entity: its identity, values, links, and what is expanded."""
        members = self._identity(projection) + self._media_links(projection)
        for field in projection.fields:
            if field.type.family.is_stream:
                members += self._stream_links(projection, field)
            else:
                members.append(self._shown_field(field))
        for navigation in projection.links:
            members += self._selected_link(projection, navigation)
        for expand in projection.expands:
            members += self._full_links(projection, expand.navigation)
            if isinstance(expand, ExpandOne):
                members += self._expand_one(expand)
            else:
                members += self._expand_many(projection, expand)
        for related in projection.related:
            members += self._member(related)
        for navigation in self._further_navigation(projection):
            members += self._full_links(projection, navigation)
        return members

    def _identity(self, projection: EntityProjection) -> list[Pieces]:
        form = self._form
        if projection.entity_set.entity_type.is_complex:
            name = projection.entity_set.entity_type.qualified_name
            return [[f'"{form.prefix}type":"#{name}"']] if self._is_full else []
        id_of = entity_id(projection.entity_set, projection.source)
        own_id: Pieces = [f'"{form.prefix}id":"', *id_of, '"']
        if self._is_full or (form.names_sets and form.level != "none"):
            name = projection.entity_set.entity_type.qualified_name
            members: list[Pieces] = [self._own_context(projection)] if form.names_sets else []
            members += [[f'"{form.prefix}type":"#{name}"'], own_id]
            read_link: Pieces = [f'"{form.prefix}readLink":"', *id_of, '"']
            return [*members, read_link] if self._is_full else members
        shown: list[Pieces] = []
        if projection.type_name is not None and form.level == "minimal":
            shown.append([f'"{form.prefix}type":"#{projection.type_name}"'])
        if projection.shows_id and form.level == "minimal":
            shown.append(own_id)
        return shown

    def _own_context(self, projection: EntityProjection) -> Pieces:
        """The context URL of one entity among those of other sets (Protocol 10.19)."""
        root = param(LinkSlot(0, "root"), "text")
        fragment = f'$metadata#{projection.entity_set.shown_name}/$entity"'
        return [f'"{self._form.prefix}context":"', root, fragment]

    def _shown_field(self, field: Field) -> Pieces:
        """A member; NULL in SQL if its value is null and nulls are left out."""
        member = self._field(field)
        value = member[-1]
        if not self._form.omits_nulls or not isinstance(value, Sql):
            return member
        return [*member[:-1], build("nullif({0}, 'null')", value)]

    def _field(self, field: Field) -> Pieces:
        """A member, after its type where a reader must be told. A reader of INF, -INF and NaN,
        which are strings, must (JSON Format 4.5.3)."""
        value = self.value(field)
        member: Pieces = [f'"{field.name}":', value]
        shows_type = self._is_full or (field.dynamic and self._form.level == "minimal")
        if not shows_type or (field.type.is_evident and not field.type.family.has_nan):
            return member
        type_name = type_fragment(field.type, self._form.version)
        shown = f'"{field.name}{self._form.prefix}type":"{type_name}",'
        if not field.type.is_evident:
            return [shown, *member]
        template: LiteralString = "CASE left({0}, 1) WHEN '\"' THEN {1} ELSE '' END"
        return [build(template, value, quoted(shown)), *member]

    # --- links ------------------------------------------------------------------------------------

    def _stream_links(self, projection: EntityProjection, field: Field) -> list[Pieces]:
        """Where the octets of a stream property are, and of which type; also of one that is null,
        which answers 204."""
        return self._media(projection, f"/{field.name}", field.name, field.media_type)

    def _media_links(self, projection: EntityProjection) -> list[Pieces]:
        """The same of a media entity's own octets."""
        media = projection.entity_set.entity_type.media
        return [] if media is None else self._media(projection, "/$value", "", media.media_type)

    def _media(
        self, projection: EntityProjection, path: str, name: str, media_type: str | None
    ) -> list[Pieces]:
        if self._form.level == "none":
            return []
        start = f'"{name}{self._form.prefix}media'
        id_of = entity_id(projection.entity_set, projection.source)
        link: Pieces = [f'{start}ReadLink":"', *id_of, f'{path}"']
        if media_type is None:
            return [link]
        return [link, [f'{start}ContentType":"{media_type}"']]

    def _selected_link(
        self, projection: EntityProjection, navigation: NavigationProperty
    ) -> list[Pieces]:
        """A navigation property that was selected shows as a link from level minimal on (JSON
        Format 8.1)."""
        if self._form.level == "minimal":
            return [self._link(projection, navigation, "navigationLink")]
        return self._full_links(projection, navigation)

    def _full_links(
        self, projection: EntityProjection, navigation: NavigationProperty
    ) -> list[Pieces]:
        """The links that only full metadata has."""
        if not self._is_full:
            return []
        names = ("associationLink", "navigationLink")
        return [self._link(projection, navigation, name) for name in names]

    def _link(
        self, projection: EntityProjection, navigation: NavigationProperty, name: str
    ) -> Pieces:
        suffix = "/$ref" if name == "associationLink" else ""
        return [
            f'"{navigation.name}{self._form.prefix}{name}":"',
            *entity_id(projection.entity_set, projection.source),
            f'{navigation_path(projection.entity_set, navigation)}{suffix}"',
        ]

    def _further_navigation(self, projection: EntityProjection) -> list[NavigationProperty]:
        """What full metadata links besides: without $select, all navigation properties."""
        if not self._is_full or projection.selected is not None:
            return []
        shown = {e.navigation.name for e in projection.expands}
        navigation = projection.entity_set.entity_type.navigation
        return [n for n in navigation.values() if n.name not in shown]

    # --- expanded navigation ----------------------------------------------------------------------

    def _content(self, content: Content, expand: Expand) -> Sql:
        """The text of one expanded entity, or of a reference to it."""
        if isinstance(content, str):
            return self.reference(expand.target_set, expand.block.source.number)
        return self.row(content)

    def _expand_one(self, expand: ExpandOne) -> list[Pieces]:
        self._blocks.enter(expand.block)
        text = self._content(expand.content, expand)
        content = expand.content
        if expand.dynamic and self._form.level != "none" and isinstance(content, EntityProjection):
            shown = "" if content.selected is None else f"({','.join(content.selected)})"
            url = f"#{expand.target_set.name}{shown}/$entity"
            context = quoted(f'{{"{self._form.prefix}context":"{url}",')
            text = build("{0} || substr({1}, 2)", context, text)
        entity = build("coalesce(({0}), 'null')", self._blocks.select(text, expand.block))
        return [[f'"{expand.navigation.name}":', entity]]

    def _expand_many(self, projection: EntityProjection, expand: ExpandMany) -> list[Pieces]:
        self._blocks.enter(expand.block)
        name, members = expand.navigation.name, list[Pieces]()
        if expand.count or expand.content == "$count":
            number = build("({0})", self._blocks.select(raw("count(*)::text"), expand.block))
            quote = '"' if self._form.ieee754 else ""
            members.append([f'"{name}{self._form.prefix}count":{quote}', number, quote])
        if expand.content != "$count":
            members.append([f'"{name}":', self._page(projection, expand)])
        return members

    def _page(self, projection: EntityProjection, expand: ExpandMany) -> Sql:
        """`[...]` and, if there are more rows, the next link behind it, as one scalar subquery. A
        NULL row would show as `!`, which is not JSON."""
        name = f"{expand.navigation.name}{self._form.prefix}nextLink"
        parent = projection.entity_set, projection.source
        text = self._content(expand.content, expand)
        return build(
            "(SELECT '[' || array_to_string(a.r[1:{0}], ',', '!') || ']' "
            "|| CASE WHEN cardinality(a.r) > {0} THEN {1} ELSE '' END "
            "FROM (SELECT ARRAY({2}) AS r OFFSET 0) AS a)",
            param(PageSlot(), "int4"),
            next_link_member(name, parent, expand, self._blocks),
            self._blocks.select(text, expand.block, self._page_tail(expand)),
        )

    def _page_tail(self, expand: ExpandMany) -> Sql:
        limit = build("{0} + 1", param(PageSlot(), "int4"))
        if expand.top is not None:
            limit = build("least({0}, {1})", limit, param(expand.top, "int8"))
        tail = build("{0} LIMIT {1}", order_by(expand.order, self._blocks.expressions), limit)
        if expand.skip is None:
            return tail
        return build("{0} OFFSET {1}", tail, param(expand.skip, "int8"))

    # --- rows of $apply ---------------------------------------------------------------------------

    def _of_its_kind(self, mixed: MixedProjection) -> Sql:
        """A row of one of several kinds, each with its own members."""
        texts = (
            build("WHEN {0} THEN {1}", Sql((f"{number:d}",)), self.row(projection))
            for number, projection in enumerate(mixed.kinds)
        )
        number = self._blocks.expressions.value(mixed.kind)
        return build("CASE {0} {1} END", number, join(" ", texts))

    def _apply_row(self, entity_set: EntitySet, members: RowMembers, *, identified: bool) -> Pieces:
        """A row that $apply made: without its key it is a transient entity, whose id is null (JSON
        Format 4.5.8)."""
        found: list[Pieces] = []
        prefix = self._form.prefix
        if self._is_full:
            found.append([f'"{prefix}type":"#{entity_set.entity_type.qualified_name}"'])
        if entity_set.entity_type.is_complex:
            return json_object([*found, *(one for m in members for one in self._member(m))])
        if identified and self._is_full:
            id_of = entity_id_of(entity_set, _key_columns(entity_set, members))
            found.append([f'"{prefix}id":"', *id_of, '"'])
        if not identified and self._form.level != "none":
            found.append([f'"{prefix}id":null'])
        for member in members:
            found += self._member(member)
        return json_object(found)

    def _member(self, member: Field | Nested | ExpandOne) -> list[Pieces]:
        match member:
            case Field():
                return [self._field(member)]
            case Nested():
                return [[f'"{member.name}":', *self._nested(member)]]
            case ExpandOne():
                return self._expand_one(member)

    def _nested(self, nested: Nested) -> Pieces:
        """Members behind navigation, or null if it led nowhere; or those of an object."""
        if nested.entity_set is None:
            return json_object([piece for m in nested.members for piece in self._member(m)])
        pieces = self._apply_row(nested.entity_set, nested.members, identified=nested.identified)
        if nested.present is None and not nested.identified:
            return pieces
        present = nested.present or _key_columns(nested.entity_set, nested.members)[0]
        template = "CASE WHEN {0} IS NULL THEN 'null' ELSE {1} END"
        return [build(template, column_sql(present), concat(pieces))]

    # --- rows of $crossjoin -----------------------------------------------------------------------

    def _crossjoin_row(self, projection: CrossjoinProjection) -> Pieces:
        """A row of $crossjoin. It has no id, and its links stand at level none too: they are its
        content."""
        members = [member for entity in projection.entities for member in self._crossed(entity)]
        return self._object(members + [self._shown_field(f) for f in projection.computed])

    def _crossed(self, crossed: CrossedEntity) -> list[Pieces]:
        """An entity, a reference or a link, by the name of its set; with full metadata the link
        stands before an entity."""
        name = crossed.target_set.name
        id_of = entity_id(crossed.target_set, crossed.source)
        link: Pieces = [f'"{name}{self._form.prefix}navigationLink":"', *id_of, '"']
        match crossed.content:
            case "link":
                return [link]
            case "$ref":
                return [[f'"{name}":', self.reference(crossed.target_set, crossed.source)]]
            case content:
                member: Pieces = [f'"{name}":', self.row(content)]
                return [link, member] if self._is_full else [member]


def _key_columns(entity_set: EntitySet, members: RowMembers) -> list[Column]:
    """The columns of the key, which is among the members."""
    values = {m.name: m.value for m in members if isinstance(m, Field)}
    found = (values[p.name] for p in entity_set.entity_type.key)
    return [column for column in found if isinstance(column, Column)]
