"""Requests that wait together for the database.

In:      what a request asks of the database, and who asks.
Out:     what the database finds for it; an ODataError.
Unknown: URLs, SQL, formats.

    waiting_group  requests that wait for what one of them reads
    shared_reads   reads that are alike and wait together are done once
"""
