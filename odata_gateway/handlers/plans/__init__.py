"""Answers that say how Postgres finds the rows.

In:      a request for data whose format is a plan, and who may ask for one.
Out:     `protocol.message.Reply`; an ODataError.
Unknown: the HTTP library, what a plan means.

    handler  the statements of an answer, and the plan of each
"""
