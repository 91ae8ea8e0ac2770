"""Statements for a caller with several accounts, each of which is read from its own shard.

In:      a query, and a renderer of blocks for each account.
Out:     SQL in which each table with an account is compared with one of them.
Unknown: how rows are written.

    sharded             the rows of all accounts, merged in order
    value_order         which order values need no Postgres to be put in order
    account_blocks      which account the rows of a block are of
    partial_selections  a selection of $apply as one for each account, and one about what these find
    made_rows           rows that $apply makes of all accounts, as CTEs
"""
