"""Every database error has an answer, and none of them quotes the server."""

from __future__ import annotations

import errno
import inspect
import re

import asyncpg
import asyncpg.exceptions
import pytest
from odata_gateway.db.sqlstate import ANSWERS, VALUES, to_odata_error
from odata_gateway.errors import (
    DbBusy,
    DbDenied,
    DbModel,
    DbTable,
    DbTimeout,
    DbUnavailable,
    DbValue,
    Internal,
    LimitNodes,
    ODataError,
    Unsupported,
    all_codes,
)

SECRET = 'canary "5432 rows" of alice@example.com'
CLASSES = [c for c in vars(asyncpg.exceptions).values() if inspect.isclass(c) and issubclass(c, Exception)]


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("recursive_planning.c", Unsupported), ("multi_server_executor.c", Unsupported), ("distributed_planner.c", Unsupported),
        ("planner.c", DbUnavailable), ("adaptive_executor.c", DbUnavailable), (None, DbUnavailable),
    ],
)  # fmt: skip
def test_what_citus_cannot_plan_is_not_supported_though_it_calls_that_an_internal_error(file, found):
    fields = {"C": "XX000", "S": "ERROR", "M": SECRET} | ({"F": file} if file else {})
    assert type(to_odata_error(asyncpg.PostgresError.new(fields))) is found


@pytest.mark.parametrize(
    ("cls", "text", "context", "found"),
    [
        (asyncpg.ConnectionFailureError, "connection to the remote node odata_reader@10.0.0.2:5433 failed with the following error: x", "", "10.0.0.2:5433"),
        (asyncpg.ConnectionFailureError, "connection to the remote node worker-1.db:5432 failed with the following error: x", "", "worker-1.db:5432"),
        (asyncpg.AdminShutdownError, "terminating connection", "while executing command on 10.0.0.2:5433", "10.0.0.2:5433"),
        (asyncpg.ConnectionFailureError, "x", "PL/pgSQL function f() line 1", None),
    ],
)  # fmt: skip
def test_the_server_of_a_cluster_that_cannot_be_reached_is_for_the_log_alone(cls, text, context, found):
    error = cls(text)
    error.context = context
    answer = to_odata_error(error)
    assert (type(answer), answer.server) == (DbUnavailable, found) and "10.0" not in str(answer)
    assert ("of the cluster" in answer.message) == (found is not None)


def test_an_error_of_a_server_of_a_cluster_is_what_it_is():
    error = asyncpg.InsufficientPrivilegeError("permission denied for table messages_102008")
    error.context = "while executing command on 10.0.0.2:5433"
    answer = to_odata_error(error)
    assert (type(answer), answer.server) == (DbDenied, "10.0.0.2:5433")


def test_what_a_foreign_table_needs_and_cannot_reach_is_not_the_database():
    """postgres_fdw's server, file_fdw's file: the session goes on, so the server says ERROR and not FATAL."""
    away = asyncpg.ClientCannotConnectError(SECRET)
    away.severity_en = "ERROR"
    assert "foreign server" in to_odata_error(away).message and type(to_odata_error(away)) is DbUnavailable
    away.severity_en = "FATAL"
    assert "connection to the database" in to_odata_error(away).message
    assert type(to_odata_error(asyncpg.UndefinedFileError(SECRET))) is DbTable


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_asyncpg_exception_maps_without_its_words(cls):
    answer = to_odata_error(cls(SECRET))
    assert type(answer) in all_codes().values()
    assert "canary" not in str(answer) and "alice" not in str(answer)
    assert answer.status in (400, 403, 500, 501, 503, 504)


def test_a_view_that_was_never_refreshed_is_the_tables_fault():
    error = asyncpg.ObjectNotInPrerequisiteStateError("materialized view has not been populated")
    error.severity_en = "ERROR"
    assert type(to_odata_error(error)) is DbTable


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (asyncpg.DivisionByZeroError(""), DbValue),
        (asyncpg.DataError("invalid input for query argument $1"), DbValue),
        (asyncpg.InvalidTextRepresentationError(""), DbValue),
        (asyncpg.QueryCanceledError(""), DbTimeout),
        (asyncpg.TooManyConnectionsError(""), DbUnavailable),
        (asyncpg.OutOfMemoryError(""), DbUnavailable),
        (asyncpg.ConnectionDoesNotExistError(""), DbUnavailable),
        (asyncpg.ConnectionFailureError(""), DbUnavailable),
        (asyncpg.AdminShutdownError(""), DbUnavailable),
        (asyncpg.CannotConnectNowError(""), DbUnavailable),
        (asyncpg.InvalidPasswordError(""), DbUnavailable),
        (asyncpg.InvalidCatalogNameError(""), DbUnavailable),
        (asyncpg.LockNotAvailableError(""), DbBusy),
        (asyncpg.SerializationError(""), DbUnavailable),
        (asyncpg.DeadlockDetectedError(""), DbUnavailable),
        (asyncpg.InsufficientPrivilegeError(""), DbDenied),
        (asyncpg.ReadOnlySQLTransactionError(""), DbDenied),
        (asyncpg.UndefinedTableError(""), DbModel),
        (asyncpg.InvalidObjectDefinitionError("infinite recursion detected in rules"), DbTable),
        (asyncpg.ObjectNotInPrerequisiteStateError("not accepting connections"), DbUnavailable),
        (asyncpg.UndefinedColumnError(""), DbModel),
        (asyncpg.UndefinedFunctionError(""), DbModel),
        (asyncpg.DatatypeMismatchError(""), DbModel),
        (asyncpg.FeatureNotSupportedError(""), Unsupported),
        (asyncpg.InvalidCachedStatementError(""), DbModel),
        (asyncpg.StatementTooComplexError(""), LimitNodes),
        (asyncpg.TooManyColumnsError(""), LimitNodes),
        (asyncpg.PostgresSyntaxError(""), Internal),
        (asyncpg.RaiseError(""), DbTable),
        (asyncpg.CardinalityViolationError(""), DbTable),
        (asyncpg.FDWError(""), DbTable),
        (asyncpg.CheckViolationError(""), DbTable),
        (asyncpg.InterfaceError(""), DbUnavailable),
        (ConnectionRefusedError(), DbUnavailable),
        (ConnectionResetError(), DbUnavailable),
        (OSError(), DbUnavailable),
        (TimeoutError(), DbTimeout),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), DbUnavailable),  # by TCP
        (RuntimeError(SECRET), Internal),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_answers(error, expected):
    assert type(to_odata_error(error)) is expected


def test_an_odata_error_is_its_own_answer():
    error = DbBusy("wait")
    assert to_odata_error(error) is error


def test_the_table_is_well_formed():
    assert all(re.fullmatch(r"[0-9A-Z]{2}([0-9A-Z]{3})?", code) for code in ANSWERS)
    assert all(re.fullmatch(r"22[0-9A-Z]{3}", code) for code in VALUES)
    assert all(issubclass(answer.error, ODataError) for answer in ANSWERS.values())
    assert {cls.sqlstate for cls in CLASSES if getattr(cls, "sqlstate", None)} >= set(VALUES) - {"22030", "22032", "22P05"}
