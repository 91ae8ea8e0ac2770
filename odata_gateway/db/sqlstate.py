"""Database errors as answers, by SQLSTATE
(https://www.postgresql.org/docs/current/errcodes-appendix.html).

One table: the whole code first, then its class of two characters. The server's own words are never
passed on, because they quote values; for class 22 a second table says what failed.
"""

from __future__ import annotations

from typing import NamedTuple

import asyncpg

from odata_gateway.errors import (
    DbBusy,
    DbDenied,
    DbModel,
    DbTimeout,
    DbUnavailable,
    DbValue,
    Internal,
    LimitNodes,
    ODataError,
)


class ErrorMapping(NamedTuple):
    """The class of the answer and its message."""

    error: type[ODataError]
    message: str
    hint: str | None = None


_CHANGED = ErrorMapping(DbModel, "the database has changed since the model was checked against it")
_DENIED = ErrorMapping(DbDenied, "the database role may not read what this request needs")
_GONE = ErrorMapping(DbUnavailable, "the connection to the database was lost")
_UNAVAILABLE = ErrorMapping(DbUnavailable, "the database is not available")
_CONFLICT = ErrorMapping(DbUnavailable, "the database had to abandon the query; try again")
_COMPLEX = ErrorMapping(LimitNodes, "the request is too complex for the database")
_FAULT = ErrorMapping(Internal, "the gateway sent a statement the database did not accept")

ANSWERS: dict[str, ErrorMapping] = {
    "08": _GONE,
    "0A": _FAULT,
    "0A000": _CHANGED,  # feature_not_supported: in practice "cached plan must not change result type"
    "21000": _CHANGED,  # cardinality_violation: several rows where the model promises one
    "22": ErrorMapping(DbValue, "a value cannot be used as the query uses it"),
    "25": _FAULT,
    "25006": ErrorMapping(
        DbDenied, "the database refused to write"
    ),  # read_only_sql_transaction: the last wall held
    "25P03": ErrorMapping(
        DbTimeout, "the answer was read too slowly"
    ),  # idle_in_transaction_session_timeout
    "25P04": ErrorMapping(
        DbTimeout, "the transaction ran longer than the database allows"
    ),  # transaction_timeout
    "26": _GONE,  # the prepared statement is gone, as behind a pooler
    "28": _UNAVAILABLE,  # wrong password: for the operator's log, not for the client
    "34": _GONE,
    "3D": _UNAVAILABLE,
    "3F": _CHANGED,
    "40": _CONFLICT,
    "42": _FAULT,
    "42501": _DENIED,
    "42P01": _CHANGED,  # undefined_table
    "42P05": _GONE,  # duplicate_prepared_statement, as behind a pooler that gives the server connection to another client
    "42703": _CHANGED,  # undefined_column
    "42704": _CHANGED,  # undefined_object, such as a dropped enum type
    "42804": _CHANGED,  # datatype_mismatch
    "42809": _CHANGED,  # wrong_object_type: a table became something else
    "42846": _CHANGED,  # cannot_coerce
    "42883": _CHANGED,  # undefined_function: no operator for the column's new type
    "53": ErrorMapping(DbUnavailable, "the database has no capacity at the moment"),
    "54": _COMPLEX,
    "55": _UNAVAILABLE,
    "55P03": ErrorMapping(DbBusy, "a lock in the database was not free in time"),
    "57": _UNAVAILABLE,
    "57014": ErrorMapping(
        DbTimeout,
        "the query ran longer than its limit",
        "ODATA_STATEMENT_TIMEOUT_S moves this limit",
    ),
    "58": _UNAVAILABLE,  # system_error: disk, files
    "72": _CONFLICT,  # snapshot_too_old
    "F0": _UNAVAILABLE,
    "XX": _UNAVAILABLE,  # internal_error, data_corrupted
}

VALUES: dict[str, str] = {
    "22001": "a text is too long",
    "22003": "a number is out of range",
    "22007": "a text is not a date or time",
    "22008": "a date or time is out of range",
    "22009": "a time zone is out of range",
    "2202E": "an array index is out of range",
    "22011": "a position or length is out of range",
    "22012": "division by zero",
    "22015": "a duration is out of range",
    "2201B": "a regular expression is not valid",
    "2201E": "a logarithm of zero or less",
    "2201F": "a power that is not defined",
    "22019": "an escape character is not valid",
    "22021": "a character is not valid in the database's encoding",
    "22023": "an argument is not valid",
    "22025": "an escape sequence is not valid",
    "22030": "a JSON object has the same name twice",
    "22032": "a text is not JSON",
    "22P02": "a text cannot be read as the type it is compared with",
    "22P05": "a character cannot be written in the database's encoding",
}


PASSING = frozenset({"40001", "40P01", "72000", "26000", "34000", "42P05"})
"""What need not happen again to the same statement: a conflict with a standby's recovery or another
transaction, a statement another one's pooler took away. Not a lock that was not free or a limit of
time: those have been waited for."""


def is_passing(error: Exception) -> bool:
    """Whether the same statement, sent again, may well succeed. A lost connection is known by the
    connection."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in PASSING


def to_odata_error(error: BaseException) -> ODataError:
    """The answer to any exception that asyncpg, the socket below it or this package raises; an
    ODataError is its own answer."""
    match error:
        case ODataError():
            return error
        case asyncpg.PostgresError() if isinstance(error.sqlstate, str):
            return _by_sqlstate(error.sqlstate)
        case asyncpg.PostgresError():
            return _answer(_UNAVAILABLE)
        case asyncpg.OutdatedSchemaCacheError():
            return _answer(_CHANGED)
        case asyncpg.InterfaceError() | asyncpg.InternalClientError() | asyncpg.InterfaceWarning():
            return _answer(_GONE)
        case TimeoutError(
            errno=None
        ):  # one of ours; with a number it is TCP's, for a host that has fallen silent
            return _answer(ANSWERS["57014"])
        case OSError():
            return _answer(_GONE)
        case _:
            return Internal("an unexpected fault while reading from the database")


def cancelled() -> ODataError:
    """The answer where an operator cancelled the statement (pg_cancel_backend)."""
    return DbUnavailable("the query was cancelled in the database")


def _by_sqlstate(sqlstate: str) -> ODataError:
    if sqlstate in VALUES:
        return DbValue(VALUES[sqlstate])
    answer = ANSWERS.get(sqlstate) or ANSWERS.get(sqlstate[:2])
    return _answer(answer) if answer else _answer(_FAULT)


def _answer(answer: ErrorMapping) -> ODataError:
    return answer.error(answer.message, hint=answer.hint)
