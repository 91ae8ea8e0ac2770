"""Responses on their way to the client.

In:      the head and the body of a reply.
Out:     bytes on the connection of its request, or a cut connection.
Unknown: what was asked.

    response_body  a body whose first chunk has been fetched
    compression    the body as it is sent: compressed or not, its length
    response       a response, in pieces that each have a timeout
    fast_response  a small response in one write
"""
