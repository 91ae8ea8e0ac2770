"""Reads each of a caller's accounts from its own shard, and puts together what they have.

In:      a request of a caller with several accounts, on a database that is sharded by account.
Out:     the rows of all accounts: chunks in order, or the answers of one statement for each.
Unknown: HTTP, how rows are written.

    account_statements  what is read of each account, at once
    account_rows        the rows of one account, chunk by chunk
    account_merge       the rows of all accounts as the chunks of one page
"""
