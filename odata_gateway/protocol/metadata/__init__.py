"""$metadata: the model and the capabilities of the service (CSDL 4.01).

In:      the model, the annotations of capabilities, the version of OData.
Out:     the document in XML or JSON, and its entity tag.
Unknown: tables and columns; requests.

    capabilities  the annotations: what the service can do, as a table
    csdl_xml      the document in XML
    csdl_json     the document in JSON
    openapi/      the service as OpenAPI describes it
    document      the documents of one model, each made once, and their entity tags
"""
