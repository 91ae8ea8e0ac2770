"""How rows leave: one encoding per format.

In:      projections and the renderer of their blocks; then rows as finished text.
Out:     SQL that makes the text of a row; the bytes before, between and after rows.
Unknown: URLs, the values of literals, connections, the HTTP library.

    registry        the formats, in the order of preference
    encoding        what a format is, as a protocol
    json_encoding   JSON: its parameters, and what stands around rows
    json_rows       the text of a row in JSON, with expanded navigation
    json_next_link  the next link of an expanded collection, made by Postgres
    json_values     the JSON text of values and entity-ids
    json_text       JSON text as pieces, and one SQL expression of them
    plan_encoding   plans, which clients ask for as if they were a format
    tables/         formats that are files
"""
