"""What `odata-gateway check` shows of the settings: all of them, where each came from, and no secret."""

from pathlib import Path

from odata_gateway.config.report import settings_lines
from odata_gateway.config.settings import SETTINGS
from odata_gateway.config.sources import load, origins


def shown(environ, flags=None, home=None):
    return {line.split()[0]: line for line in settings_lines(load(environ, flags), origins(environ, flags), environ, home) if "=" in line}


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


def test_settings_stand_under_their_groups():
    lines = settings_lines(load({}), origins({}, None), {}, Path())
    found, group = [], None
    for line in lines:
        if "=" in line:
            found.append((group, line.split()[0]))
        else:
            group = line.removesuffix(":")
    assert found == [(setting.group, setting.variable) for setting in SETTINGS]


def test_the_charts_dsn_is_masked_too(tmp_path):
    environ = {"POSTGRES_HOST": "db", "POSTGRES_PASSWORD": "hunter2"}
    assert shown(environ, None, tmp_path)["ODATA_DSN"].endswith(
        "postgres:***@db:5432/live_agent_production?sslmode=require  (variable POSTGRES_HOST)"
    )
