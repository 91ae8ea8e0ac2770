"""A read-only OData v4 gateway in front of Postgres.

A request travels one straight line, each arrow one public function and each value frozen:

    request target -> url.split -> url.lift -> url.parse -> plan.bind -> sql.render -> db.stream ->
    protocol -> web
"""

__version__ = "0.1.0"
