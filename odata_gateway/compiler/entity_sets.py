"""A request for `$all` as one request for each entity set that it reads."""

from __future__ import annotations

from typing import NamedTuple

from odata_gateway.compiler.parsed_url import ParsedUrl
from odata_gateway.plan.resource.all_entities import AllEntitiesQuery
from odata_gateway.url import ast
from odata_gateway.url.options import ALLOWED

_SHARED = ALLOWED["set of all"]


class AllEntities(NamedTuple):
    """A request for the entities of several sets.

    tree   the syntax tree of the whole request
    query  the sets in order, and the options that are about all of them together
    """

    url: ParsedUrl
    tree: ast.SyntaxTree
    query: AllEntitiesQuery

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sets in order."""
        return tuple([entity_set.name for entity_set in self.query.sets])


def tree_of_set(tree: ast.SyntaxTree, name: str, *, skips: bool) -> ast.SyntaxTree:
    """The syntax tree of a request for one of the sets: the options that each set is asked with,
    and $skip where the page begins in the middle of it."""
    given = tree.options
    kept = _SHARED | {"$skip"} if skips else _SHARED
    options = ast.Options(
        search=given.search,
        skip=given.skip if skips else None,
        count=given.count,
        format=given.format,
        schemaversion=given.schemaversion,
        order=tuple(name for name in given.order if name in kept),
    )
    return ast.SyntaxTree((ast.Segment(name),), options)


def url_of_set(url: ParsedUrl, tree: ast.SyntaxTree, skip: int) -> ParsedUrl:
    """The URL with another number in the place of its own $skip; unchanged for 0."""
    slot = tree.options.skip.slot if tree.options.skip is not None and skip else None
    values = tuple(v._replace(value=skip) if i == slot else v for i, v in enumerate(url.values))
    return url._replace(values=values)
