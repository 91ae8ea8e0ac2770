"""Keys that the service makes for the rows of relations without one, as SQL.

In:      `edm.model.RowKey`, and a relation as SQL.
Out:     the relation with one more column, which is the key; and conditions by which Postgres finds
         a row with a key, or those behind it, without making the keys of all rows.
Unknown: queries, projections, how rows are written.

    relation_with_key  the relation with its key as a column
    key_conditions     conditions that help Postgres to find rows by their key
    block_ranges       the rows of a table in the order of their places, a few blocks at a time
"""
