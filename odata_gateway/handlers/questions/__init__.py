"""What can be asked next about the rows of an answer, and short answers to that.

In:      the query of an answer, its address, and the service that answers any client.
Out:     columns with the conditions that each can have, addresses, numbers of rows, facets.
Unknown: HTML, the HTTP library, SQL.

Every question is a request for data in the name of the client's own, so callers, row policy and
limits are the same; and each has a limit of time, after which the answer says so.

    columns  the columns of rows, with what can be asked of each
    groups   addresses of the rows that have a value, and of numbers of rows
    links    where a row leads
    calls    addresses of calls of functions
    client   asks the service in the name of a request
    facets   how many rows there are, and how often each value of a column occurs
"""
