"""The bound tree: what a request means, as frozen values.

In:      nothing; these are types.
Out:     `Query`, and everything in it.
Unknown: how the tree is made of syntax, and how it becomes SQL.

    slots        what the parameters of a statement are filled from
    leaves       expressions that contain no others
    relation     rows and expressions, which contain each other
    columns      columns of properties, and of several SELECTs
    collations   the collations that a text may have
    conditions   conditions made of conditions
    collections  the expressions that a collection is made of
    projection   what a row shows
    query        a request: the rows, what they show, the form of the answer
"""
