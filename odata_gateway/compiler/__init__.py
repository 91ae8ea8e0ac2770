"""From a request target to a statement that can be sent.

In:      a request target, the model, the caller, and where a page starts.
Out:     `CompiledQuery`, whose statements become `BoundStatement`s: SQL text, arguments, and
         whether Postgres must plan for these arguments.
Unknown: HTTP, the form of an answer, the database. Nothing here does I/O.

    parsed_url        a target as segments, options, template and literals; digests for tokens
    implicit_aliases  options called like a parameter of a function
    cache             what was compiled, bounded in entries and in size
    arguments         literals to arguments of a Postgres type
    regex             ECMAScript's regular expressions as Postgres's
    nested_links      next links of expanded collections
    row_order         the order of rows that were read apart
    compiled_query    a query, its statements, and their arguments
    entity_sets       `$all` as one request for each entity set
    compiler          the entry: target to compiled query
    recompilation     what was in use of one model, compiled for the next
    shown_values      values as SQL literals, on lines that fit
    explain           every value on the way, as text for people
"""
