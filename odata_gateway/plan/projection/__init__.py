"""What each row shows: $select, $expand and $levels.

In:      `ShownRows` and the options of a resource or of an expanded property.
Out:     a `Projection`.
Unknown: how a row is written, and who asks.

    derived_types  rows of types that are derived from the declared one
    select_expand  the members of entities, and expanded properties
    levels         $levels as nested $expand
    anchor         $it in the next links of expanded collections
    row_kinds      rows of several kinds, as concat and rollup make them
    apply_rows     rows that $apply made
    items          items by name, `*`, and computed names, for rows of every kind
"""
