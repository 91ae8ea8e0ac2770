"""A database whose tables Citus has distributed over several servers.

In:      a model, and a database to read.
Out:     how its tables are distributed; what an operator should know of that and of the servers.
Unknown: requests, SQL of requests, callers.

    distribution   how tables are distributed, from Citus's catalog
    shard_check    findings about the distribution, and whether each shard can be read
    worker_probe   whether one of the servers answers
"""
