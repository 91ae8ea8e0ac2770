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
    all_codes,
)

SECRET = 'canary "5432 rows" of alice@example.com'
CLASSES = [c for c in vars(asyncpg.exceptions).values() if inspect.isclass(c) and issubclass(c, Exception)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_asyncpg_exception_maps_without_its_words(cls):
    answer = to_odata_error(cls(SECRET))
    assert type(answer) in all_codes().values()
    assert "canary" not in str(answer) and "alice" not in str(answer)
    assert answer.status in (400, 403, 500, 503, 504)


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
        (asyncpg.FeatureNotSupportedError(""), DbModel),
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
