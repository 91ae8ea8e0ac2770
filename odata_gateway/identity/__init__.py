"""Who asks: from an access token to a caller.

In:      the access token of a request.
Out:     a Caller; `errors.AuthInvalid` and `errors.AuthForbidden`.
Unknown: HTTP, URLs, which rows a caller may see.

    access_token   what can be an access token at all, and how long it can be
    live_agent     callers by Live Agent's access tokens, remembered for a short time
    caller         a user and the accounts whose rows a request may read
"""
