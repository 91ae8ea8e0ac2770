"""Request targets as values from which others are made: the URLs of links.

In:      a request target, or one that a person wrote.
Out:     `Address`, and its text.
Unknown: the model, who asks: an access token is never part of an address.

    address     the path and the options of a target
    typed       an address as people read and write it
    conditions  options that narrow and group the rows of an address
"""
