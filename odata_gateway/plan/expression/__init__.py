"""Typed expressions, and the query options that are made of them.

In:      an `url.ast.Expr` and a `Scope`.
Out:     a `BoundExpr`, or what a path leads to.
Unknown: which rows the scope's rows are, $apply, $select and $expand.

    binder       expressions of every form; it leads to the modules below
    comparisons  eq, ne, lt, le, gt, ge and in
    arithmetic   add, sub, mul, div, divby, mod and negation
    functions    calls of canonical functions, isdefined
    casts        cast and isof with a primitive type, an enumeration or a type definition
    lambdas      any, all and $count of a collection of entities
    search       $search and $filter
    order        $orderby, $top and $skip
    compute      $compute: computed names
    collections  collections and objects as values
    entities     entities in comparisons
    paths        what a path leads to
    keys         the values of a key
    literals     literals and parameter aliases
    comparable   which types can be compared
"""
