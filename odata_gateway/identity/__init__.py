"""Who asks: from an access token to a caller.

In:      the access token of a request.
Out:     a Caller; `errors.AuthInvalid`, `errors.AuthForbidden` and `errors.AuthUnavailable`.
Unknown: HTTP, URLs, which rows a caller may see.

    access_token   what can be an access token at all, and how long it can be
    directory      the caller of a token, by the ways that are configured
    way_in         what a way in is: a kind of access token
    claims         what a token says of its owner, by path and as text for policies
    token_file     callers by a file with the hashes of their tokens
    live_agent     callers by Live Agent's access tokens, remembered for a short time
    jwt/           callers by JSON Web Tokens
    caller         a subject, with what it may read and as which role
"""
