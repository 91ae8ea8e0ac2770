"""Running statements: the only room that knows asyncpg.

In:      bound statements: SQL text and its arguments.
Out:     lists of records; `errors.ODataError` for everything that fails.
Unknown: OData, URLs, HTTP, and what the SQL means. `schema` alone reads the model, to compare it
         with the database.

    bound_statement     a statement that can be sent: text, arguments, whether to replan
    settings            how to reach the database, and the session settings of its connections
    database            sessions, and whether the database answers
    session             one connection, used by one request: transactions, retries, cancellation
    sqlstate            the error of a database error
    pool                a bounded set of connections
    fair_queue          slots for connections, given out in turn among callers
    deadlines           deadlines of many waits with one timer
    slow_log            statements that take long, in the log
    wire/               messages that nobody waits for
    pooled_connection   a connection of the pool and the statement that runs on it
    connector           new connections, and what happens while the database is away
    backoff             pauses between attempts that double
    dialer              one attempt to connect: host, pooler, settings
    hosts               which of several hosts to connect to
    search_path         where functions of views look for names, and that our statements do not
    keepalive           how soon a host that has disappeared is detected
    schema/             a model beside the database it is served from
"""
