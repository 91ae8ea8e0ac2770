"""Postgres's protocol, beside what asyncpg does of it.

In:      SQL that has no parameters and gives no rows.
Out:     its error, where it has one.
Unknown: what the SQL means.

    fast_messages  messages that nobody waits for
    type_lookup    what asyncpg asks about types that it does not know
"""
