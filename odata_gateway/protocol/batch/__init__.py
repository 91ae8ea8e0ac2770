"""Batch requests (Protocol 4.01, section 11.7): how they are written, and how they are answered.

In:      the headers and body of `POST $batch`; the replies to its requests.
Out:     a `BatchRequest` for each request; the answer's bytes, piece by piece.
Unknown: how a request is answered.

    requests        one request of a batch; the form, headers and URLs of batches
    multipart       the requests of a multipart/mixed body
    json_requests   the requests of a JSON body
    condition       the `if` of a request: whether earlier requests succeeded
    references      values of earlier answers, used in the query of a later request
    responses       the answer, as multipart/mixed or JSON
"""
