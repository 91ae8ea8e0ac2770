"""Answers that are files.

In:      a request for data, and a format that is a file.
Out:     `protocol.message.Reply`; an ODataError, before the reply or from its body.
Unknown: the HTTP library, SQL, what a file looks like inside.

    export  all rows of a collection as one file, or a page of them
"""
