"""OData's outer form: what the client asks of an answer, and every byte of it that is not a row.

In:      headers, $format, the model, errors.
Out:     negotiated formats, $metadata, the service document, context URLs, links, error bodies, and
         the requests of a batch.
Unknown: SQL, how rows are written, the database driver, the HTTP library.

    message      a request and a reply as values
    headers/     what the client asks for in headers and $format
    json_format  the form of a JSON body
    query_body   POST /$query as the GET request that it stands for
    batch/       the requests of a batch, and its answer
    documents    the service document and error bodies
    metadata/    $metadata in XML and JSON
    context      context URLs
    links        next links and the tokens in them
"""
