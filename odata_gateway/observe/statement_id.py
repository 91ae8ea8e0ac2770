"""The comment that a statement begins with: an id that pg_stat_activity, pg_stat_statements and the
log show.

The id is a digest of the statement's text. One of the request would make each request's text
another one, and no statement could stay prepared; which request it is, says the log by the server
process (and application_name, where setting it costs nothing).
"""

from __future__ import annotations

from hashlib import blake2b

_BEFORE, _AFTER = "/* odata ", " */ "


def tag_statement(sql: str) -> str:
    """The text with its id; it stands first, since pg_stat_activity cuts long ones at their end."""
    return f"{_BEFORE}{blake2b(sql.encode(), digest_size=6).hexdigest()}{_AFTER}{sql}"


def statement_id(sql: str) -> str:
    """The id of a marked text; empty for another one."""
    return sql[len(_BEFORE) :].partition(_AFTER)[0] if sql.startswith(_BEFORE) else ""
