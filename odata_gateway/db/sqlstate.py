"""The ODataError of a database error, by SQLSTATE
(https://www.postgresql.org/docs/current/errcodes-appendix.html).

One table has whole codes and classes of two characters; the whole code takes precedence. The
server's own messages are never passed on, because they quote values. For class 22 (data exception)
a second table says what failed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import asyncpg

from odata_gateway.edm.model import NULL_KEY, REWRITTEN
from odata_gateway.errors import (
    DbBusy,
    DbDenied,
    DbKey,
    DbModel,
    DbTable,
    DbTimeout,
    DbUnavailable,
    DbValue,
    Internal,
    LimitNodes,
    ODataError,
    Unsupported,
    UrlSkiptoken,
)
from odata_gateway.observe.counters import COUNTERS

_SERVER = re.compile(
    r"(?:connection to the remote node (?:\S+@)?|while executing command on )"
    r"([\w.:\[\]-]+:[0-9]{1,5})\b"
)
"""How Citus names another server in an error's message or context. It does not translate them."""
_PLANNERS = re.compile(
    r"\w+_plann(er|ing)\.c|multi_(join_order|logical_optimizer|server_executor)\.c"
)
"""The source files of Citus that plan statements. What these cannot plan they often call an
internal error; Postgres's own have other names."""
_SHAPES = re.compile(r"GEOS|lwgeom|geometr|geograph|SRID", re.IGNORECASE)
"""What PostGIS says, in English, of shapes that it cannot compute with: its errors are internal."""
_LOST = re.compile(r"cache lookup failed for|could not open relation with OID|relation with OID")
"""What Postgres says, in English, where the plan of a kept statement names what is no longer there,
such as a function that was made anew."""
_NULL_KEY = re.compile(re.escape(NULL_KEY) + r"([\w.]+)")


class ErrorMapping(NamedTuple):
    """The class of an ODataError, its message and its hint."""

    error: type[ODataError]
    message: str
    hint: str | None = None


_CHANGED = ErrorMapping(DbModel, "the database has changed since the model was checked against it")
_DENIED = ErrorMapping(DbDenied, "the database role may not read what this request needs")
_GONE = ErrorMapping(DbUnavailable, "the connection to the database was lost")
_UNAVAILABLE = ErrorMapping(DbUnavailable, "the database is not available")
_SERVER_GONE = ErrorMapping(DbUnavailable, "a server of the cluster cannot be reached")
_FOREIGN_GONE = ErrorMapping(DbUnavailable, "a foreign server that is read cannot be reached")
_CONFLICT = ErrorMapping(DbUnavailable, "the database had to abandon the query; try again")
_COMPLEX = ErrorMapping(
    LimitNodes, "the request is too complex for the database", "ask for less at once"
)
_OWN = ErrorMapping(DbTable, "an error is raised")
_NOT_READY = ErrorMapping(
    DbTable, "it is not ready to be read, as a materialized view that was never refreshed"
)
_SHAPE = ErrorMapping(
    DbValue,
    "PostGIS cannot compute with a shape, as with a polygon whose lines cross",
    "leave such shapes out",
)
_FAULT = ErrorMapping(Internal, "the gateway sent a statement the database did not accept")

ANSWERS: dict[str, ErrorMapping] = {
    "08": _GONE,
    "0A": _FAULT,
    # feature_not_supported; a cached plan that no longer fits has it too, and a class of its own
    "0A000": ErrorMapping(
        Unsupported,
        "the database does not support what this request needs",
        "where tables are distributed over several servers, ask for rows that one of them has: "
        "those of one account, or with one value of the column that they are distributed by",
    ),
    "09": _OWN,  # triggered_action_exception
    "20": _OWN,  # case_not_found, in a function
    "21": ErrorMapping(DbTable, "several rows were found where there can be one only"),
    "23": _OWN,  # integrity constraint violation, as of a domain that a view casts to
    "2D": _OWN,  # transaction commands in a function
    "2F": _OWN,  # sql_routine_exception
    "38": _OWN,  # external_routine_exception
    "39": _OWN,
    "44": _OWN,
    "HV": ErrorMapping(DbTable, "a foreign server did not answer as expected"),
    "P0": ErrorMapping(DbTable, "an exception is raised"),  # RAISE in PL/pgSQL
    "22": ErrorMapping(DbValue, "a value cannot be used as the query uses it"),
    "25": _FAULT,
    # read_only_sql_transaction: no statement writes, and the session forbids it as well
    "25006": ErrorMapping(DbDenied, "the database refused to write"),
    # idle_in_transaction_session_timeout
    "25P03": ErrorMapping(DbTimeout, "the answer was read too slowly"),
    # transaction_timeout
    "25P04": ErrorMapping(DbTimeout, "the transaction ran longer than the database allows"),
    "26": _GONE,  # the prepared statement is gone, as behind a pooler
    "28": _UNAVAILABLE,  # wrong password: for the operator's log, not for the client
    "34": _GONE,
    "3D": _UNAVAILABLE,
    "3F": _CHANGED,
    "40": _CONFLICT,
    "42": _FAULT,
    "42501": _DENIED,
    "42P01": _CHANGED,  # undefined_table
    # duplicate_prepared_statement: a pooler has given the server connection to another client
    "42P05": _GONE,
    # invalid_object_definition: a view that reads itself, a policy that asks its own table
    "42P17": ErrorMapping(DbTable, "its definition is not valid, as of a view that reads itself"),
    "42703": _CHANGED,  # undefined_column
    "42704": _CHANGED,  # undefined_object, such as a dropped enum type
    "42804": _CHANGED,  # datatype_mismatch
    "42809": _CHANGED,  # wrong_object_type: a table became something else
    "42846": _CHANGED,  # cannot_coerce
    "42883": _CHANGED,  # undefined_function: no operator for the column's new type
    "53": ErrorMapping(DbUnavailable, "the database has no capacity at the moment"),
    "54": _COMPLEX,
    # too_many_columns: a statement has at most 1,664, those of joined rows included
    "54011": ErrorMapping(
        LimitNodes,
        "the database has no room for so many columns at once",
        "choose columns with $select",
    ),
    "55": _UNAVAILABLE,
    "55P03": ErrorMapping(DbBusy, "a lock in the database was not free in time"),
    "57": _UNAVAILABLE,
    "57014": ErrorMapping(
        DbTimeout,
        "the query ran longer than its limit",
        "raise ODATA_STATEMENT_TIMEOUT_S to allow more",
    ),
    "58": _UNAVAILABLE,  # system_error: disk, files
    # undefined_file: no file of the database's own, whose loss has the code 58030
    "58P01": ErrorMapping(DbTable, "a file that it is read from is not there"),
    "72": _CONFLICT,  # snapshot_too_old
    "F0": _UNAVAILABLE,
    "XX": _UNAVAILABLE,  # internal_error, data_corrupted
}

VALUES: dict[str, str] = {
    "22001": "a string is too long",
    "22003": "a number is out of range: add, sub, mul, div or sum made one of more digits than a "
    "Decimal can have, which is 131,072 before the point",
    "22007": "a string is not a date or time",
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
    "22032": "a string is not JSON",
    "22P02": "a string cannot be read as the type it is compared with",
    "22P05": "a character cannot be written in the database's encoding",
}


_WAYS_OUT = {
    "22003": "cast an operand to Edm.Double, which becomes INF where it is too large",
    "22012": "give rows whose divisor is 0 another value, as in case(n ne 0:1 div n)",
}
"""Hints for some of them."""

PASSING = frozenset({"40001", "40P01", "72000", "26000", "34000", "42P05"})
"""What may not happen again to the same statement: a conflict with a standby's recovery or with
another transaction, or a prepared statement that a pooler has lost. Not a lock that was not free,
and not a timeout: for those the request has waited already."""


def is_passing(error: Exception) -> bool:
    """Whether the same statement, sent again, is likely to succeed. Of a lost connection, ask the
    connection."""
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate in PASSING:
        return True
    return is_outdated(error)


def is_outdated(error: Exception) -> bool:
    """Whether a statement that a connection keeps may no longer fit the database; prepared anew, it
    does. Postgres does not always notice that it has to plan again, as where a function is made
    anew or the table changes whose rows it returns; what it says then differs, and is internal."""
    match error:
        case asyncpg.InvalidCachedStatementError() | asyncpg.OutdatedSchemaCacheError():
            return True
        case asyncpg.InternalServerError():
            is_other = _SHAPES.search(str(error)) or _PLANNERS.fullmatch(_source_file(error))
            return error.sqlstate == "XX000" and not is_other and server_of(error) is None
        case _:
            return _is_lost(error)


def _is_lost(error: BaseException) -> bool:
    kinds = asyncpg.InternalServerError | asyncpg.UndefinedTableError
    return isinstance(error, kinds) and _LOST.match(str(error)) is not None


_IN_FUNCTIONS = ("0A", "3F", "42", "54")
_WRITES = "is not allowed in a non-volatile function"
_UNKNOWN_NAMES = ("3F000", "42P01", "42704", "42883")
"""What a function cannot find without a search_path: a schema, a table, a type, a function."""


def to_odata_error(error: BaseException) -> ODataError:
    """The ODataError of any exception that asyncpg, the socket below it or this package raises; an
    ODataError stays as it is."""
    match error:
        case ODataError():
            return error
        case asyncpg.InvalidTextRepresentationError() if found := _NULL_KEY.search(str(error)):
            return DbKey(f"the key of a row is null: {found[1]}")
        case asyncpg.InvalidCachedStatementError() | asyncpg.OutdatedSchemaCacheError():
            return _answer(_CHANGED)
        case asyncpg.PostgresError() if _is_lost(error):
            return _answer(_CHANGED)
        case asyncpg.PostgresError() if (server := server_of(error)) is not None:
            return _of_server(error, server)
        case asyncpg.InvalidTextRepresentationError() if REWRITTEN in str(error):
            reason = "the table was rewritten since this page's link was made"
            return UrlSkiptoken.outdated(reason)
        case asyncpg.ObjectNotInPrerequisiteStateError(severity_en="ERROR", sqlstate="55000"):
            return _answer(_NOT_READY)  # FATAL: the database takes no connections
        case asyncpg.InternalServerError() if _PLANNERS.fullmatch(_source_file(error)):
            return _answer(ANSWERS["0A000"])
        case asyncpg.PostgresConnectionError(severity_en="ERROR"):
            return _answer(_FOREIGN_GONE)  # FATAL: the database has ended the session
        case asyncpg.InternalServerError() if _SHAPES.search(str(error)):
            return _answer(_SHAPE)
        case asyncpg.PostgresError() if isinstance(error.sqlstate, str):
            return _of_function(error) or _by_sqlstate(error.sqlstate)
        case asyncpg.PostgresError():
            return _answer(_UNAVAILABLE)
        case asyncpg.InterfaceError() | asyncpg.InternalClientError() | asyncpg.InterfaceWarning():
            return _answer(_GONE)
        case TimeoutError(errno=None):  # one of ours; TCP's, for a silent host, has a number
            return _answer(ANSWERS["57014"])
        case OSError():
            return _answer(_GONE)
        case _:
            return Internal("an unexpected fault while reading from the database")


def server_of(error: BaseException) -> str | None:
    """Host and port of the server of a cluster that an error of the database comes from; None where
    it is the database's own."""
    found = _SERVER.search(f"{error} {getattr(error, 'context', None) or ''}")
    return None if found is None else found[1]


def _source_file(error: asyncpg.PostgresError) -> str:
    """The file of the server's source in which the error was raised."""
    return str(getattr(error, "server_source_filename", None) or "")


def _of_server(error: asyncpg.PostgresError, server: str) -> ODataError:
    """The error of another server, which reports it, or which cannot be reached."""
    sqlstate = str(error.sqlstate)
    found = _by_sqlstate(sqlstate)
    if sqlstate.startswith(("08", "57P")):  # also one that is shutting down
        found = _answer(_SERVER_GONE)
    if isinstance(found, DbUnavailable):
        COUNTERS.worker_faults += 1
    found.server = server
    return found


def cancelled() -> ODataError:
    """The error of a statement that an operator cancelled (pg_cancel_backend)."""
    return DbUnavailable("the query was cancelled in the database")


def _by_sqlstate(sqlstate: str) -> ODataError:
    if sqlstate in VALUES:
        return DbValue(VALUES[sqlstate], hint=_WAYS_OUT.get(sqlstate))
    return _answer(ANSWERS.get(sqlstate) or ANSWERS.get(sqlstate[:2]) or _OWN)


def _of_function(error: asyncpg.PostgresError) -> ODataError | None:
    """The error of a mistake inside a function of a view or policy, which has a context; one in our
    own statement has none."""
    sqlstate = str(error.sqlstate)
    if not getattr(error, "context", None) or not sqlstate.startswith(_IN_FUNCTIONS):
        return None
    if sqlstate in ANSWERS and ANSWERS[sqlstate] is _DENIED:
        return None
    if _WRITES in str(error):
        return DbDenied("the database refused to write")
    hint = "its functions may need ODATA_SEARCH_PATH" if sqlstate in _UNKNOWN_NAMES else None
    return DbTable("a function fails", hint=hint)


def _answer(answer: ErrorMapping) -> ODataError:
    return answer.error(answer.message, hint=answer.hint)
