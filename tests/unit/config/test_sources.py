"""Where settings come from: the order of the sources, and all mistakes at once."""

from ipaddress import ip_network

import pytest
from odata_gateway.config.setting import SettingsError
from odata_gateway.config.settings import Settings
from odata_gateway.config.sources import dsn_of_file, flags_of, load, origins, require_dsn


def mistakes(environ, flags=None):
    with pytest.raises(SettingsError) as caught:
        load(environ, flags)
    return caught.value.mistakes


def test_row_level_security_and_shards_exclude_each_other():
    with pytest.raises(SettingsError, match="ODATA_RLS and ODATA_SHARDED"):
        load({"ODATA_RLS": "true", "ODATA_SHARDED": "true"})


def test_defaults_are_those_of_the_table():
    assert load({}) == Settings()
    assert (Settings().port, Settings().page_rows, Settings().admin_roles, Settings().token_ttl_s) == (3001, 10000, (1,), 30)


def test_flag_goes_before_variable_and_variable_before_the_charts():
    environ = {"ODATA_PORT": "4000", "PORT": "5000"}
    assert load(environ, {"port": "3000"}).port == 3000
    assert load(environ).port == 4000
    assert load({"PORT": "5000"}).port == 5000


def test_empty_variable_counts_as_not_given():
    assert load({"ODATA_PORT": "", "ODATA_MODEL": "", "PORT": ""}).port == 3001


def test_lists():
    settings = load({"ODATA_ADMIN_ROLES": "1, 2", "ODATA_TRUSTED_PROXIES": "10.1.2.3/8", "ODATA_CORS_ORIGINS": "none"})
    assert settings.admin_roles == (1, 2)
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"),)
    assert settings.cors_origins == ()


def test_all_mistakes_are_reported_together():
    found = mistakes(
        {"ODATA_PAGEROWS": "5", "ODATA_PORT": "x", "ODATA_TOKEN_TTL_S": "31", "ODATA_LOG_LEVEL": "loud", "ODATA_MODEL": "/nowhere.json"},
        {"workers": "0"},
    )
    assert len(found) == 6
    assert "ODATA_PAGEROWS is unknown; did you mean ODATA_PAGE_ROWS?" in found
    assert "--workers must be a whole number from 1 to 64, not '0'" in found


@pytest.mark.parametrize(
    "environ",
    [
        {"ODATA_PORT": "65536"},
        {"ODATA_PORT": "٣"},
        {"ODATA_PAGE_ROWS": "0"},
        {"ODATA_PAGE_ROWS": "1e3"},
        {"ODATA_POOL_WAIT_S": "nan"},
        {"ODATA_PUBLIC_URL": "example.com"},
        {"ODATA_PUBLIC_URL": "https://example.com/?a=b"},
        {"ODATA_PROTOCOL": "ftp"},
        {"ODATA_TRUSTED_PROXIES": "everyone"},
        {"ODATA_EXPOSE_SECRETS": "maybe"},
        {"ODATA_ADMIN_ROLES": "admin"},
        {"ODATA_ADMIN_ROLES": "none"},
        {"ODATA_CORS_ORIGINS": "dash"},
        {"ODATA_PAGE_ROWS": "200000"},
        {"ODATA_MAX_DEPTH": "100000"},
    ],
)
def test_bad_value_is_one_mistake(environ):
    assert len(mistakes(environ)) == 1


def test_secret_comes_from_a_file(tmp_path):
    path = tmp_path / "dsn"
    path.write_text("postgresql://u:p@h/d\n")
    assert load({"ODATA_DSN_FILE": str(path)}).dsn == "postgresql://u:p@h/d"
    assert "are both set" in mistakes({"ODATA_DSN_FILE": str(path), "ODATA_DSN": "postgresql://h"})[0]
    assert "cannot be read" in mistakes({"ODATA_DSN_FILE": str(tmp_path / "none")})[0]


def test_only_secrets_have_files():
    assert "ODATA_PORT_FILE is unknown" in mistakes({"ODATA_PORT_FILE": "x"})[0]


def test_secrets_are_in_no_message():
    assert "hunter2" not in str(mistakes({"ODATA_DSN": "mysql://u:hunter2@h/d"}))
    assert "hunter2" not in repr(load({"ODATA_DSN": "postgresql://u:hunter2@h/d"}))


def test_charts_other_variables():
    chart = {
        "LIVENESS_PORT": "9000",
        "METRICS_PORT": "8002",
        "ODATA_PROTOCOL": "https",
        "NODE_ENV": "production",
        "APP_VERSION": "1",
        "LS_DETECT_K8S": "x",
    }
    settings = load(chart)
    assert (settings.admin_port, settings.protocol) == ((9000, 8002), "https")


def test_variables_kubernetes_sets_for_services_are_no_mistakes():
    environ = {
        "ODATA_PORT": "tcp://10.0.0.1:3001",
        "ODATA_SERVICE_HOST": "10.0.0.1",
        "ODATA_SERVICE_PORT_HTTP": "3001",
        "ODATA_LIVE_AGENT_PORT": "tcp://10.0.0.1:3001",
        "ODATA_LIVE_AGENT_PORT_3001_TCP_ADDR": "10.0.0.1",
    }
    assert load(environ) == Settings()


def test_flags_are_told_from_other_options():
    assert flags_of({"port": "1", "command": "serve", "url": "Message"}) == {"port": "1"}


def test_a_missing_dsn_names_its_variable():
    with pytest.raises(SettingsError, match="ODATA_DSN is missing"):
        require_dsn(load({}))
    require_dsn(load({"ODATA_DSN": "postgresql://h/d"}))


def test_dsn_of_a_file_is_read_again_and_another_dsn_is_not(tmp_path):
    path = tmp_path / "dsn"
    path.write_text("postgresql://u:old@h/d")
    environ = {"ODATA_DSN_FILE": str(path)}
    assert dsn_of_file(environ) == "postgresql://u:old@h/d"
    path.write_text("postgresql://u:new@h/d\n")
    assert dsn_of_file(environ) == "postgresql://u:new@h/d"
    path.write_text("new")
    with pytest.raises(ValueError, match="must be a URL"):
        dsn_of_file(environ)
    assert dsn_of_file({"ODATA_DSN": "postgresql://h/d"}) is None
    assert dsn_of_file({}) is None


def test_dsn_of_the_chart_follows_its_password_file(tmp_path):
    path = tmp_path / "password"
    path.write_text("a/b\n")
    environ = {"POSTGRES_HOST": "db", "POSTGRES_DB": "d"}
    assert dsn_of_file(environ) is None
    assert dsn_of_file({**environ, "POSTGRES_PASSWORD_FILE": str(path)}) == "postgresql://postgres:a%2Fb@db:5432/d?sslmode=require"


@pytest.mark.parametrize(
    ("environ", "flags", "name", "origin"),
    [
        ({}, {}, "port", "default"),
        ({"PORT": "1"}, {}, "port", "variable PORT"),
        ({"PORT": "1", "ODATA_PORT": "2"}, {}, "port", "variable ODATA_PORT"),
        ({"ODATA_PORT": "2"}, {"port": "3"}, "port", "flag --port"),
        ({"LIVENESS_PORT": "1", "METRICS_PORT": "2"}, {}, "admin_port", "variable LIVENESS_PORT and METRICS_PORT"),
        ({"POSTGRES_HOST": "h"}, {}, "dsn", "variable POSTGRES_HOST"),
    ],
)
def test_the_origin_is_the_source_that_wins(environ, flags, name, origin):
    assert origins(environ, flags)[name] == origin


# --- JSON Web Tokens --------------------------------------------------------------------------------

SECRET = "a secret of at least thirty-two bytes"
ISSUER = "https://issuer.example.com/realms/x"


@pytest.mark.parametrize("text", [".", "a.", "..a", "a..b", '"a', 'a"b"', '""b"', "[0]", "a[", "a[-1]", "a[x]", "a[0]b", "a[00000]", "a b"])
def test_the_path_of_a_claim_must_be_one(text):
    for name in ("ODATA_JWT_ROLE", "ODATA_ACCOUNTS_CLAIM"):
        (mistake,) = mistakes({name: text})
        assert f"{name} must be names with dots between them" in mistake


@pytest.mark.parametrize(
    "text", ["role", ".app_metadata.role", 'a."b.c"[0].d', "https://example.com/role", "realm_access.roles", "none", "a-b:c/d"]
)
def test_the_path_of_a_claim_is_kept_as_it_is(text):
    assert load({"ODATA_JWT_ROLE": text}).jwt_role == ("" if text == "none" else text)


@pytest.mark.parametrize(
    "secret", ["short", "x" * 31, "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----"]
)
def test_a_secret_that_cannot_sign_is_refused_and_not_shown(secret):
    (mistake,) = mistakes({"ODATA_JWT_SECRET": secret})
    assert mistake.startswith("ODATA_JWT_SECRET must be a text of at least 32 bytes") and secret not in mistake


def test_a_secret_may_come_from_a_file(tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    assert load({"ODATA_JWT_SECRET_FILE": str(tmp_path / "secret")}).jwt_secret == SECRET


@pytest.mark.parametrize(
    ("environ", "mistake"),
    [
        ({"ODATA_JWT_JWKS": "/nowhere.json"}, "ODATA_JWT_JWKS must be the path of a file that exists"),
        ({"ODATA_JWT_JWKS": "ftp://example.com/jwks"}, "ODATA_JWT_JWKS must be the path of a file that exists, or a http or https URL"),
        ({"ODATA_JWT_ISSUER": "my-app"}, "must be the https URL of an OpenID issuer, not 'my-app', unless ODATA_JWT_SECRET"),
        ({"ODATA_JWT_ISSUER": ISSUER}, "ODATA_JWT_ISSUER needs ODATA_JWT_AUDIENCE or ODATA_PUBLIC_URL"),
        ({"ODATA_JWT_ALGORITHMS": "HS256,none"}, "ODATA_JWT_ALGORITHMS must be of HS256"),
        ({"ODATA_JWT_ALGORITHMS": "none", "ODATA_JWT_SECRET": SECRET}, "must name at least one algorithm"),
        ({"ODATA_JWT_LEEWAY_S": "601"}, "ODATA_JWT_LEEWAY_S must be seconds from 0 to 600"),
    ],
)
def test_settings_of_tokens_that_cannot_be_meant_are_refused(environ, mistake):
    assert any(mistake in found for found in mistakes(environ))


@pytest.mark.parametrize(
    "environ",
    [
        {"ODATA_JWT_SECRET": SECRET},
        {"ODATA_JWT_SECRET": '{"kty":"oct","k":"AAAA"}'},
        {"ODATA_JWT_SECRET": SECRET, "ODATA_JWT_ISSUER": "supabase"},
        {"ODATA_JWT_ISSUER": ISSUER, "ODATA_JWT_AUDIENCE": "odata, https://odata.example.com"},
        {"ODATA_JWT_ISSUER": ISSUER, "ODATA_PUBLIC_URL": "https://odata.example.com"},
        {"ODATA_JWT_JWKS": "https://issuer.example.com/jwks"},
        {"ODATA_JWT_ALGORITHMS": "eddsa,ps256", "ODATA_JWT_SECRET": SECRET},
    ],
)
def test_settings_of_tokens_are_accepted(environ):
    assert load(environ)
