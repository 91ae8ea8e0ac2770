"""How rows are written, as a protocol: what `sql.statement` needs of a format.

Postgres makes the text of each row and joins the rows of a chunk; no row becomes an object in
Python. The implementations are in `formats`. They are given the renderer of the statement's blocks,
so that expanded collections become subqueries of the same statement.
"""

from __future__ import annotations

from typing import Protocol

from odata_gateway.edm.model import EntitySet
from odata_gateway.plan.tree.projection import Field, Projection
from odata_gateway.sql.fragment import Sql
from odata_gateway.sql.renderer import BlockRenderer


class RowEncoding(Protocol):
    """Writes rows in one format. Encodings are part of a cache's key, by identity or by value.

    Each method gives one expression of type text. It raises UrlFormat for what the format cannot
    say; nothing has been sent by then.
    """

    @property
    def separator(self) -> str:
        """What stands between two rows of a collection."""
        ...

    def row(self, projection: Projection, blocks: BlockRenderer) -> Sql:
        """A row of a collection, or a single entity. Never NULL: joining rows passes over NULL, so
        that a row would be missing without a trace."""
        ...

    def reference(self, entity_set: EntitySet, source: int, blocks: BlockRenderer) -> Sql:
        """A reference to an entity, whose row is that of a source. Never NULL."""
        ...

    def property(self, field: Field, blocks: BlockRenderer) -> Sql:
        """The value of a single property."""
        ...
