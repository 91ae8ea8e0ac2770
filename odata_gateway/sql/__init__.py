"""A bound query as statements for Postgres.

In:      `plan.tree.query.Query`, and what besides it changes the SQL (`StatementVariant`).
Out:     `Statement`: SQL text, and the slots that its parameters are filled from.
Unknown: URLs, the values of literals, connections, formats of rows.

    statement     the statements of a query: rows, count, parent, order values; all of a table
    row_encoding  how rows are written, as a protocol that formats implement
    chunk_record  the rows of a chunk as one record
    server_memory  a statement after which a server process keeps the memory of large texts
    accounts/     a statement for several accounts on a database that is sharded by account
    paging/       the rows of a page in their order, and behind a row
    relation      blocks: FROM, WHERE, and the row policy beside every table
    calls/        rows that functions of the model return
    derived       rows that $apply makes of the rows of blocks
    expr          bound expressions; what can fail stands behind the row policy
    comparisons   eq, ne, lt, le, gt, ge and in, with OData's nulls
    structured/   objects and collections that columns have
    collections   functions of collections, as arrays
    functions     functions, casts and operators, by the templates of `types`
    collation     one collation for texts that are put together
    row_keys/     keys that the service makes for relations without one
    pg_types      how a value is read and written, by the templates of its type
    renderer      the protocols by which these modules call each other
    fragment      SQL as a value: text with typed holes
"""
