"""A relation without a key, with one that is made of its rows as one more column.

The place of a row is its block, its number in it, and the file: 20 hexadecimal digits in the order
of the blocks. Over partitions and inheriting tables, block 7 of all files comes before block 8 of
any, so a range of blocks is a range of keys. A row that is updated moves, as it may under any key
whose value changes. A table that is rewritten (VACUUM FULL, CLUSTER, REFRESH, TRUNCATE) gets other
files, so keys of before find nothing.

A digest is the MD5 of the text of the row, and the number of the row among those with the same
text. These are interchangeable: no answer can tell them apart. Every column that can be sorted by
stands in PARTITION BY. That changes nothing, since the digest decides, but Postgres then looks for
rows by a condition on such a column before it numbers them, and not afterwards.

Both have further columns by which rows are found (`key_conditions`). These are called like system
columns, because no column of a table can have such a name.
"""

from __future__ import annotations

from typing import assert_never

from odata_gateway.edm.model import RowKey
from odata_gateway.sql.fragment import Sql, alias, build, ident, join, qualified, quoted

PLACE, FILES, DIGEST = "ctid", "tableoid", "xmin"
"""Columns beside the key: of a place where the row is, and the files of the table as a text that
changes with them; of a digest without the number."""


def with_row_key(number: int, row_key: RowKey, table: Sql, policy: list[Sql]) -> Sql:
    """A FROM item in place of a table: its rows that the policy shows, with their key."""
    wanted = join(" AND ", policy) if policy else Sql(("true",))
    match row_key.form:
        case "place":
            rows = _with_place(number, row_key, table, wanted)
        case "digest":
            rows = _with_digest(number, row_key, table, wanted)
        case _:
            assert_never(row_key.form)
    return build("({0}) AS {1}", rows, alias(number))


def _with_place(number: int, row_key: RowKey, table: Sql, wanted: Sql) -> Sql:
    own = join("", (build("{0}, ", qualified(number, name)) for name in row_key.columns))
    key = build(
        "encode(tidsend({0}.ctid) || oidsend(pg_relation_filenode({0}.tableoid)), 'hex')",
        alias(number),
    )
    return build(
        'SELECT {0}{1}.ctid, ({2}) AS {3}, {4} COLLATE "C" AS {5} FROM {6} AS {1} WHERE {7}',
        own,
        alias(number),
        _files(table),
        ident(FILES),
        key,
        ident(row_key.column),
        table,
        wanted,
    )


def _files(table: Sql) -> Sql:
    """A text that changes when the table, a partition or an inheriting table is rewritten."""
    name = quoted("".join(str(part) for part in table.parts))
    return build(
        "WITH RECURSIVE m (oid) AS (SELECT {0}::regclass::oid UNION SELECT i.inhrelid "
        "FROM pg_catalog.pg_inherits AS i JOIN m ON i.inhparent = m.oid) "
        "SELECT md5(string_agg(pg_relation_filenode(m.oid)::text, ',' ORDER BY m.oid)) FROM m",
        name,
    )


def _with_digest(number: int, row_key: RowKey, table: Sql, wanted: Sql) -> Sql:
    own = [qualified(number, name) for name in row_key.columns]
    shown = join("", (build("{0}, ", column) for column in own))
    digested = build(
        'SELECT {0}md5(ROW({1})::text) COLLATE "C" AS {2} FROM {3} AS {4} WHERE {5}',
        shown,
        join(", ", own),
        ident(DIGEST),
        table,
        alias(number),
        wanted,
    )
    digest = qualified(number, DIGEST)
    parts = join(", ", (digest, *(qualified(number, name) for name in row_key.sorted)))
    return build(
        "SELECT {0}{1}, {1} || '.' || row_number() OVER (PARTITION BY {2}) AS {3} "
        "FROM ({4}) AS {5}",
        shown,
        digest,
        parts,
        ident(row_key.column),
        digested,
        alias(number),
    )
