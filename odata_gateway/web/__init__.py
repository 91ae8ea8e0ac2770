"""HTTP: aiohttp in, aiohttp out.

in       HTTP requests
out      `protocol.message.Request` values for the service; HTTP responses made from its
         `protocol.message.Reply` values, or from errors
unknown  what an OData URL means, the model, SQL; the request target is passed on as it is on the
         wire

`aiohttp` is imported in this folder only; as a client also in `identity`.

    listener             listening ports and their connections
    asked_headers        headers by name, and what follows from them alone
    connection           one connection: deadlines, and requests that are not HTTP
    exchange             around a request: its id, its errors, its log line
    frontend             tokens and errors of the parts of a batch
    app                  which path is answered by what
    urls                 the service's part of the request target, and the service root's URL
    credentials          where a request carries its access token
    challenge            how a refusal says where access tokens come from
    concurrency_limit    how many requests of one token run at the same time
    json_rpc             messages of JSON-RPC 2.0
    mcp/                 the Model Context Protocol
    request_body         the body of a request, within limits
    health               liveness, readiness and startup
    headers              the headers that every response has
    responses/           responses on their way to the client
"""
