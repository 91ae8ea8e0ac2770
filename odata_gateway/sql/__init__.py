"""How Postgres says it: a bound query becomes one statement with typed parameters.

In:      `plan.query.Query` and the form of the answer.
Out:     `Statement`: SQL text and the slots its parameters are filled from.
Unknown: URLs, the literals' values, connections.
"""
