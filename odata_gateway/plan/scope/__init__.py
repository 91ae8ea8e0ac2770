"""What names mean while one request is bound, and what all of its parts share.

In:      the model, the limits, and the syntax of parameter aliases.
Out:     `Scope`, `Row` and what hangs on them; errors with their place.
Unknown: how the parts of a request are bound; `Binder` is the protocol of what does it.

    limits        limits, and the counters of one request that are held against them
    error_places  the option and the offset that an error is in
    rows          rows that a name can stand for, and the SELECTs they are read from
    places        objects and collections that a path is at
    scope         scopes, the binding of one request, and the protocol `Binder`
    structures    objects and collections as values
    navigation    steps from a row over navigation properties, keys and properties
"""
