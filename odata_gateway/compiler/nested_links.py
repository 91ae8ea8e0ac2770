"""The next links of expanded collections, as far as they are the same for all rows.

Postgres writes the rest: the key of the entity, and the token behind the last row of the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from odata_gateway.compiler.parsed_url import query_digest
from odata_gateway.plan.tree.projection import ExpandMany, Projection, expanded_below
from odata_gateway.url.literals import LiteralValue, literal_text
from odata_gateway.url.normalize import normalize
from odata_gateway.url.split import QueryOption, Target
from odata_gateway.url.unparse import UrlPieces, encoded

_SAFE_IN_LITERALS = "'(),:-._~"


@dataclass(frozen=True, slots=True)
class NestedLink:
    """The path and the options of an expanded collection's next link.

    A text is in pieces: constant text, or the slot of a literal.

    path         with empty parentheses in place of the key of its entity
    options      names and texts
    query_text   all options, percent-encoded but for the literals: `$filter=...&$top=...`
    """

    path: str
    options: tuple[tuple[str, UrlPieces], ...]
    query_text: UrlPieces

    def query(self, literals: Sequence[LiteralValue], credential: str | None) -> str:
        """The query of the link up to its token.

        credential  the option `apikey`, for clients that send their token in the URL
        """
        own = "".join([p if isinstance(p, str) else _quoted(literals[p]) for p in self.query_text])
        return f"?{'&'.join([text for text in (own, credential, '$skiptoken=') if text])}"

    def digest(self, literals: Sequence[LiteralValue]) -> str:
        """The digest of the query that the link asks, as the gateway computes it when a client
        follows the link."""
        written = tuple([_option(name, pieces, literals) for name, pieces in self.options])
        return query_digest(self.path, *normalize(Target((), written)))


def nested_links(projection: Projection) -> dict[int, NestedLink]:
    """The next links of all expanded collections in a projection, by their number."""
    return {
        expand.number: _nested_link(expand)
        for expand in expanded_below(projection)
        if isinstance(expand, ExpandMany)
    }


def _nested_link(expand: ExpandMany) -> NestedLink:
    reference = "/$ref" if expand.content == "$ref" else ""
    parent = expand.parent_set
    cast = f"/{parent.entity_type.qualified_name}" if parent.is_cast else ""
    path = f"{parent.name}()" if parent.singleton is None else parent.name
    path = f"{path}{cast}/{expand.navigation.name}{expand.cast}{reference}"
    return NestedLink(path, expand.query, tuple(_query_text(expand.query)))


def _query_text(options: Iterable[tuple[str, UrlPieces]]) -> list[str | int]:
    text: list[str | int] = []
    for name, pieces in options:
        text.append(f"&{name}=" if text else f"{name}=")
        text += [encoded(p) if isinstance(p, str) else p for p in pieces]
    return text


def _option(name: str, pieces: UrlPieces, literals: Sequence[LiteralValue]) -> QueryOption:
    text = "".join([p if isinstance(p, str) else _literal(literals[p]) for p in pieces])
    return QueryOption(name, text, raw="", at=0)


def _quoted(value: LiteralValue) -> str:
    return quote(_literal(value), safe=_SAFE_IN_LITERALS)


def _literal(value: LiteralValue) -> str:
    return literal_text(value.kind, value.value)
