"""A statement after which a server process of a cluster keeps the memory of large texts.

The text of a chunk is copied several times on its way: the server with the rows makes five copies
of a megabyte, and the coordinator more. When the statement ends, glibc gives their memory back to
the system, and the next chunk has it page by page: a quarter of the processor time of an export
(1,500 page faults a megabyte; measured). glibc goes by the largest block that was freed so far:
blocks up to that size stay with the process, and twice as much that is free does (mallopt(3),
M_MMAP_THRESHOLD). So one block of 8 MB is enough, once for each process; it takes 6 ms. A process
then keeps what its largest chunk needed. Where the C library is another one, nothing changes.

Without Citus there is no need: the chunks are smaller, and a process has had larger blocks (10 page
faults a megabyte; with this statement an export took 5 percent more processor time).
"""

from __future__ import annotations

from odata_gateway.sql.fragment import Sql, build


def kept_memory(rows: Sql) -> Sql:
    """The statement, for the process that reads some rows. It must run there: without `count` its
    value would be known when it is planned, and Citus plans on another server."""
    return build(
        "SELECT octet_length(repeat(repeat(' ', 1024), 8192 + 0 * count(*)::int4)) FROM ({0}) AS p",
        rows,
    )
