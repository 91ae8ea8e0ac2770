"""The overlay of a database: what ODATA_OVERLAY says otherwise than the catalog.

In:      a TOML file, and a catalog.
Out:     the catalog with the names, keys, links and types that the file wishes; every mistake of
         the file, with its place; a file that fixes the names of today.
Unknown: CSDL.

    entries   what a file says
    toml      the values of a file, with the place of each for mistakes
    reader    a file as entries
    applied   a catalog with what the entries wish
    links     the links that an overlay declares, and the names of foreign keys
    proofs    whether the keys that an overlay names are keys
    pins      the overlay that fixes the names of a model
    writer    an overlay as text
"""
