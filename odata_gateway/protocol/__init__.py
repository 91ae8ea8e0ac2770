"""OData's outer form: what a client asked an answer to look like, and every byte of it that is not
a row.

In:      headers, $format, the model, errors.
Out:     negotiated formats, $metadata, the service document, context URLs, links, error bodies.
Unknown: SQL, how rows are written, the database driver, the HTTP server.

    message      a request and a reply as values
    headers/     version, format, preferences and conditions of a request
    json_format  the form of a JSON body
    query_body   options in the body of a POST to /$query
    batch/       the requests of a $batch and their responses
    context      context URLs
    links        next links and their tokens
    documents    the service document and errors
    metadata/    $metadata in XML and JSON
"""
