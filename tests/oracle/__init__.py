"""What the answer is: an evaluator in Python that knows nothing of SQL, and generators of queries for it."""
