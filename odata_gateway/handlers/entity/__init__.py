"""Answers to requests for what is single.

In:      a request for data.
Out:     `protocol.message.Reply`; an ODataError, before the reply.
Unknown: the HTTP library, SQL, formats.

    lookups      reads single rows, in one statement those that wait together
    fast_lookup  what requests for entities by numbers share
    handler      entities, references, properties and raw values
"""
