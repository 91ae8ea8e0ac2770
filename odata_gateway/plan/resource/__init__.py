"""What the path of a request names.

In:      the segments of the path and, for $crossjoin and $all, the options.
Out:     a `Resource`, the `Query` of a $crossjoin, or the sets of $all.
Unknown: the options of other resources.

    resolved_path  what a path has led to so far
    arguments      what functions are given
    functions      calls of functions
    path_keys      keys in paths
    path           entity sets, navigation, properties and the segments that end a path
    crossjoin      $crossjoin
    all_entities   $all
"""
