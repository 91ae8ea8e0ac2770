"""Formats that are files: all rows of a collection in one answer.

In:      projections and the renderer of their blocks; then rows as finished text.
Out:     SQL of the text of a row, and the pieces of a file.
Unknown: connections, pages, the HTTP library.

    columns     the columns of a table: what a projection shows, flattened
    cell_rows   the text of a row of cells, made by Postgres
    encoding    a file of cells, as negotiation and statements see it
    ndjson      a JSON object a line
    csv         RFC 4180, and the form that spreadsheets can open without danger
    zip_stream  a zip archive written without going back
    workbook    the parts of a workbook besides its rows
    xlsx        workbooks for Excel
    arrow_types  the Arrow types of values, also of nested ones
    arrow       Arrow streams and Parquet
    text_table  aligned text for a terminal
"""
