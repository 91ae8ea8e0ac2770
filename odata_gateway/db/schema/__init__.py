"""A model beside the database it is served from.

In:      a model, and a database to read.
Out:     the model as the database can serve it; findings for the operator.
Unknown: requests, SQL of requests, callers.

    citus/         tables that are distributed over several servers
    changes/       when a model is compared with its database again
    join_types     how the columns of a join are compared, or why they cannot be
    introspect     the model that the database can serve, and how it differs from the one given
    served_types   as which type a column is served, part by part
    functions      functions that only read, and how those of a model differ
    keys           whether keys are unique and never null: by index, by rule or by query
    row_keys       whether keys that the service makes can be made, and what they cost
    row_policies   whether row policies can be applied
    role_check     findings about the roles that statements run as
    server_check   findings about the server, the role, and row-level security
    role_models    the model as each role may read it
    roles          which roles the statements of callers may run as
    indexes        which recommended indexes the database lacks
    findings       what is wrong or could be better, in words for the operator
    catalog        facts about tables and the server, from Postgres's catalog
    type_facts     types that are made of types, from Postgres's catalog
"""
