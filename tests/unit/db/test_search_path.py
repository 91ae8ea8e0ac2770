"""The search path of a DSN, in every way in which libpq's users write it; and the one that connections get."""

from __future__ import annotations

import pytest
from odata_gateway.db.search_path import namesake_in, schemas_of_dsn, widened_path, without_search_path
from odata_gateway.db.settings import DatabaseSettings

DSN = "postgresql://u:p@h:5432/db"


@pytest.mark.parametrize(
    ("parameters", "schemas", "left"),
    [
        ("", (), ""),
        ("sslmode=require", (), "sslmode=require"),
        ("search_path=app", ("app",), ""),
        ("search_path=App,%22App%22,app", ("app", "App"), ""),
        ("search_path=pg_catalog,app,pg_temp", ("app",), ""),
        ("sslmode=require&search_path=%22a%22%22b%22", ('a"b',), "sslmode=require"),
        ("options=-c%20search_path%3Dapp,public", ("app", "public"), ""),
        ("options=-csearch_path%3Dapp", ("app",), ""),
        ("options=--search_path%3Dapp", ("app",), ""),
        ("options=-c%20search_path%3Da,%5C%20b", ("a", "b"), ""),
        ("options=-c%20work_mem%3D8MB%20-c%20search_path%3Dapp", ("app",), "options=-c+work_mem%3D8MB"),
        ("options=-c%20work_mem%3D8MB", (), "options=-c+work_mem%3D8MB"),
        ("search_path=%22%24user%22,public", ("$user", "public"), ""),
    ],
)
def test_the_search_path_of_a_dsn(parameters, schemas, left):
    dsn = f"{DSN}?{parameters}" if parameters else DSN
    assert schemas_of_dsn(dsn) == schemas
    rest = without_search_path(dsn).partition("?")[2]
    assert rest == left


def test_the_setting_takes_precedence_over_the_dsn():
    assert DatabaseSettings(f"{DSN}?search_path=one", search_path=("two",)).schemas == ("two",)
    assert DatabaseSettings(f"{DSN}?search_path=one").schemas == ("one",)


def test_a_connection_begins_with_the_narrow_path():
    settings = DatabaseSettings(DSN, search_path=("app",)).server_settings()
    assert settings["search_path"] == "pg_catalog, pg_temp"


def test_names_are_quoted():
    assert widened_path(("app", 'a"b', "A b")) == 'pg_catalog, "app", "a""b", "A b", pg_temp'


def test_a_namesake_is_told_from_another_error_in_any_language():
    assert namesake_in('invalid input syntax for type integer: "odata-gateway: a namesake: app.lower(text)"') == "app.lower(text)"
    assert namesake_in("ungültige Eingabesyntax für Typ integer: »odata-gateway: a namesake: app.f(int4)«") == "app.f(int4)"
    assert namesake_in('invalid input syntax for type integer: "x"') is None
