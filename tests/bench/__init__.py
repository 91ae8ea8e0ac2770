"""The benchmark: `python -m tests.bench` prints what the gateway adds to Postgres's own work, as ratios measured side by side in one run.

Not collected by pytest, and nothing of the suite depends on a time. `works` says what is measured and what counts as good, `__main__` runs it.
"""
