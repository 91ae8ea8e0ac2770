"""The rows of a page in their order, and behind the last row of the page before.

In:      a query, a renderer of blocks, and which order values of that row are null.
Out:     SQL that reads the rows of a chunk.
Unknown: how rows are written.

    scan          how the rows of a chunk are read in order, with the known indexes
    page_scan     the SQL of that
    keyset        ORDER BY, and the rows behind the last one of a page
    fixed_values  order values that all rows have in common
    row_bound     a number of rows that stands in a statement, so that its plan is kept
"""
