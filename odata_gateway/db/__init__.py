"""Running it: the only place that knows asyncpg.

In:      SQL text and its arguments; access tokens.
Out:     lists of records; Callers; `errors.ODataError` for everything that goes wrong.
Unknown: OData, URLs, HTTP, and what the SQL means. Introspection alone reads the model, to compare
it with the database.
"""
