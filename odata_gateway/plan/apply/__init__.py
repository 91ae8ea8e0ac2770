"""$apply: rows made of rows (OData Extension for Data Aggregation 4.0).

In:      transformations, and an `InputSet` of the rows that they begin with.
Out:     an `InputSet` of the rows that they make.
Unknown: where the rows come from, and what is shown of them.

    pipeline   the transformations by name, one after the other
    top        top, skip, topcount, topsum, toppercent and their kin
    join       join and outerjoin
    concat     concat, and the union of rollup's levels
    aggregate  aggregate expressions
    groupby    grouping properties, and the rows within groups
    measures   aggregates of groups as a SELECT
    rowset     the rows between two transformations
"""
