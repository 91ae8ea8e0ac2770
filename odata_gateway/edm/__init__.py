"""What exists: the model, and which overload of a function fits.

In:      a CSDL JSON file.
Out:     a frozen `Model` of entity types, properties, navigation properties and entity sets, with
         the tables, columns, joins and row policies behind them.
Unknown: URLs, SQL, HTTP, the database.

    json_reader      reads a JSON document and collects its mistakes
    tables           tables, joins, row policies and access tokens behind it
    properties       structural properties, and what their values are made of
    model            the model itself
    csdl_joins       joins of navigation properties, read from their text
    csdl_properties  structural properties, keys and facets
    csdl_values      complex types, enumerations, type definitions
    csdl_types       entity types as a document declares them
    csdl_navigation  navigation properties, when all types are known
    csdl_operations  functions and function imports
    csdl_container   entity sets and their bindings
    csdl_tokens      where the database has access tokens of users
    row_keys         keys that the service makes for relations without one
    csdl             the whole document
    derive           models that are derived from a model
    functions        functions of the model, and the choice of an overload
"""
