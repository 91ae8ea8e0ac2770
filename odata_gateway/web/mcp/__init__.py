"""The service for agents: three tools of the Model Context Protocol, none of which can write.

In:      POST requests for `/mcp`, and messages of JSON-RPC that come by other ways.
Out:     replies. Rows come from the service by requests like those of any other client, so that
         callers, row policies and limits are the same.
Unknown: SQL, the database, the model beyond what $metadata says.

    service   what the tools need of the service
    messages  the versions of the protocol, and what a message says of its own
    fence     answers in which nobody takes texts of the database for instructions
    describe  the tool that says what there is
    query     the tools that read rows, and that say how a request would be answered
    tools     the three tools as they are offered, and the arguments of a call, checked
    server    messages in, messages out
    endpoint  one message in, one message out, by HTTP; which Host and Origin it may have
"""
