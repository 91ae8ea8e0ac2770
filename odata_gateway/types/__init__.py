"""What a value can be: the primitive types in families, and the functions over them.

In:      nothing of the project. A further family or function is one object that is registered.
Out:     frozen descriptions: how a value is written in a URL, travels to Postgres, is read,
         compared and aggregated in SQL, and becomes text. SQL is kept as templates with holes.
Unknown: errors, the model, requests, how SQL is put together.

    faults               why a text or a value is not a value of a type
    facets               what $metadata says of values, as far as a column obeys it
    catalog_type         what a database says of a column's type
    aggregates           what can be made of many values
    forms/               how values leave in JSON and in other formats
    family               what describes a family, a type, a column type
    calendar             days and times as whole numbers: counted, read, written
    numbers              what the families of numbers share
    floats               SQL of floating-point operators that never fails
    families/            one module for each family
    own_text             texts of columns whose Postgres type the model has as Edm.String
    function             what describes a function
    canonical_functions  the functions of the standard as a table
    registry             every type and every function there is, by what they are looked up with
    arithmetic           the operators: types of their results, and their SQL
    casts                cast() between types
    account              columns with an account, and how they are compared with a caller's
    primitive            the types by name, for whoever needs a certain one

Who uses what of a family:

- url: literal (read, write, prefix, token, exact), literal_kind
- edm: facets, max_precision, can_be_key, is_octets; column_types
- db: lossless_columns, column_facets, columns.reads_null, compares_columns; rank, to widen a type
- plan: is_ordered, can_be_negated, operations, aggregates.result, casts, casts_to_string,
  written_by_sql, literal.quoted, literal.hints, columns.equal_mode
- sql: argument_type, columns, text, json, is_octets, link_literal, has_nan, summed_as,
  number_operators, operations, aggregates, casts; pg_type
- protocol: literal.wrapped, is_evident
- formats: text, json, cell
- compiler: argument, converted, literal.from_text, noun

No other room has a table by family: a module that must tell families apart asks for a field, which
`family` gets with a default. A module may name a single type if its rule is about that type, as
$search is about Edm.String.

Each question about a value has one place: what a column is compared as, `columns.compared` and
`columns.equal_mode`; what it is ordered and shown as, `columns.read`; when a value counts as null,
`columns.reads_null` and `json.can_miss`; what it is in a link, `link_literal`.
"""
