"""What it means: a syntax tree and a model become a typed query.

In:      `url.ast.SyntaxTree` and `edm.model.Model`.
Out:     a frozen `Query`: relations, typed expressions, projections; each source has the row policy
         of its type.
Unknown: SQL text, HTTP, the values of literals.

    bind         the only entry: a request becomes a query, option by option
    resource/    what the path names
    projection/  what each row shows: $select and $expand
    apply/       $apply: rows made of rows
    expression/  typed expressions, and the options that are made of them
    scope/       what names mean, what a request may ask for, where an error is
    tree/        the bound tree, which is the outcome
"""
