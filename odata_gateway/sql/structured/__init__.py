"""Objects and collections as SQL.

In:      `ObjectValue`, `ItemsValue`, and any over the items of a column.
Out:     their JSON text, and conditions that an index on the column serves.
Unknown: formats, and how a path came to them.

    json_values  the JSON text of a value, down to primitive ones
    membership   whether an item is in an array, for an index on the array
"""
