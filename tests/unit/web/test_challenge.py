"""What refused requests are told about where tokens come from."""

import pytest
from odata_gateway.errors import AuthForbidden, AuthInvalid, AuthMissing
from odata_gateway.web.challenge import Challenges, SignIn, metadata_url

ROOT = "https://odata.example.com/v1.0/odata/"
TENANT = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47"
ENTRA = SignIn("https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/", f"{TENANT}/oauth2/authorize")
KEYCLOAK = SignIn("https://sso.example.com/realms/x", "https://sso.example.com/realms/x/protocol/openid-connect/auth")
METADATA = 'resource_metadata="https://odata.example.com/.well-known/oauth-protected-resource/v1.0/odata"'
BASIC = ("WWW-Authenticate", 'Basic realm="odata", charset="UTF-8"')


def challenge(error, sign_in=ENTRA, **headers):
    return Challenges(lambda: sign_in).headers(error, headers, ROOT)


def test_the_realm_is_the_tenant_as_microsofts_documentation_has_it():
    assert challenge(AuthMissing("x")) == (("WWW-Authenticate", f'Bearer realm="{TENANT}", {METADATA}'), BASIC)
    assert challenge(AuthMissing("x"), KEYCLOAK)[0][1] == f'Bearer realm="{KEYCLOAK.issuer}", {METADATA}'


@pytest.mark.parametrize("sent", ["Bearer", "bearer ", " BEARER", "Bearer  "])
def test_an_empty_bearer_token_is_told_the_sign_in_page_and_nothing_else(sent):
    assert challenge(AuthMissing("x"), authorization=sent) == (
        ("WWW-Authenticate", f'Bearer authorization_uri="{TENANT}/oauth2/authorize"'),
    )


def test_without_a_sign_in_page_an_empty_bearer_token_is_no_probe():
    for sign_in in (None, SignIn("https://issuer.example.com", "")):
        assert challenge(AuthMissing("x"), sign_in, authorization="Bearer")[0][1].startswith('Bearer realm="')
    assert challenge(AuthMissing("x"), None, authorization="Bearer") == (("WWW-Authenticate", 'Bearer realm="odata"'), BASIC)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the token expired at 2026-11-29T21:00:00Z", "the token expired at 2026-11-29T21:00:00Z"),
        ('the role "x\\y" é\r\nSet-Cookie: a', "the role 'x'y' '''Set-Cookie: a"),
    ],
)
def test_a_wrong_token_is_told_why_in_printable_ascii(message, shown):
    assert challenge(AuthInvalid(message), None)[0][1] == f'Bearer realm="odata", error="invalid_token", error_description="{shown}"'
    assert challenge(AuthForbidden(message), None) == (
        ("WWW-Authenticate", f'Bearer realm="odata", error="insufficient_scope", error_description="{shown}"'),
    )


@pytest.mark.parametrize(
    ("root", "path", "resource"),
    [
        (ROOT, "", "https://odata.example.com"),
        (ROOT, "/v1.0/odata", "https://odata.example.com/v1.0/odata"),
        ("https://h:8443/crm/v1.0/odata/", "/crm/v1.0/odata", "https://h:8443/crm/v1.0/odata"),
        ("https://h:8443/crm/v1.0/odata/", "/v1.0/odata", "https://h:8443/v1.0/odata"),
        (ROOT, "/other", None),
        (ROOT, "x", None),
        (ROOT, "/v1.0/odata/", None),
    ],
)
def test_the_resource_is_that_of_the_path_which_was_asked(root, path, resource):
    reply = Challenges(lambda: ENTRA).metadata("/.well-known/oauth-protected-resource" + path, root)
    assert (None if reply is None else b'"resource": "%s"' % resource.encode() in reply.body) is (None if resource is None else True)


def test_metadata_needs_an_issuer_and_has_a_url():
    assert Challenges(lambda: None).metadata("/.well-known/oauth-protected-resource", ROOT) is None
    assert metadata_url("http://h/p/v1.0/odata/") == "http://h/.well-known/oauth-protected-resource/p/v1.0/odata"
