"""From a database's catalog to a model: what `ODATA_MODEL=auto` serves.

In:      a session on the database, and the schemas that are wanted.
Out:     a document in CSDL JSON, the format of ODATA_MODEL, and what is not in it, with the reason.
Unknown: requests, callers, SQL of data.

The document goes through the same loader as one that a person wrote, and the loaded model through
the same comparison with the database. So what this room decides can be printed, kept, edited and
compared (`odata-gateway model`).

    overlay/     what ODATA_OVERLAY says otherwise than the catalog
    source       the model of a database, read again when its catalog has changed
    catalog      relations, columns, unique indexes and foreign keys, as Postgres has them
    not_served   what is left out, the reason and the way out
    names        identifiers of OData for the names of SQL
    keys         the key of each relation
    view_keys    the keys of views, proven by their rows
    json_members  what an overlay says of the objects in a column of JSON
    structures   columns that are made of values: collections and complex types
    checks       CHECK constraints as annotations
    columns      the property of each column
    links        the navigation properties of foreign keys
    functions    functions that only read
    document     the model of a catalog as CSDL JSON
    loaded       the model as the loader reads it, without what the loader refuses
"""
