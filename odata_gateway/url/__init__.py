"""What the text says: from a request target to a syntax tree.

In:      the request target after the service root, as it came over the wire.
Out:     `Template` (the cache key), the literals' values, and a `Request` syntax tree in which
         literals are slot numbers.
Unknown: the model, SQL, callers.
"""
