"""What it means: a syntax tree and a model become a typed query.

In:      `url.ast.Request` and `edm.Model`.
Out:     a frozen `Query`: relations, typed expressions, projection, row policy attached to every
         source.
Unknown: SQL text, HTTP, the literals' values.
"""
