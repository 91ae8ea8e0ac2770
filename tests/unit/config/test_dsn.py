"""The database's URL: as the vendor's chart gives it, and as it is shown."""

import pytest
from odata_gateway.config.dsn import completing_notes, masked_dsn
from odata_gateway.config.setting import SettingsError
from odata_gateway.config.sources import load


def test_charts_variables_spell_the_dsn():
    environ = {"POSTGRES_HOST": "db", "POSTGRES_USERNAME": "u@x", "POSTGRES_PASSWORD": "a/b c", "POSTGRES_DB": "live-agent"}
    assert load(environ).dsn == "postgresql://u%40x:a%2Fb%20c@db:5432/live-agent?sslmode=require"
    assert (
        load({"POSTGRES_HOST": "db", "POSTGRES_SSL_MODE": "disable"}).dsn
        == "postgresql://postgres@db:5432/live_agent_production?sslmode=disable"
    )
    assert load({**environ, "ODATA_DSN": "postgresql://own"}).dsn == "postgresql://own"
    assert load({"POSTGRES_DB": "other"}).dsn == ""
    with pytest.raises(SettingsError, match="^POSTGRES_SSL_MODE must be one of [^\\n]*$"):
        load({"POSTGRES_HOST": "db", "POSTGRES_SSL_MODE": "maybe"})


@pytest.mark.parametrize(
    ("dsn", "masked"),
    [
        ("", ""),
        ("postgresql://h/d", "postgresql://h/d"),
        ("postgresql://u@h:1,[::1]:2/d?target_session_attrs=any", "postgresql://u@h:1,[::1]:2/d?target_session_attrs=any"),
        ("postgresql://u:hunter2@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:hun@ter/2#x@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h/d?sslmode=require&password=hunter2", "postgresql://u@h/d?sslmode=require&password=***"),
        ("postgresql://h/d?options=-c%20x=hunter2&sslpassword=hunter2", "postgresql://h/d?options=***&sslpassword=***"),
        ("postgresql://u:hun?ter2@h/d", "postgresql://***"),
        ("postgresql://u:hunter2", "postgresql://***"),
        ("postgresql:hunter2", "***"),
    ],
)
def test_a_masked_dsn_has_no_secret(dsn, masked):
    assert masked_dsn(dsn) == masked


def test_what_completes_a_dsn_without_a_password_is_named(tmp_path):
    (tmp_path / ".pgpass").touch()
    environ = {"PGPASSWORD": "hunter2", "PGSERVICE": "live"}
    found = list(completing_notes("postgresql://u@h/d", environ, tmp_path))
    assert ["PGPASSWORD" in found[0], "PGSERVICE" in found[1], len(found)] == [True, True, 2] and "hunter2" not in str(found)
    assert list(completing_notes("postgresql://u@h/d", {}, tmp_path)) == ["the password is looked up in ~/.pgpass"]
    assert list(completing_notes("postgresql://u:p@h/d", environ, tmp_path)) == []
