"""What each kind of resource answers.

In:      `protocol.message.Request`: method, target and its kind, headers, token.
Out:     `protocol.message.Reply`; an ODataError, before the reply or from its body.
Unknown: the HTTP library, sockets, the settings of the web layer, SQL.

    request          a request for data: compiled, negotiated, with its caller
    zones            time zones by name
    negotiation      format, preferences and page that a client asks for
    execution        runs the statements of a request
    page_statements  the statements of one page
    chunk            some rows of a page, and how many rows a chunk should have
    chunk_reader     reads the rows of a page chunk by chunk
    read_ahead       reads the next chunks while one is sent
    together/        requests that wait together: reads that are alike are done once
    accounts/        the rows of several accounts, each from its own shard
    documents        the service document and $metadata
    entity/          entities, references, properties and raw values
    collection       pages of collections, and counts
    files/           all rows of a collection as a file
    plans/           the statements of an answer, and how Postgres runs them
    set_sequence     the rows of several entity sets in one sequence
    all_entities     `$all`
    table_faults     whose fault an error of the database is
    earlier_parts    what answered parts of a batch leave for later ones
    batch            `$batch`
    service          the entry: which handler answers which kind of resource
    agents/          what agents are told of a model beyond $metadata
    questions/       what can be asked next about the rows of an answer
    connections/     files that connect a program with rows
    page/            what browsers get: a page of any URL, made of what the service answers
"""
