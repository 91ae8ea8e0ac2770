"""How values leave.

In:      nothing.
Out:     frozen descriptions, of which a family has one; their defaults are right for any text.
Unknown: families, formats.

    json    a value in JSON
    cell    a value in a cell of a table: CSV, workbooks, Arrow
    schema  a value as JSON Schema describes it
"""
