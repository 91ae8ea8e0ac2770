"""A chunk's rows as one record of SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from odata_gateway.plan.tree.query import Query
from odata_gateway.plan.tree.slots import LimitSlot
from odata_gateway.sql.fragment import Sql, build, join, param, quoted, raw

MOST_BYTES = 16 * 1024 * 1024
"""A chunk of several rows has no more bytes than this. A single row has as many as it has."""
_MOST = Sql((f"{MOST_BYTES:d}",))


def key_names(query: Query) -> list[Sql]:
    """Names of the order values as columns of a chunk's rows: k0, k1, ..."""
    return [Sql((f"k{index:d}",)) for index in range(len(query.order))]


def last_row(rows: Sql, query: Query, limit: Sql) -> Sql:
    """The order values of row number `limit`, without making a text of any row."""
    wanted = join(", ", (build("p.{0}::text", name) for name in key_names(query)))
    return build("SELECT {0} FROM ({1}) AS p OFFSET {2} - 1", wanted, rows, limit)


def row_sizes(rows: Sql) -> Sql:
    """The bytes of each row's text, in one array. Only a chunk that is too large needs them."""
    return build("SELECT array_agg(octet_length(p.row)) FROM ({0}) AS p", rows)


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """A chunk's rows as one record: (text, number of rows, whether there are more, whether no row
    was NULL, order values of the last row...).

    The text is NULL where several rows have too many bytes: it must be read with fewer rows. Its
    length is known when Postgres has joined the rows, so that the test costs nothing.
    """

    query: Query
    separator: str
    lookahead: bool

    @property
    def limit(self) -> Sql:
        """The rows to read."""
        limit = param(LimitSlot(), "int4")
        return build("{0} + 1", limit) if self.lookahead else limit

    def most(self, rows: int) -> Sql:
        """The most rows to read, where a chunk shows no more than `rows`, as a constant."""
        return Sql((f"{rows + self.lookahead:d}",))

    def joined(self, rows: Sql) -> Sql:
        """The record of rows that are (row, k0, k1, ...)."""
        return self._looking_ahead(rows) if self.lookahead else self._full(rows)

    def apart(self, rows: Sql, joined: Sequence[bool]) -> Sql:
        """The same as `_full`, for rows that are taken apart: their texts without separators, then
        the length of each, and each order value of all rows. Rows have octets as texts. What is
        joined with commas passes through a coordinator as one value.

        joined  whether the texts of an order value have no comma and are not empty, so that they
                are joined, with nothing for null; else they are an array
        """
        template: LiteralString = ", string_agg(coalesce(p.{0}::text, ''), ',')"
        names = zip(key_names(self.query), joined, strict=True)
        keys = (
            build(template if is_joined else ", array_agg(p.{0}::text)", name)
            for name, is_joined in names
        )
        return build(
            "SELECT CASE WHEN count(*) < 2 OR octet_length({3}) <= {4} THEN {3} END, count(*), "
            "count(*) = {0}, count(*) = count(p.row), "
            "string_agg(octet_length(p.row)::text, ','){1} FROM ({2}) AS p",
            param(LimitSlot(), "int4"),
            join("", keys),
            rows,
            raw("string_agg(p.row, ''::bytea)"),
            _MOST,
        )

    def _full(self, rows: Sql) -> Sql:
        """The record without a look ahead: a full chunk may have more rows behind it."""
        names = key_names(self.query)
        last = join("", (build(", ((array_agg(p.{0}))[count(*)::int4])::text", n) for n in names))
        return build(
            "SELECT CASE WHEN count(*) < 2 OR octet_length({3}) <= {4} "
            "THEN convert_to({3}, 'UTF8') END, count(*), count(*) = {0}, "
            "count(*) = count(p.row){1} FROM ({2}) AS p",
            param(LimitSlot(), "int4"),
            last,
            rows,
            build("string_agg(p.row, {0})", quoted(self.separator)),
            _MOST,
        )

    def _looking_ahead(self, rows: Sql) -> Sql:
        """The record where one row more is read than shown."""
        limit, names = param(LimitSlot(), "int4"), key_names(self.query)
        arrays = join("", (build(", array_agg(p.{0}) AS {0}", name) for name in names))
        last = join("", (build(", a.{0}[{1}]::text", name, limit) for name in names))
        return build(
            "SELECT CASE WHEN a.c < 2 OR {0} = 1 OR pg_column_size(a.r) <= {5} "
            "THEN convert_to(array_to_string(a.r[1:{0}], {4}), 'UTF8') END, "
            "least(a.c, {0}), a.c > {0}, a.c = a.w{1} FROM (SELECT count(*) AS c, "
            "count(p.row) AS w, array_agg(p.row) AS r{2} FROM ({3}) AS p) AS a",
            limit,
            last,
            arrays,
            rows,
            quoted(self.separator),
            _MOST,
        )
