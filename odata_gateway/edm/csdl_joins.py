"""The joins of navigation properties, read from their text.

    "@Gateway.Links": {"tagging": "public.taggings", "tag": "public.tags"},
    "@Gateway.Join": ["tagging.taggable_id = source.id", "tagging.context = 'labels'",
                      "tag.id = tagging.tag_id", "lower(tag.name) = target.title"]

`source` is the table of the type that declares the navigation property, `target` the table it leads
to; other names are link tables. Columns are Postgres's; a name that is not a plain word is written
in double quotes. A constant is text, with its quotes doubled as in SQL.
"""

from __future__ import annotations

import re

from odata_gateway.edm.json_reader import JsonNode
from odata_gateway.edm.model import Join, JoinColumn, JoinConstant, JoinTerm, LinkTable, Table

SOURCE = "source"
TARGET = "target"

_COLUMN = r"(\w+)\.(\w+|\"(?:[^\"]|\"\")+\")"
_SIDE = re.compile(rf"(lower\(\s*)?{_COLUMN}(?(1)\s*\))")
_QUOTED_TABLE = re.compile(r"\"((?:[^\"]|\"\")+)\"\.\"((?:[^\"]|\"\")+)\"")
_CONSTANT = re.compile(r"'((?:[^']|'')*)'")
_EQUALS = re.compile(r"\s*=\s*")

MAX_NAME_BYTES = 63  # Postgres cuts longer identifiers silently (NAMEDATALEN)


def is_identifier(name: str) -> bool:
    """Whether Postgres can have this name, quoted."""
    return 0 < len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES and "\0" not in name


def parse_table(text: str) -> Table | None:
    """`schema.table`, both in quotes or neither; None where the text is not of this form."""
    if quoted := _QUOTED_TABLE.fullmatch(text):
        return Table(*(name.replace('""', '"') for name in quoted.groups()))
    schema, dot, name = text.partition(".")
    return Table(schema, name) if dot and is_identifier(schema) and is_identifier(name) else None


def read_join(node: JsonNode) -> Join | None:
    """The join that a navigation property declares itself; None where it declares none, or one with
    a mistake."""
    if not node.has("@Gateway.Join"):
        if node.has("@Gateway.Links"):
            node.fail("link tables need a @Gateway.Join that uses them", "@Gateway.Links")
        return None
    before = len(node.mistakes)
    links = tuple(_links(node))
    known = {SOURCE, TARGET, *(link.name for link in links)}
    terms = []
    for text, place in node.texts("@Gateway.Join"):
        term = _parse_term(text)
        if term is None:
            place.fail(
                "must be column = column or column = 'text', "
                "where a column is side.name or lower(side.name)"
            )
        elif unknown := _sides(term) - known:
            place.fail(f"'{sorted(unknown)[0]}' is neither source, target nor a link table")
        else:
            terms.append(term)
    join = Join(tuple(terms), links)
    if len(node.mistakes) == before and (loose := _unconnected(join)):
        node.fail(f"no term connects {' and '.join(loose)} with source", "@Gateway.Join")
    return join


def _links(node: JsonNode) -> list[LinkTable]:
    links = []
    for name, text, place in node.pairs("@Gateway.Links"):
        table = parse_table(text)
        if name in (SOURCE, TARGET):
            place.fail(f"a link table cannot be called {name}")
        elif table is None:
            place.fail("must be schema.table")
        else:
            links.append(LinkTable(name, table))
    return links


def _parse_term(text: str) -> JoinTerm | None:
    text = text.strip()
    left = _SIDE.match(text)
    equals = left and _EQUALS.match(text, left.end())
    if not left or not equals:
        return None
    if constant := _CONSTANT.fullmatch(text, equals.end()):
        return JoinTerm(_column(left), JoinConstant(constant[1].replace("''", "'")))
    right = _SIDE.fullmatch(text, equals.end())
    return JoinTerm(_column(left), _column(right)) if right else None


def _column(match: re.Match[str]) -> JoinColumn:
    name = match[3]
    return JoinColumn(
        match[2],
        name[1:-1].replace('""', '"') if name.startswith('"') else name,
        match[1] is not None,
    )


def _sides(term: JoinTerm) -> set[str]:
    sides = {term.left.side}
    if isinstance(term.right, JoinColumn):
        sides.add(term.right.side)
    return sides


def _unconnected(join: Join) -> list[str]:
    """Tables that no chain of terms connects with the source: each would multiply the rows, and
    would join rows of any account."""
    reached, pairs = {SOURCE}, [sides for sides in map(_sides, join.terms) if len(sides) == 2]
    for _ in pairs:
        for sides in pairs:
            if reached & sides:
                reached |= sides
    return [name for name in (*(link.name for link in join.links), TARGET) if name not in reached]


def join_of_columns(pairs: list[tuple[str, str]]) -> Join:
    """source.column = target.column for each pair."""
    return Join(
        tuple(
            JoinTerm(JoinColumn(SOURCE, source), JoinColumn(TARGET, target))
            for source, target in pairs
        )
    )


def mirrored(join: Join) -> Join:
    """The same join seen from its target."""
    return Join(tuple(_mirrored_term(term) for term in join.terms), join.links)


def _mirrored_term(term: JoinTerm) -> JoinTerm:
    match term.right:
        case JoinConstant():
            return JoinTerm(_swap(term.left), term.right)
        case JoinColumn(side=side) as right if {term.left.side, side} == {SOURCE, TARGET}:
            return JoinTerm(_swap(right), _swap(term.left))
        case right:
            return JoinTerm(_swap(term.left), _swap(right))


def _swap(column: JoinColumn) -> JoinColumn:
    return JoinColumn(
        {SOURCE: TARGET, TARGET: SOURCE}.get(column.side, column.side), column.column, column.lower
    )


def with_accounts(join: Join, source: str, target: str) -> Join:
    """The join with source.account = target.account: it separates accounts a second time, and a
    sharded Postgres needs it."""
    term = JoinTerm(JoinColumn(SOURCE, source), JoinColumn(TARGET, target))
    return join if term in join.terms else Join((*join.terms, term), join.links)


def is_same(left: Join, right: Join) -> bool:
    """Whether two joins have the same equalities over the same link tables, in any order."""
    return set(left.links) == set(right.links) and _equalities(left) == _equalities(right)


def _equalities(join: Join) -> set[frozenset[JoinColumn | JoinConstant]]:
    return {frozenset((term.left, term.right)) for term in join.terms}
