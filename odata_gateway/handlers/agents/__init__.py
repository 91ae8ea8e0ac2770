"""What agents are told besides rows.

In:      access tokens, and requests for data.
Out:     what the model of the caller says beyond $metadata.
Unknown: the protocol that agents speak.

    view  the service as agents see it
"""
