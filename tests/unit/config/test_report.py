"""What `odata-gateway check` shows of the settings: all of them, where each came from, and no secret."""

import pytest
from odata_gateway.config.report import beside_dsn, lines, masked_dsn
from odata_gateway.config.settings import SETTINGS, load, origins


def shown(environ, flags=None, home=None):
    return {line.split()[0]: line for line in lines(load(environ, flags), origins(environ, flags), environ, home) if "=" in line}


def test_every_setting_is_shown_with_its_origin(tmp_path):
    secret = tmp_path / "dsn"
    secret.write_text("postgresql://reader:hunter2@db/live")
    environ = {"ODATA_DSN_FILE": str(secret), "ODATA_PAGE_ROWS": "500", "PORT": "4000"}
    found = shown(environ, {"basic_auth": "no"}, tmp_path)
    assert set(found) == {setting.variable for setting in SETTINGS}
    assert found["ODATA_DSN"].split("= ")[1] == f"postgresql://reader:***@db/live  (file {secret}, by ODATA_DSN_FILE)"
    assert found["ODATA_PAGE_ROWS"].endswith("= 500  (variable ODATA_PAGE_ROWS)")
    assert found["ODATA_PORT"].endswith("= 4000  (variable PORT)")
    assert found["ODATA_BASIC_AUTH"].endswith("= false  (flag --basic-auth)")
    assert found["ODATA_GRACE_S"].endswith("= 2  (default)")
    assert found["ODATA_ADMIN_PORT"].endswith("= none  (default)")


def test_the_charts_dsn_is_masked_too(tmp_path):
    environ = {"POSTGRES_HOST": "db", "POSTGRES_PASSWORD": "hunter2"}
    assert shown(environ, None, tmp_path)["ODATA_DSN"].endswith(
        "postgres:***@db:5432/live_agent_production?sslmode=require  (variable POSTGRES_HOST)"
    )


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
    found = list(beside_dsn("postgresql://u@h/d", environ, tmp_path))
    assert ["PGPASSWORD" in found[0], "PGSERVICE" in found[1], len(found)] == [True, True, 2] and "hunter2" not in str(found)
    assert list(beside_dsn("postgresql://u@h/d", {}, tmp_path)) == ["the password is looked for in ~/.pgpass"]
    assert list(beside_dsn("postgresql://u:p@h/d", environ, tmp_path)) == []
