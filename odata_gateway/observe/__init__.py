"""What happened: what one request leaves behind, what all of them together count, and how operators
get to see it.

Comes in: marks from every stage, as plain numbers. Goes out: metrics and spans. Unknown here: any
value of a request, tokens, callers.
"""
