"""Callers by JSON Web Tokens (RFC 7519), signed by a shared secret, by keys of a JWK set, or by an
OpenID issuer.

PyJWT and cryptography, the extra `jwt`, do the cryptography. What a token may look like, which keys
may sign it and what its claims must say is decided here, from the settings and never from the
token. The only thing that is asked of the
database is which roles there are.

In:      an access token; key sets and discovery documents, from files and over HTTP.
Out:     a Caller; `errors.AuthInvalid`, `errors.AuthForbidden`, `errors.AuthUnavailable`.
Unknown: requests, statements, what a role may read.

    settings      where keys come from, and what tokens must say
    strict_json   JSON text to a value, without any second reading of it
    compact       the three parts of a token, before anything in it is believed
    signing_key   a JWK to a key, with the algorithms that it may be used with
    key_set       the keys that may sign tokens at one time
    fetch         a JSON document over HTTP, with limits on its size and time
    discovery     the discovery document of an OpenID issuer
    key_source    where a key set is read from: a secret, a file, a URL, an issuer
    key_ring      the last good key set, read again from time to time
    claim_checks  what the claims of a token must say
    findings      what `check` says about the keys and what must be registered
    callers       a token to a caller, remembered until it expires
"""
