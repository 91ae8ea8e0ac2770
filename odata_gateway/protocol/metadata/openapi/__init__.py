"""The service as OpenAPI 3.1 describes it, by the OASIS mapping of OData to OpenAPI.

In:      the model as CSDL JSON, and what the settings say about callers and formats.
Out:     the document.
Unknown: the model itself; whatever CSDL JSON says is described, and kinds of elements that are not
         known here are left out.

    csdl        the elements of the model by their names, and types with what they inherit
    schemas     types and their properties as JSON Schema
    parameters  query options, with examples
    responses   what comes back, and every error
    paths       the requests that can be sent
    document    the whole
"""
