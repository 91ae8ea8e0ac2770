"""The statements of one page of a collection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from odata_gateway.compiler.compiled_query import ArgumentValues, CompiledQuery
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.observe.statement_id import tag_statement
from odata_gateway.sql.fragment import finish, raw
from odata_gateway.sql.server_memory import kept_memory
from odata_gateway.sql.statement import StatementKind, StatementVariant

_COORDINATOR_KEEPS_MEMORY = BoundStatement(tag_statement(finish(kept_memory(raw("SELECT 1"))).text))
OrderValues = tuple[str | None, ...]
"""The order values of a row, as Postgres writes them; None for null."""


@dataclass(frozen=True, slots=True)
class PageStatements:
    """The statements of one page: its rows behind a row, the boundary of a chunk, its count.

    variant      of the page's first rows
    values       of the request; their keys are those of the row that the page begins behind
    keeps_plans  Postgres may keep the plan for few rows (`CompiledQuery.chunk`)
    """

    compiled: CompiledQuery
    variant: StatementVariant
    values: ArgumentValues
    keeps_plans: bool = True

    def rows(self, after: OrderValues | None, limit: int, *, lookahead: bool) -> BoundStatement:
        """The first `limit` rows behind a row, as one record.

        after      order values of that row; None: the page's first rows
        lookahead  the record tells whether there are more rows, else only whether there may be.
                   It costs a tenth more (measured), and only the last chunk of a page needs it.
        """
        return self._behind("rows", after, limit, lookahead=lookahead)

    def sizes(self, after: OrderValues | None, limit: int) -> BoundStatement:
        """The bytes of each of these rows."""
        return self._behind("sizes", after, limit)

    def boundary(self, after: OrderValues, limit: int) -> BoundStatement:
        """The order values of the last of the first `limit` rows behind a row; no record where
        there are fewer rows."""
        return self._behind("boundary", after, limit)

    def last_of(self, rows: int) -> BoundStatement:
        """The order values of row number `rows`; no record where there are fewer."""
        return self._behind("boundary", None, rows)

    def memory(self) -> Iterator[BoundStatement]:
        """What is to be run once before large chunks are read from a cluster, so that the processes
        at the coordinator and at the server with the account's rows keep the memory of them."""
        reads_one_account = self.variant.alone or self.variant.shard_accounts == 1
        if reads_one_account and not self.compiled.query.is_made:
            variant = self.variant._replace(null_mask=None, lookahead=False)
            yield _COORDINATOR_KEEPS_MEMORY
            yield self.compiled.statement("memory", variant).bind(self.values)

    def count(self) -> BoundStatement:
        """The number of rows on all pages."""
        return self.compiled.statement("count", self.variant).bind(self.values)

    def _behind(
        self, kind: StatementKind, after: OrderValues | None, limit: int, *, lookahead: bool = False
    ) -> BoundStatement:
        null_mask, keys = self.variant.null_mask, self.values.keys
        if after is not None:
            null_mask, keys = tuple([key is None for key in after]), after
        variant = self.variant._replace(null_mask=null_mask, lookahead=lookahead)
        values = self.values._replace(limit=limit, keys=keys)
        if kind == "rows" and self.keeps_plans:
            return self.compiled.chunk(variant, values).bind(values)
        return self.compiled.statement(kind, variant).bind(values)
