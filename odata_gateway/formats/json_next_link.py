"""The next link of an expanded collection, made by Postgres for the entities whose collection is
longer than a page.

The link is the URL of the collection on its own, with the options of the $expand, from behind the
last row of the page. Its token has the form that `protocol.links.read_skiptoken` reads: base64url
of the payload `[sent,page,[order values]]`, a dot, and 16 hexadecimal digits of a SHA-256 that
binds it to the query and to the keys in its path.
"""

from __future__ import annotations

from typing import Literal

from odata_gateway.edm.model import EntitySet
from odata_gateway.formats.json_text import Pieces, concat
from odata_gateway.formats.json_values import entity_id, navigation_path
from odata_gateway.plan.tree.columns import column_of_property
from odata_gateway.plan.tree.projection import ExpandMany
from odata_gateway.plan.tree.query import LONG_VALUE
from odata_gateway.plan.tree.relation import BoundExpr, Column
from odata_gateway.plan.tree.slots import LinkSlot, PageSlot
from odata_gateway.sql.fragment import Sql, build, fill, join, param, quoted, raw
from odata_gateway.sql.paging.keyset import key_texts, order_by
from odata_gateway.sql.pg_types import plain_text
from odata_gateway.sql.renderer import BlockRenderer
from odata_gateway.types.primitive import INT64, STRING

# An order value in a token: of a text too long for a URL its MD5, in an array.
_SHORTENED = (
    f"CASE WHEN length({{0}}) > {LONG_VALUE} "
    "THEN json_build_array(md5({0})) ELSE to_json({0}) END"
)
# {0} what the token is bound to, {1} the keys in the path, {2} the payload.
_TOKEN = (
    "(SELECT rtrim(translate(encode(convert_to(p.t, 'UTF8'), 'base64'), E'+/\\n', '-_'), '=') "
    "|| '.' || substr(encode(sha256(convert_to({0} || '|' || {1} || '|' || p.t, 'UTF8')), 'hex'), "
    "1, 16) FROM (SELECT {2} AS t) AS p)"
)


def next_link_member(
    name: str, parent: tuple[EntitySet, int], expand: ExpandMany, blocks: BlockRenderer
) -> Sql:
    """The member with the next link, with a comma before it.

    name    of the member: `messages@odata.nextLink`
    parent  the entity that has the collection: its set, and the number of its source
    """
    path = navigation_path(parent[0], expand.navigation) + expand.cast
    if expand.content == "$ref":
        path += "/$ref"
    pieces: Pieces = [f',"{name}":"', _link(expand, "root"), *entity_id(*parent), path]
    pieces += [_link(expand, "query"), _token(parent, expand, blocks)]
    if expand.anchor is not None:
        alias, key = expand.anchor
        pieces += [f"&{alias}=", plain_text(blocks.expressions.value(key), INT64)]
    return concat([*pieces, '"'])


def _link(expand: ExpandMany, part: Literal["root", "query", "binding"]) -> Sql:
    return param(LinkSlot(expand.number, part), "text")


def _token(parent: tuple[EntitySet, int], expand: ExpandMany, blocks: BlockRenderer) -> Sql:
    keys = _path_keys(parent, expand, blocks)
    return build(_TOKEN, _link(expand, "binding"), keys, _payload(expand, blocks))


def _path_keys(parent: tuple[EntitySet, int], expand: ExpandMany, blocks: BlockRenderer) -> Sql:
    """The keys in the path of the link, and that of $it, with commas between them."""
    entity_set, source = parent
    key = entity_set.entity_type.key if entity_set.singleton is None else ()
    keys: list[BoundExpr] = [column_of_property(source, p) for p in key]
    if expand.anchor is not None:
        keys.append(expand.anchor[1])
    texts = [plain_text(blocks.expressions.value(k), k.type or INT64) for k in keys]
    return join(" || ',' || ", texts) if texts else quoted("")


def _payload(expand: ExpandMany, blocks: BlockRenderer) -> Sql:
    """The text `[sent,page,[order values]]`. A page of the collection has been sent, and its last
    row is read again to find its order values."""
    page = param(PageSlot(), "int4")
    skip = raw("0") if expand.skip is None else param(expand.skip, "int8")
    order = order_by(expand.order, blocks.expressions)
    last = build("{0} LIMIT 1 OFFSET {1} + {2} - 1", order, skip, page)
    values = join(", ", _order_values(expand, blocks))
    array = build("json_build_array({0})::text", values)
    return build(
        "'[' || {0}::text || ',' || {0}::text || ',' || ({1}) || ']'",
        page,
        blocks.select(array, expand.block, last),
    )


def _order_values(expand: ExpandMany, blocks: BlockRenderer) -> list[Sql]:
    """The order values; long texts are shortened, but not those of a key, which find the row."""
    texts = key_texts(expand.order, blocks.expressions)
    return [
        fill(_SHORTENED, (text,))
        if key.expr.type is STRING and not _is_key(key.expr, expand)
        else text
        for key, text in zip(expand.order, texts, strict=True)
    ]


def _is_key(expr: BoundExpr, expand: ExpandMany) -> bool:
    if expr in expand.key:
        return True
    names = {p.column for p in expand.target_set.entity_type.key}
    is_own = isinstance(expr, Column) and expr.source == expand.block.source.number
    return is_own and isinstance(expr, Column) and expr.name in names and not expr.steps
