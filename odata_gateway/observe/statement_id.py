"""The id of a statement, in a comment at its begin: pg_stat_activity, pg_stat_statements and the
log show it.

It is a digest of the statement's text. An id of the request would make each request's text another
one, and no statement could stay prepared. The log tells which request ran it, by the process id of
the server process (and application_name does, where setting it costs nothing).
"""

from __future__ import annotations

from hashlib import blake2b

_BEFORE, _AFTER, _BYTES = "/* odata ", " */ ", 6
_START, _END = len(_BEFORE), len(_BEFORE) + 2 * _BYTES


def tag_statement(sql: str) -> str:
    """The text with its id in front, since pg_stat_activity cuts long texts at their end."""
    return f"{_BEFORE}{blake2b(sql.encode(), digest_size=_BYTES).hexdigest()}{_AFTER}{sql}"


def statement_id(sql: str) -> str:
    """The id in a text; empty where it has none."""
    return sql[_START:_END] if sql.startswith(_BEFORE) else ""
