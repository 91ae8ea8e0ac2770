"""aiohttp in, aiohttp out.

In come HTTP requests; out go `service.Request` values, and HTTP responses made from `service.Reply`
values or errors. Unknown here: what an OData URL means, the model, SQL. The request target is
passed on as it stood on the wire. `aiohttp` is imported in this package only.
"""
