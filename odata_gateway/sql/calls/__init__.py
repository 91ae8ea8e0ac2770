"""Calls of the model's functions as SQL.

In:      a `Source` with a call.
Out:     the SELECT of the rows that it returns.
Unknown: what follows the call, and how the rows are shown.

    arguments    what a function is given
    called_rows  the rows that it returns, with what tells them apart
"""
