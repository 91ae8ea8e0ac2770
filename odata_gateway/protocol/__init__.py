"""OData's outer form: what the client asked the answer to look like, and every byte of it that is
no row.

In:      headers, $format, the model, errors, rows as finished text.
Out:     negotiated formats, $metadata, service document, context URLs, links, envelopes and error
         bodies.
Unknown: SQL, the database driver, the HTTP server.
"""
